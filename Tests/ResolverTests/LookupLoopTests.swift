import CUnbound
import Glibc
import NameServer
import Platform
import Testing

@testable import Resolver

/// How libunbound is used, whoever answers.
@Suite("Lookup loop", .timeLimit(.minutes(2))) struct LookupLoopTests {
  /// libunbound goes on with what nobody waits for any more; others must not come on top of it.
  @Test func whatIsUnderWayKeepsItsPlace() async throws {
    let silent = UDPSocket()
    var settings = DNSResolver.Settings(
      source: .servers([HostPort(host: "127.0.0.1", port: silent.port)]), timeLimit: .milliseconds(300))
    settings.questionsAtOnce = 1
    let dns = DNSResolver(settings)
    for label in ["first", "second"] {
      let name = try #require(DomainName("\(label).example"))
      let failure = await #expect(throws: DNSFailure.self) { try await dns.a(name) }
      #expect(failure?.kind == .timedOut)
    }
    let asked = silent.received().map { String(decoding: $0, as: UTF8.self).lowercased() }
    #expect(asked.contains { $0.contains("first") })
    #expect(!asked.contains { $0.contains("second") })
    await dns.close()
  }

  /// From the root on strangers say where the servers are.
  @Test func onlyWhoIsNamedMayBeOnThisMachine() throws {
    let recursive = try UnboundContext(DNSResolver.Settings(source: .recursive))
    #expect(Self.option("do-not-query-localhost", recursive.pointer) == "yes")
    let servers = DNSResolver.Source.servers([HostPort(host: "127.0.0.1", port: 53)])
    let forwarding = try UnboundContext(DNSResolver.Settings(source: servers))
    #expect(Self.option("do-not-query-localhost", forwarding.pointer) == "no")
  }

  private static func option(_ name: String, _ context: OpaquePointer) -> String? {
    var value: UnsafeMutablePointer<CChar>?
    guard ub_ctx_get_option(context, name, &value) == 0, let value else { return nil }
    defer { free(value) }
    return String(cString: value)
  }
}
