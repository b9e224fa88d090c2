import Platform
import Resolver
import Synchronization
import Testing

@testable import Configuration
@testable import Filtering
@testable import MailFlow

/// A table instead of the DNS.
final class ListDNS: DNS {
  private let addresses: [String: [String]]
  private let broken: Set<String>
  private let silent: Set<String>
  private let questions = Mutex<[String]>([])

  init(_ addresses: [String: [String]] = [:], broken: Set<String> = [], silent: Set<String> = []) {
    (self.addresses, self.broken, self.silent) = (addresses, broken, silent)
  }

  var asked: [String] { questions.withLock { $0.sorted() } }

  func records(_ type: DNSRecordType, of name: DomainName) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    questions.withLock { $0.append(name.ascii) }
    if silent.contains(name.ascii) { try? await Task.sleep(for: .seconds(3600)) }
    if broken.contains(name.ascii) {
      throw DNSFailure(kind: .serverFailure, name: name, type: type, reason: "SERVFAIL")
    }
    guard let found = addresses[name.ascii] else {
      return DNSAnswer(existence: .noSuchName, values: [], name: name, isSecure: false)
    }
    return DNSAnswer(
      existence: .records, values: found.compactMap { IPAddress($0) }.map { .address($0) }, name: name, isSecure: false)
  }
}

@Suite("Lists of the DNS") struct DNSListTests {
  static func list(
    _ zone: String = "bl.example", _ kind: Configuration.DNSList.Kind = .block,
    _ subject: Configuration.DNSList.Subject = .addresses, codes: [String: Double] = [:], limit: Duration = .seconds(60)
  ) -> Configuration.DNSList {
    Configuration.DNSList(
      zone: zone, kind: kind, subject: subject,
      codes: Dictionary(uniqueKeysWithValues: codes.compactMap { key, score in IPAddress(key).map { ($0, score) } }),
      score: 3, timeLimit: limit)
  }

  private func factors(
    _ dns: ListDNS, _ lists: [Configuration.DNSList], peer: String = "192.0.2.7", origin: Origin = .mx
  ) async throws -> [Factor] {
    var message = try Content.judged(
      Content.received("From: a@author.example, b@office.example\nSubject: x\n\nhello\n"), origin: origin
    ) { $0.dnsLists = lists }
    message.envelope.peer.address = IPAddress(peer)
    let check = DNSListCheck(dns: dns)
    guard check.applies(to: message) else { return [] }
    return await check.examine(message).common.factors
  }

  @Test func aListedAddressHasItsScore() async throws {
    let dns = ListDNS(["7.2.0.192.bl.example": ["127.0.0.4", "127.0.0.2"]])
    let found = try await factors(dns, [Self.list(codes: ["127.0.0.4": 4.5, "127.0.0.2": 1])])
    #expect(
      found == [
        Factor(test: "dns-list bl.example", score: 4.5, reason: "it lists 192.0.2.7 (127.0.0.2, 127.0.0.4)")
      ])
    #expect(dns.asked == ["1.0.0.127.bl.example", "7.2.0.192.bl.example"])
    #expect(try await factors(dns, [Self.list()]).map(\.score) == [3])
    #expect(try await factors(dns, [Self.list("bl.example", .allow)]).map(\.score) == [-3])
  }

  @Test func whatIsNotListedSaysSo() async throws {
    let found = try await factors(ListDNS(), [Self.list()])
    #expect(found == [Factor(test: "dns-list bl.example", reason: "it does not list 192.0.2.7")])
  }

  @Test(
    arguments: [
      ["127.255.255.254"], ["127.0.0.2", "127.255.255.252"], ["203.0.113.5"], [],
    ])
  func answersThatMeanNothingListNothing(_ answer: [String]) async throws {
    let found = try await factors(ListDNS(["7.2.0.192.bl.example": answer]), [Self.list()])
    #expect(found.count == 1 && found[0].score == 0 && found[0].reason.hasPrefix("unknown for 192.0.2.7"))
  }

  @Test func answersElsewhereBesideCodesAreIgnored() async throws {
    let found = try await factors(ListDNS(["7.2.0.192.bl.example": ["203.0.113.5", "127.0.0.2"]]), [Self.list()])
    #expect(found.map(\.reason) == ["it lists 192.0.2.7 (127.0.0.2)"])
  }

  @Test func aListThatListsEverythingListsNothing() async throws {
    let dns = ListDNS(["7.2.0.192.bl.example": ["127.0.0.2"], "1.0.0.127.bl.example": ["127.0.0.2"]])
    let found = try await factors(dns, [Self.list()])
    #expect(found.map(\.score) == [0] && found[0].reason.contains("given up"))
  }

  @Test func failuresAndSilenceAreUnknownAndTheOthersCount() async throws {
    let dns = ListDNS(
      ["7.2.0.192.good.example": ["127.0.0.2"]], broken: ["7.2.0.192.broken.example"],
      silent: ["7.2.0.192.silent.example"])
    let found = try await factors(
      dns,
      [Self.list("broken.example"), Self.list("silent.example", limit: .milliseconds(50)), Self.list("good.example")])
    #expect(found.map(\.score) == [0, 0, 3])
    #expect(found[0].reason.contains("SERVFAIL") && found[1].reason.contains("did not answer in time"))
  }

  @Test func ipv6IsAskedInNibbles() async throws {
    let dns = ListDNS()
    _ = try await factors(dns, [Self.list()], peer: "2001:db8::1")
    #expect(dns.asked == ["1" + String(repeating: ".0", count: 23) + ".8.b.d.0.1.0.0.2.bl.example"])
    let address = try #require(IPAddress("2001:db8::1"))
    let question = try #require(DNSListQuestion(Self.list(), address: address))
    #expect(question.neverListed?.labels.count == 34)
  }

  @Test func domainsAreThoseOfSenderAndAuthors() async throws {
    let dns = ListDNS(["author.example.dbl.example": ["127.0.1.2"]])
    let found = try await factors(dns, [Self.list("dbl.example", .block, .domains)])
    #expect(found.map(\.reason) == ["it does not list elsewhere.example", "it lists author.example (127.0.1.2)"])
    #expect(
      dns.asked == ["author.example.dbl.example", "elsewhere.example.dbl.example", "invalid.dbl.example"])
  }

  @Test(arguments: ["10.1.2.3", "192.168.1.1", "127.0.0.1", "fd00::1", "fe80::1"])
  func internalAddressesAreNeverAskedAbout(_ peer: String) async throws {
    let dns = ListDNS()
    #expect(try await factors(dns, [Self.list()], peer: peer).isEmpty && dns.asked.isEmpty)
  }

  @Test func ownMailIsNotAskedAbout() async throws {
    let dns = ListDNS()
    #expect(try await factors(dns, [Self.list()], origin: .submission).isEmpty && dns.asked.isEmpty)
  }
}
