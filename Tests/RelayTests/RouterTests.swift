import Platform
import Resolver
import SMTP
import Testing

@testable import Configuration
@testable import Relay

@Suite("Router")
struct RouterTests {
  private let dns = FakeDNS()

  private func router(own: [String] = []) -> Router {
    let own = Set(own.compactMap { IPAddress($0) })
    return Router(
      dns: dns, system: { $0 == "printer" ? [IPAddress("127.0.0.9")].compactMap { $0 } : [] }, chance: { 0.999 },
      ownAddresses: { own })
  }

  private func configuration(_ more: String = "") throws -> Configuration {
    try Configuration(text: RunnerBench.text.replacing("direct = false", with: more))
  }

  /// The hosts with their addresses, or the failure's code and words.
  private func way(_ domain: String, own: [String] = [], _ more: String = "") async throws -> [String] {
    let settings = try configuration(more)
    do throws(HostFailure) {
      var itinerary = try await router(own: own).itinerary(to: domain, settings)
      var found: [String] = []
      while let host = await itinerary.next() {
        found.append("\(host.host.host) \(host.addresses.map(\.description).joined(separator: " "))")
      }
      if found.isEmpty { throw itinerary.failure(for: domain) }
      return found
    } catch {
      return ["\(error.isFinal ? "final" : "later") \(error.word.status)", error.word.text]
    }
  }

