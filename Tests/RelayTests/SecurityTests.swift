import Glibc
import Network
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

@Suite("TLS and passwords on the way out", .timeLimit(.minutes(5)))
struct SecurityTests {
  typealias Mode = Configuration.NextHop.TLSMode

  /// Sends one message and gives its outcome.
  func send(
    to port: Int, _ mode: Mode, user: String? = nil, file: String? = nil, trust: ClientTrust? = nil
  ) async throws -> AttemptOutcome? {
    var outcome: AttemptOutcome?
    try await RunnerBench.run(smartHost: RunnerBench.hop(port, tls: mode, user: user, file: file), trust: trust) {
      bench in
      bench.queue.add(to: ["x@far.example"])
      await bench.queue.settled(1)
      outcome = bench.queue.outcome("x@far.example")
    }
    return outcome
  }

  func serving(
    _ behaviour: SecureServer.Behaviour = .init(), names: [String] = ["127.0.0.1"],
    _ body: (SecureServer, ClientTrust) async throws -> Void
  ) async throws {
    let server = try await SecureServer(behaviour, names: names)
    let file = try server.trustFile()
    defer { unlink(file) }
    let result: Result<Void, any Error>
    do { result = .success(try await body(server, try ClientTrust(roots: file))) } catch { result = .failure(error) }
    await server.stop()
    try result.get()
  }

  func host(_ outcome: AttemptOutcome?) -> String {
    if case .relayed(let host, _, _) = outcome { return host }
    return "\(String(describing: outcome))"
  }

