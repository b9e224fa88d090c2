import Platform
import Resolver
import Testing

@testable import Configuration
@testable import Network
@testable import Relay

@Suite("What the DNS says of a domain")
struct DomainCheckTests {
  private let dns = FakeDNS()
  private static let address = IPAddress("192.0.2.1")!

  private func setup(host: String = "mail.office.example", _ more: String = "") throws -> DomainSetup {
    let text = RunnerBench.text.replacing("mail.office.example", with: host).replacing(
      "[relay]\ndirect = false\n", with: "")
    let facts = CertificateFacts(
      names: [host], notBefore: Moment(seconds: 0), notAfter: Moment(seconds: 2_000_000_000), subject: "", issuer: "",
      isSelfSigned: false, fingerprint: "", keyDigest: Array(repeating: 7, count: 32))
    return try #require(
      DomainSetup(
        "office.example", try Configuration(text: text + more), addresses: [Self.address, IPAddress("10.0.0.1")!],
        certificate: facts))
  }

  /// Puts all that the domain needs into the DNS.
  private func publish(_ setup: DomainSetup, secure: Bool = true) {
    let byPlace = Dictionary(grouping: setup.records) { Place(name: $0.name, type: $0.type) }
    for (place, records) in byPlace {
      dns.set(place.name.ascii, place.type, .init(records: records.map(\.record), isSecure: secure))
      // What is an alias leads to the host.
      if place.type == .cname {
        dns.set(place.name.ascii, .a, .init(records: [.address(Self.address)], isSecure: secure, canonical: setup.host))
      }
    }
    for zone in [setup.domain, setup.host] {
      dns.set(zone.ascii, .soa, .init(records: [.other([0])], isSecure: secure))
    }
    dns.set(DomainName.reverse(of: Self.address).ascii, .ptr, .init(records: [.name(setup.host)], isSecure: secure))
  }

  private struct Place: Hashable {
    let name: DomainName
    let type: DNSRecordType
  }

  private func check(
    _ setup: DomainSetup, _ probe: DomainCheck.Probe = .verified("TLSv1.3"), document: DomainCheck.PolicyDocument? = nil
  ) async -> [String: DomainFinding] {
    let findings = await DomainCheck(
      setup, dns: dns, probe: { _ in probe }, fetch: { _ in document ?? .document(Array(setup.stsPolicy.utf8)) }
    ).run()
    return Dictionary(uniqueKeysWithValues: findings.map { ($0.group, $0) })
  }

  @Test func whatIsPrintedIsWhatTheCheckWants() async throws {
    let setup = try setup()
    publish(setup)
    let found = await check(setup)
    #expect(found.count >= 14)
    for (group, finding) in found where !["DKIM", "DMARC"].contains(group) {
      #expect(finding.state == .good, "\(group): \(finding.sentences)")
    }
    #expect(found["DKIM"]?.state == .advice && found["DMARC"]?.state == .advice)
  }

  @Test func anEmptyDNSIsToldRecordByRecord() async throws {
    let setup = try setup()
    let found = await check(setup)
    for group in ["Address", "MX", "IPREV", "SPF", "DMARC"] { #expect(found[group]?.state == .wrong, "\(group)") }
    for group in ["DNSSEC", "DANE", "TLSRPT", "TLSRPT of the host", "MTA-STS", "SRV", "Autoconfig", "Autodiscover"] {
      #expect(found[group]?.state == .advice, "\(group)")
    }
    let told = Set(found.values.flatMap(\.records).map(\.zoneLine))
    #expect(told.contains("office.example. IN MX 10 mail.office.example."))
    #expect(told.contains("mail.office.example. IN A 192.0.2.1"))
    #expect(told.contains(#"office.example. IN TXT "v=spf1 mx -all""#))
    #expect(told.contains("_25._tcp.mail.office.example. IN TLSA 3 1 1 " + String(repeating: "07", count: 32)))
    #expect(told.contains("_submissions._tcp.office.example. IN SRV 0 1 465 mail.office.example."))
  }

  @Test func recordsFitTheConfiguration() throws {
    let lines = try setup(
      """
      [imap]
      enabled = false
      [smart-host]
      host = "smtp.provider.example"
      """
    ).records.map(\.zoneLine)
    #expect(lines.contains("_imap._tcp.office.example. IN SRV 0 0 0 ."))
    #expect(lines.contains(#"office.example. IN TXT "v=spf1 mx ~all""#))
    let same = try setup(host: "office.example").records
    #expect(Set(same.map { "\($0.name) \($0.type) \($0.record.zoneText.prefix(7))" }).count == same.count)
    #expect(
      DomainSetup("other.example", try Configuration(text: RunnerBench.text), addresses: [], certificate: nil) == nil)
  }

  private func change(_ name: String, _ type: DNSRecordType, _ records: DNSRecord...) {
    dns.set(name, type, .init(records: records, isSecure: true))
  }

  @Test func whatIsWrongIsFound() async throws {
    let setup = try setup()
    let other = try #require(DomainName("mx.other.example"))
    let cases: [(String, String, DNSRecordType, [DNSRecord])] = [
      ("MX", "office.example", .mx, [.mx(MXRecord(preference: 5, exchange: other))]),
      ("MX", "office.example", .mx, [.mx(MXRecord(preference: 0, exchange: .root))]),
      ("Return addresses", "mail.office.example", .mx, [.mx(MXRecord(preference: 0, exchange: .root))]),
      ("Return addresses", "mail.office.example", .mx, [.mx(MXRecord(preference: 5, exchange: other))]),
      ("SPF", "office.example", .txt, [.txt("v=spf1 ip4:198.51.100.1 -all")]),
      ("SPF", "office.example", .txt, [.txt("v=spf1 mx +all")]),
      ("SPF", "office.example", .txt, [.txt("v=spf1 mx -all"), .txt("v=spf1 -all")]),
      ("DMARC", "_dmarc.office.example", .txt, [.txt("v=DMARC1; p=maybe")]),
      ("TLSRPT", "_smtp._tls.office.example", .txt, [.txt("v=TLSRPTv1; rua=ftp://x")]),
      ("MTA-STS", "_mta-sts.office.example", .txt, [.txt("v=STSv1; id=a-b")]),
      ("MTA-STS", "mta-sts.office.example", .a, []),
      (
        "DANE", "_25._tcp.mail.office.example", .tlsa,
        [.tlsa(TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [1, 2]))]
      ),
      ("IPREV", "1.2.0.192.in-addr.arpa", .ptr, [.name(other)]),
      ("Address", "mail.office.example", .a, [.address(IPAddress("10.0.0.1")!)]),
      (
        "SRV", "_imaps._tcp.office.example", .srv,
        [.srv(SRVRecord(priority: 0, weight: 1, port: 993, target: other))]
      ),
    ]
    for (group, name, type, records) in cases {
      publish(setup)
      dns.set(name, type, .init(records: records, isSecure: true))
      let found = await check(setup)
      #expect(found[group]?.state == .wrong, "\(group) \(records): \(found[group]?.sentences ?? [])")
    }
    publish(setup)
    #expect(await check(setup, .withoutTLS("no"))["TLS of the MX"]?.state == .wrong)
    #expect(await check(setup, .unreachable("no"))["TLS of the MX"]?.state == .advice)
    dns.fail("office.example", .soa, .bogus)
    #expect(await check(setup)["DNSSEC"]?.state == .wrong)
  }

  @Test func thePolicyIsFetchedAndJudged() async throws {
    let setup = try setup()
    publish(setup)
    let cases: [(String, DomainFinding.State)] = [
      ("version: STSv1\nmode: enforce\nmx: *.office.example\nmax_age: 604800\n", .good),
      ("version: STSv1\nmode: testing\nmx: mail.office.example\nmax_age: 604800\n", .advice),
      ("version: STSv1\nmode: none\nmax_age: 604800\n", .advice),
      ("version: STSv1\nmode: enforce\nmx: mail.office.example\nmax_age: 3600\n", .advice),
      ("version: STSv1\nmode: enforce\nmx: mx.office.example\nmax_age: 604800\n", .wrong),
      ("version: STSv1\nmode: testing\nmx: mx.office.example\nmax_age: 604800\n", .advice),
      ("<html>hello</html>", .wrong),
      ("", .wrong),
    ]
    for (text, state) in cases {
      let found = await check(setup, document: .document(Array(text.utf8)))["MTA-STS"]
      #expect(found?.state == state, "\(text): \(found?.sentences ?? [])")
    }
    let failed = await check(setup, document: .failure("no answer"))["MTA-STS"]
    #expect(failed?.state == .wrong)
    #expect(failed?.sentences.contains { $0.contains("cannot be fetched: no answer") } == true)
    let another = try #require(DomainName("backup.office.example"))
    dns.set("backup.office.example", .a, .init(records: [.address(Self.address)]))
    change(
      "office.example", .mx, .mx(MXRecord(preference: 10, exchange: setup.host)),
      .mx(MXRecord(preference: 20, exchange: another)))
    #expect(await check(setup)["MTA-STS"]?.state == .wrong)
  }

  @Test func reportsElsewhereNeedConsent() async throws {
    let setup = try setup()
    publish(setup)
    change("_dmarc.office.example", .txt, .txt("v=DMARC1; p=reject; rua=mailto:x@reports.example"))
    let asked = await check(setup)["DMARC"]
    #expect(asked?.state == .advice)
    #expect(asked?.records.map(\.zoneLine) == [#"office.example._report._dmarc.reports.example. IN TXT "v=DMARC1""#])
    change("office.example._report._dmarc.reports.example", .txt, .txt("v=DMARC1"))
    #expect(await check(setup)["DMARC"]?.state == .good)
  }
}