  @Test func hostsComeInOrderWithBothKindsOfAddresses() async throws {
    dns.mx("far.example", (20, "mx2.far.example"), (10, "mx1.far.example"))
    dns.host("mx1.far.example", "192.0.2.1", "192.0.2.2", "2001:db8::1")
    dns.host("mx2.far.example", "192.0.2.3")
    #expect(
      try await way("Far.Example") == ["mx1.far.example 2001:db8::1 192.0.2.1 192.0.2.2", "mx2.far.example 192.0.2.3"])
  }

  @Test func laterHostsAreAskedForOnlyWhenTheirTurnComes() async throws {
    dns.mx("far.example", (20, "mx2.far.example"), (10, "mx1.far.example"))
    dns.host("mx1.far.example", "192.0.2.1")
    var itinerary = try await router().itinerary(to: "far.example", try configuration())
    _ = await itinerary.next()
    #expect(!dns.asked.contains("A mx2.far.example"))
  }

  @Test func theDomainItselfIsTheServerWhereThereIsNoMX() async throws {
    dns.host("far.example", "192.0.2.1")
    #expect(try await way("far.example") == ["far.example 192.0.2.1"])
    dns.set("alias.example", .mx, .init(canonical: DomainName("far.example")))
    #expect(try await way("alias.example") == ["far.example 192.0.2.1"])
  }

  @Test func whatTheDNSIsSureOfIsFinal() async throws {
    #expect(try await way("gone.example").first == "final 5.1.2")
    #expect(try await way("not a name").first == "final 5.1.2")
    dns.mx("null.example", (0, "."))
    #expect(try await way("null.example").first == "final 5.1.10")
    dns.set("empty.example", .txt, .init(records: [.txt("hello")]))
    #expect(try await way("empty.example").first == "final 5.4.4")
    dns.mx("dangling.example", (10, "gone.example"))
    #expect(try await way("dangling.example").first == "final 5.4.4")
    #expect(try await way("dangling.example").last?.contains("gone.example") == true)
  }

  @Test func whatNobodyKnowsNowIsTriedLater() async throws {
    for kind in [DNSFailure.Kind.serverFailure, .bogus, .timedOut] {
      dns.fail("far.example", .mx, kind)
      #expect(try await way("far.example").first == "later 4.4.3")
    }
    dns.mx("half.example", (10, "gone.example"), (20, "mx.half.example"))
    dns.fail("mx.half.example", .a)
    #expect(try await way("half.example").first == "later 4.4.3")
    // One kind of address is enough.
    dns.set("mx.half.example", .aaaa, .init(records: [.address(try #require(IPAddress("2001:db8::1")))]))
    #expect(try await way("half.example") == ["mx.half.example 2001:db8::1"])
  }

  @Test func nobodyLeadsUsIntoTheHouse() async throws {
    let inside = [
      "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
      "::1", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:0a00:0001::1", "::",
    ]
    for address in inside {
      dns.mx("far.example", (10, "mx.far.example"))
      dns.host("mx.far.example", address)
      let found = try await way("far.example")
      #expect(found.first == "final 5.4.4" && found.last?.contains("no address on the internet") == true, "\(address)")
    }
    dns.host("mx.far.example", "10.0.0.1", "192.0.2.1")
    #expect(try await way("far.example") == ["mx.far.example 192.0.2.1"])
    #expect(
      try await way("far.example", "internal-networks = [\"10.0.0.0/8\"]") == ["mx.far.example 10.0.0.1 192.0.2.1"])
  }

  @Test func whereAnAddressIsOursOnlyBetterServersAreLeft() async throws {
    dns.mx("far.example", (10, "a.far.example"), (20, "b.far.example"), (20, "c.far.example"), (30, "d.far.example"))
    dns.host("a.far.example", "192.0.2.1")
    dns.host("b.far.example", "192.0.2.2")
    dns.host("c.far.example", "192.0.2.3", "198.51.100.1")
    dns.host("d.far.example", "192.0.2.4")
    #expect(try await way("far.example", own: ["192.0.2.3"]) == ["a.far.example 192.0.2.1"])
    #expect(try await way("far.example", own: ["192.0.2.1"]).first == "final 5.4.6")
    // As long as nobody knows where the better server is, it is no loop.
    dns.fail("a.far.example", .a)
    #expect(try await way("far.example", own: ["192.0.2.2"]).first == "later 4.4.3")
    dns.mx("ours.example", (10, "mail.office.example"))
    #expect(try await way("ours.example").first == "final 5.4.6")
  }

  @Test func literalsOnlyWhereTheyAreAllowed() async throws {
    #expect(try await way("[192.0.2.1]").first == "final 5.1.2")
    let allowed = "address-literals = true"
    #expect(try await way("[192.0.2.1]", allowed) == ["192.0.2.1 192.0.2.1"])
    #expect(try await way("[IPv6:2001:db8::1]", allowed) == ["2001:db8::1 2001:db8::1"])
    #expect(try await way("[127.0.0.1]", allowed).first == "final 5.4.4")
    #expect(try await way("[192.0.2.1]", own: ["192.0.2.1"], allowed).first == "final 5.4.6")
    #expect(try await way("[x]", allowed).first == "final 5.1.2")
  }

  @Test func whatTheFileNamesMayBeAnywhere() async throws {
    func hop(_ host: String) async -> [String] {
      let hop = Configuration.NextHop(
        address: HostPort(host: host, port: 2525), tls: .off, user: nil, passwordFile: nil)
      var itinerary = router(own: ["127.0.0.1"]).itinerary(to: hop)
      guard let found = await itinerary.next() else {
        return ["\(itinerary.failure(for: host).word.status)"]
      }
      return ["\(found.host)"] + found.addresses.map(\.description)
    }
    dns.host("smtp.office.example", "192.168.1.1")
    #expect(await hop("smtp.office.example") == ["smtp.office.example:2525", "192.168.1.1"])
    #expect(await hop("127.0.0.1") == ["127.0.0.1:2525", "127.0.0.1"])
    #expect(await hop("printer") == ["printer:2525", "127.0.0.9"])
    #expect(await hop("nobody") == ["4.4.1"])
  }

  @Test func whatIsProvenIsToldForDANE() async throws {
    dns.mx("far.example", (10, "mx.far.example"), secure: true)
    dns.host("mx.far.example", "192.0.2.1", secure: true)
    var itinerary = try await router().itinerary(to: "far.example", try configuration())
    let proven = await itinerary.next()
    let host = try #require(proven)
    #expect(host.isProven && host.host.isProven && host.canonicalName?.ascii == "mx.far.example")
    dns.host("mx.far.example", "192.0.2.1", secure: false)
    itinerary = try await router().itinerary(to: "far.example", try configuration())
    let unproven = await itinerary.next()
    #expect(unproven?.isProven == false)
  }

  @Test func aCrowdOfServersIsNotTriedToTheEnd() async throws {
    for number in 0..<40 {
      dns.host("mx\(number).far.example", "192.0.2.\(number)")
    }
    dns.set(
      "far.example", .mx,
      .init(
        records: (0..<40).compactMap { number in
          DomainName("mx\(number).far.example").map { .mx(MXRecord(preference: UInt16(number), exchange: $0)) }
        }))
    #expect(try await way("far.example").count == Itinerary.mostHosts)
    // Where all of them are bad, not all have been seen: nothing is given up.
    for number in 0..<40 { dns.host("mx\(number).far.example", "10.0.0.\(number)") }
    #expect(try await way("far.example").first == "later 4.4.1")
    #expect(dns.asked.count { $0.hasPrefix("A mx") } <= Itinerary.mostHosts + Itinerary.mostLookUps + 12)
  }

  @Test func whatWasNotTriedIsNotGivenUp() async throws {
    dns.mx("far.example", (10, "mx.far.example"))
    dns.host("mx.far.example", "10.0.0.1")
    let itinerary = try await router().itinerary(to: "far.example", try configuration())
    #expect(!itinerary.failure(for: "far.example").isFinal)
  }
}