  func passwordFile(_ text: String) throws -> String {
    var template = Array("/tmp/postroom-password-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    return String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  // MARK: TLS

  @Test(arguments: [Mode.opportunistic, .encrypted, .verified]) func startTLSIsUsed(_ mode: Mode) async throws {
    try await serving { server, trust in
      let outcome = try await send(to: server.port, mode, trust: trust)
      #expect(host(outcome).contains("TLSv1.3") && host(outcome).contains("certificate verified"))
      let mail = server.commands.first { $0.line.hasPrefix("MAIL") }
      #expect(mail?.isEncrypted == true)
      // What was announced in plain text counts no more: EHLO is said again.
      #expect(server.commands.filter { $0.line.hasPrefix("EHLO") }.map(\.isEncrypted) == [false, true])
    }
  }

  @Test func implicitTLS() async throws {
    var behaviour = SecureServer.Behaviour()
    behaviour.implicitTLS = true
    try await serving(behaviour) { server, trust in
      let outcome = try await send(to: server.port, .implicit, trust: trust)
      #expect(host(outcome).contains("certificate verified"))
      #expect(!server.commands.contains { !$0.isEncrypted })
    }
  }

  @Test(arguments: [Mode.verified, .implicit]) func anUntrustedCertificateGetsNoMail(_ mode: Mode) async throws {
    var behaviour = SecureServer.Behaviour()
    behaviour.implicitTLS = mode == .implicit
    try await serving(behaviour) { server, _ in
      let outcome = try await send(to: server.port, mode)
      guard case .deferred(_, let status, _, let reply) = outcome else {
        Issue.record("\(String(describing: outcome))")
        return
      }
      #expect(status == "4.7.5" && reply.contains("TLS"))
      #expect(!server.commands.contains { $0.line.hasPrefix("MAIL") })
    }
  }

  @Test func aCertificateForAnotherNameGetsNoMail() async throws {
    try await serving(names: ["other.example"]) { server, trust in
      guard case .deferred(_, let status, _, _) = try await send(to: server.port, .verified, trust: trust) else {
        Issue.record("it went out")
        return
      }
      #expect(status == "4.7.5")
      #expect(server.messages == 0)
      // Who asks for encryption only gets that, and the trace says what it was.
      let outcome = try await send(to: server.port, .encrypted, trust: trust)
      #expect(host(outcome).contains("not verified"))
    }
  }

  @Test(arguments: [Mode.encrypted, .verified]) func withoutSTARTTLSThereNothingGoesInPlainText(_ mode: Mode)
    async throws
  {
    var behaviour = SecureServer.Behaviour()
    behaviour.offersStartTLS = false
    try await serving(behaviour) { server, trust in
      guard case .deferred = try await send(to: server.port, mode, trust: trust) else {
        Issue.record("it went out in plain text")
        return
      }
      #expect(!server.commands.contains { $0.line.hasPrefix("MAIL") })
    }
  }

  @Test func opportunisticGoesWithoutWhereTLSFails() async throws {
    var behaviour = SecureServer.Behaviour()
    behaviour.breaksHandshake = true
    try await serving(behaviour) { server, trust in
      let outcome = try await send(to: server.port, .opportunistic, trust: trust)
      #expect(host(outcome).contains("without TLS"))
      #expect(server.commands.filter { $0.line == "STARTTLS" }.count == 1)
      guard case .deferred(_, let status, _, _) = try await send(to: server.port, .encrypted, trust: trust) else {
        Issue.record("it went out in plain text")
        return
      }
      #expect(status == "4.7.5")
    }
  }

  @Test func bytesBehindTheGoAheadEndTheSession() async throws {
    var behaviour = SecureServer.Behaviour()
    behaviour.injection = "250-secure.example\r\n250 AUTH PLAIN\r\n"
    try await serving(behaviour) { server, trust in
      for mode in [Mode.opportunistic, .encrypted, .verified] {
        guard case .deferred = try await send(to: server.port, mode, trust: trust) else {
          Issue.record("it went out by \(mode)")
          return
        }
      }
      #expect(server.messages == 0)
      #expect(!server.commands.contains { $0.line.hasPrefix("MAIL") })
    }
  }

  // MARK: Passwords

  @Test(arguments: [["PLAIN"], ["LOGIN"], ["LOGIN", "PLAIN", "GSSAPI"]])
  func thePasswordGoesThroughTLSOnly(_ mechanisms: [String]) async throws {
    let file = try passwordFile("secret\nanother line\n")
    defer { unlink(file) }
    var behaviour = SecureServer.Behaviour()
    behaviour.mechanisms = mechanisms
    try await serving(behaviour) { server, trust in
      let outcome = try await send(to: server.port, .verified, user: "office", file: file, trust: trust)
      #expect(host(outcome).contains("TLSv1.3"))
      #expect(server.messages == 1)
      #expect(server.commands.filter { $0.line.hasPrefix("AUTH") }.map(\.isEncrypted) == [true])
    }
  }

  @Test func aPasswordNeverGoesInPlainText() async throws {
    let file = try passwordFile("secret\n")
    defer { unlink(file) }
    var behaviour = SecureServer.Behaviour()
    behaviour.offersStartTLS = false
    try await serving(behaviour) { server, trust in
      for mode in [Mode.off, .opportunistic, .encrypted, .verified] {
        _ = try await send(to: server.port, mode, user: "office", file: file, trust: trust)
      }
      #expect(!server.commands.contains { $0.line.hasPrefix("AUTH") })
      #expect(server.messages == 0)
    }
  }

  @Test func aBrokenHandshakeDoesNotMakeThePasswordPlain() async throws {
    let file = try passwordFile("secret\n")
    defer { unlink(file) }
    var behaviour = SecureServer.Behaviour()
    behaviour.breaksHandshake = true
    try await serving(behaviour) { server, trust in
      guard
        case .deferred = try await send(to: server.port, .opportunistic, user: "office", file: file, trust: trust)
      else {
        Issue.record("it went out")
        return
      }
      #expect(!server.commands.contains { $0.line.hasPrefix("AUTH") })
    }
  }

  @Test(arguments: ["wrong\n", "", "\n"]) func aWrongPasswordWaitsForTheFileToBePutRight(_ text: String) async throws {
    let file = try passwordFile(text)
    defer { unlink(file) }
    try await serving { server, trust in
      let outcome = try await send(to: server.port, .verified, user: "office", file: file, trust: trust)
      guard case .deferred(_, let status, _, let reply) = outcome else {
        Issue.record("\(String(describing: outcome))")
        return
      }
      #expect(status == "4.7.8")
      #expect(reply.contains("password-file"))
      #expect(server.messages == 0)
    }
  }

  @Test func aPasswordFileThatIsNotThere() async throws {
    try await serving { server, trust in
      let outcome = try await send(
        to: server.port, .verified, user: "office", file: "/nowhere/relay-password", trust: trust)
      guard case .deferred(_, _, _, let reply) = outcome else {
        Issue.record("\(String(describing: outcome))")
        return
      }
      #expect(reply.contains("/nowhere/relay-password"))
      #expect(server.commands.isEmpty)
    }
  }
}
