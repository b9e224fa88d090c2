import Network
import Platform
import Resolver
import Testing

@testable import Relay

@Suite struct TLSALookupTests {
  let dns = FakeDNS()
  let host = DomainName("mx.example.net")!
  static let good = TLSARecord(usage: 3, selector: 1, matchingType: 1, data: Array(repeating: 7, count: 32))
  static let useless = TLSARecord(usage: 1, selector: 1, matchingType: 1, data: Array(repeating: 7, count: 32))

  func finding() async throws -> TLSAFinding {
    let router = Router(dns: dns, system: { _ in [] })
    let rules = AddressRules(allowed: [try #require(IPNetwork("127.0.0.0/8"))], own: [])
    let reachable = try await router.addresses(of: MailHost(exchange: host, isProven: true, port: 25), rules)
    return await TLSALookup(dns: dns, trust: try ClientTrust()).finding(for: reachable)
  }

  @Test func provenRecordsOfAProvenHost() async throws {
    dns.address("mx.example.net", secure: true)
    dns.tlsa("mx.example.net", Self.good, Self.useless)
    #expect(try await finding() == .usable([Self.good], base: host))
    dns.tlsa("mx.example.net", Self.useless)
    #expect(try await finding() == .unusable)
    dns.tlsa("mx.example.net", Self.good, secure: false)
    #expect(try await finding() == .absent)
    dns.tlsa("mx.example.net")
    #expect(try await finding() == .absent)
  }

  @Test(arguments: [DNSFailure.Kind.serverFailure, .bogus, .timedOut])
  func aFailedLookUpIsNoAbsence(_ kind: DNSFailure.Kind) async throws {
    dns.address("mx.example.net", "2001:db8::1", secure: true)
    dns.fail("_25._tcp.mx.example.net", .tlsa, kind)
    guard case .failed(let reason) = try await finding() else {
      Issue.record("\(try await finding())")
      return
    }
    #expect(reason.contains("_25._tcp.mx.example.net"))
  }

  /// RFC 7672 §2.2.2: name servers of unsigned zones are not asked; many fail at it.
  @Test func anUnprovenHostIsNotAskedFor() async throws {
    dns.address("mx.example.net", secure: false)
    dns.fail("_25._tcp.mx.example.net", .tlsa)
    #expect(try await finding() == .absent)
    #expect(!dns.asked.contains { $0.hasPrefix("TLSA") })
  }

  /// Whoever can keep one kind of address from us does not switch DANE off.
  @Test func oneKindOfAddressIsEnough() async throws {
    dns.address("mx.example.net", secure: true)
    dns.fail("mx.example.net", .aaaa)
    dns.tlsa("mx.example.net", Self.good)
    #expect(try await finding() == .usable([Self.good], base: host))
    #expect(dns.asked.count { $0.hasPrefix("A ") } == 1, "the addresses are looked up once")
  }

  /// RFC 7672 §2.2.3: the end of the aliases first, then the beginning.
  @Test func aliases() async throws {
    let end = DomainName("host.example.org")!
    dns.address("mx.example.net", secure: true, at: "host.example.org")
    dns.tlsa("mx.example.net", Self.good)
    #expect(try await finding() == .usable([Self.good], base: host))
    dns.tlsa("host.example.org", Self.good)
    #expect(try await finding() == .usable([Self.good], base: end))
    // A signed alias out of a signed zone.
    dns.address("mx.example.net", secure: false, at: "host.example.org")
    #expect(try await finding() == .absent)
    dns.set("mx.example.net", .cname, FakeDNS.Entry(records: [.name(end)], isSecure: true))
    #expect(try await finding() == .usable([Self.good], base: host))
  }
}
