import Logging
import NameServer
import Platform
import Resolver
import Testing

/// The resolver against a real name server.
@Suite("Resolver", .enabled(if: NameServer.canRun, "\(NameServer.reason)"), .timeLimit(.minutes(2)))
struct ResolverTests {
  private static let signed = """
    @ IN MX 10 mail
    @ IN MX 20 backup.other.example.
    @ IN TXT "v=spf1" " -all"
    mail IN A 192.0.2.1
    mail IN A 192.0.2.2
    mail IN AAAA 2001:db8::1
    _25._tcp.mail IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    alias IN CNAME mail
    chain IN CNAME alias
    away IN CNAME host.plain.example.
    nowhere IN CNAME gone
    loop1 IN CNAME loop2
    loop2 IN CNAME loop1
    _submissions._tcp IN SRV 0 1 465 mail
    xn--mller-kva IN A 192.0.2.7
    """

  private static func withResolver(_ body: (DNSResolver) async throws -> Void) async throws {
    let server = try NameServer(
      [
        .init("signed.example", signed, signing: .signed),
        .init("plain.example", "host IN A 192.0.2.3\nnull IN MX 0 .\n"),
        .init("forged.example", "www IN A 192.0.2.66\n", signing: .forged("192.0.2.66", "192.0.2.99")),
        .init("office.test", "@ IN A 192.0.2.5\n"),
        .init("2.0.192.in-addr.arpa", "1 IN PTR mail.signed.example.\n"),
        .init("10.in-addr.arpa", "1.0.0 IN PTR printer.office.test.\n"),
      ], broken: ["broken.example"])
    let resolver = DNSResolver(
      .init(source: .servers([HostPort(host: "127.0.0.1", port: server.port)]), trustAnchors: server.trustAnchors),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    do {
      try await body(resolver)
      await resolver.close()
    } catch {
      await resolver.close()
      throw error
    }
    withExtendedLifetime(server) {}
  }

  private static func name(_ text: String) throws -> DomainName { try #require(DomainName(text)) }

  @Test func signedRecordsAreSecure() async throws {
    try await Self.withResolver { dns in
      let mail = try Self.name("mail.signed.example")
      let mx = try await dns.mx(Self.name("signed.example"))
      #expect(mx.existence == .records && mx.isSecure)
      #expect(
        Set(mx.values) == [
          MXRecord(preference: 10, exchange: mail),
          MXRecord(preference: 20, exchange: try Self.name("backup.other.example")),
        ])
      #expect(try await dns.a(mail).values.map(\.description).sorted() == ["192.0.2.1", "192.0.2.2"])
      #expect(try await dns.aaaa(mail).values.map(\.description) == ["2001:db8::1"])
      #expect(try await dns.txt(Self.name("signed.example")).values == ["v=spf1 -all"])
      let tlsa = try await dns.tlsa(mail)
      #expect(tlsa.isSecure && tlsa.values.first?.usage == 3 && tlsa.values.first?.data.count == 32)
      #expect(try await dns.srv(Self.name("_submissions._tcp.signed.example")).values.first?.port == 465)
      #expect(try await dns.a(Self.name("Müller.signed.example")).values.map(\.description) == ["192.0.2.7"])
      #expect(mx.timeToLive > .zero && mx.timeToLive <= .seconds(300))
    }
  }

  @Test func chainsAreFollowedAndAsSecureAsTheirWeakestLink() async throws {
    try await Self.withResolver { dns in
      let chain = try await dns.a(Self.name("chain.signed.example"))
      #expect(chain.values.count == 2 && chain.isSecure)
      #expect(chain.name.ascii == "mail.signed.example")
      let away = try await dns.a(Self.name("away.signed.example"))
      #expect(away.values.map(\.description) == ["192.0.2.3"] && !away.isSecure)
      let nowhere = try await dns.a(Self.name("nowhere.signed.example"))
      #expect(nowhere.existence == .noSuchName && nowhere.values.isEmpty)
      #expect(nowhere.name.ascii == "gone.signed.example")
      #expect(try await dns.cname(Self.name("chain.signed.example")).values.map(\.ascii) == ["alias.signed.example"])
    }
  }

  @Test func aLoopOfAliasesEnds() async throws {
    try await Self.withResolver { dns in
      let name = try Self.name("loop1.signed.example")
      do throws(DNSFailure) {
        let answer = try await dns.a(name)
        #expect(answer.values.isEmpty)
      } catch {
        #expect(error.kind == .serverFailure)
      }
    }
  }

  @Test func nothingIsToldApartFromNobodyKnows() async throws {
    try await Self.withResolver { dns in
      let missing = try await dns.mx(Self.name("missing.signed.example"))
      #expect(missing.existence == .noSuchName && missing.isSecure)
      let noData = try await dns.mx(Self.name("mail.signed.example"))
      #expect(noData.existence == .noData && noData.isSecure)
      let plain = try await dns.mx(Self.name("missing.plain.example"))
      #expect(plain.existence == .noSuchName && !plain.isSecure)
      #expect(try await Self.failure { try await dns.a(Self.name("www.broken.example")) }?.kind == .serverFailure)
      let bogus = try await Self.failure { try await dns.a(Self.name("www.forged.example")) }
      #expect(bogus?.kind == .bogus && bogus?.reason.isEmpty == false)
    }
  }

  @Test func theRootAsAName() async throws {
    try await Self.withResolver { dns in
      let null = try await dns.mx(Self.name("null.plain.example"))
      #expect(null.values == [MXRecord(preference: 0, exchange: .root)])
    }
  }

  @Test func zonesThatAreEmptyByDefaultAreAsked() async throws {
    try await Self.withResolver { dns in
      #expect(try await dns.a(Self.name("office.test")).values.map(\.description) == ["192.0.2.5"])
      let public1 = try #require(IPAddress("192.0.2.1"))
      #expect(try await dns.ptr(public1).values.map(\.ascii) == ["mail.signed.example"])
      let own = try #require(IPAddress("10.0.0.1"))
      #expect(try await dns.ptr(own).values.map(\.ascii) == ["printer.office.test"])
    }
  }

  @Test func manyAtOnce() async throws {
    try await Self.withResolver { dns in
      let answers = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<2000 {
          let name = try Self.name("n\(number).signed.example")
          group.addTask { try await dns.a(name).existence == .noSuchName ? 1 : 0 }
        }
        return try await group.reduce(0, +)
      }
      #expect(answers == 2000)
    }
  }

  @Test func aServerThatNeverAnswersCostsTheTimeLimit() async throws {
    let silent = UDPSocket()
    let dns = DNSResolver(
      .init(source: .servers([HostPort(host: "127.0.0.1", port: silent.port)]), timeLimit: .milliseconds(200)))
    let failure = try await Self.failure { try await dns.a(Self.name("www.example")) }
    #expect(failure?.kind == .timedOut)
    await dns.close()
    withExtendedLifetime(silent) {}
  }

  @Test func nothingWaitsForAClosedOne() async throws {
    let silent = UDPSocket()
    let dns = DNSResolver(.init(source: .servers([HostPort(host: "127.0.0.1", port: silent.port)])))
    let name = try Self.name("www.example")
    async let waiting = Self.failure { try await dns.a(name) }
    async let cancelled = Self.failure {
      let task = Task { try await dns.a(name) }
      task.cancel()
      return try await task.value
    }
    #expect(try await cancelled?.kind == .closed)
    await dns.close()
    #expect(try await waiting?.kind == .closed)
    #expect(try await Self.failure { try await dns.a(name) }?.kind == .closed)
    await dns.close()
    withExtendedLifetime(silent) {}
  }

  @Test func anchorsThatCannotBeReadFailEachQuestion() async throws {
    let dns = DNSResolver(
      .init(source: .servers([HostPort(host: "127.0.0.1", port: 1)]), trustAnchorFile: "/nowhere/at/all"),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    for _ in 0..<3 {
      let failure = try await Self.failure { try await dns.a(Self.name("www.example")) }
      #expect(failure?.kind == .closed)
      #expect(failure?.reason.contains("/nowhere/at/all") == true)
    }
    await dns.close()
  }

  /// The failure that a look-up ends with.
  private static func failure<T>(_ look: @Sendable () async throws -> T) async throws -> DNSFailure? {
    do {
      _ = try await look()
      return nil
    } catch let error as DNSFailure {
      return error
    }
  }
}
