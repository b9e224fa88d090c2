import NIOCore
import NIOPosix
import Platform
import Testing

@testable import Network

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(5))) struct TLSTests {
  static let trust = Result { try ClientTrust() }

  static func client(_ name: String?, _ verification: ClientTLS.Verification = .none) throws -> ClientTLS {
    ClientTLS(serverName: name, verification: verification, trust: try trust.get())
  }

  /// A server that speaks a little SMTP: STARTTLS, and an echo.
  @Sendable static func greeting(
    _ contexts: TLSContexts, injected: Box<Int>? = nil
  ) -> @Sendable (Connection) async throws -> Void {
    { connection in
      try await connection.write("220 hello\r\n")
      while let line = try await connection.line(limit: 1000, within: patience) {
        let text = String(decoding: line.bytes, as: UTF8.self)
        if text == "STARTTLS" {
          let started = try await connection.startTLS(contexts, goAhead: Array("220 go ahead\r\n".utf8))
          await injected?.put(started.injected)
        } else {
          try await connection.write("250 \(connection.tls == nil ? "plain" : "secret") \(text)\r\n")
        }
      }
    }
  }

  @Test func startTLSOnBothSides() async throws {
    let contexts = try TLSContexts([certificate("mail.example")])
    let injected = Box<Int>()
    try await Loopback.serve(session: Self.greeting(contexts, injected: injected)) { server in
      try await server.connect { client in
        #expect(try await client.text() == "220 hello")
        try await client.write("EHLO a\r\n")
        #expect(try await client.text() == "250 plain EHLO a")
        try await client.write("STARTTLS\r\n")
        #expect(try await client.text() == "220 go ahead")
        let started = try await client.startTLS(Self.client("mail.example"))
        #expect(started.injected == 0)
        #expect(started.session.version == "TLSv1.3")
        #expect(started.session.verification != .verified)
        try await client.write("EHLO b\r\n")
        #expect(try await client.text() == "250 secret EHLO b")
        #expect(await injected.get() == 0)
      }
    }
  }

  /// STARTTLS injection at the server: what came in plain text with the command is never obeyed inside TLS.
  @Test func plaintextBehindSTARTTLSIsDroppedByTheServer() async throws {
    let contexts = try TLSContexts([certificate("mail.example")])
    let injected = Box<Int>()
    try await Loopback.serve(session: Self.greeting(contexts, injected: injected)) { server in
      try await server.connect { client in
        #expect(try await client.text() == "220 hello")
        try await client.write("STARTTLS\r\nMAIL FROM:<thief@example.com>\r\nhalf")
        #expect(try await client.text() == "220 go ahead")
        _ = try await client.startTLS(Self.client("mail.example"))
        try await client.write("EHLO b\r\n")
        // The first answer inside TLS is the one to the first command inside TLS.
        #expect(try await client.text() == "250 secret EHLO b")
        #expect(await injected.get() == "MAIL FROM:<thief@example.com>\r\nhalf".utf8.count)
      }
    }
  }

  /// The same when the plain text comes only after the server began the handshake: it is no TLS, and that is the end.
  @Test func plaintextInsteadOfAHandshakeEndsTheConnection() async throws {
    let contexts = try TLSContexts([certificate("mail.example")])
    let outcome = Box<String>()
    try await Loopback.serve(session: { connection in
      do {
        _ = try await connection.startTLS(contexts, goAhead: Array("220 go ahead\r\n".utf8))
        await outcome.put("established")
      } catch {
        await outcome.put("\(error)")
      }
    }) { server in
      try await server.connect { client in
        #expect(try await client.text() == "220 go ahead")
        try await client.write("MAIL FROM:<thief@example.com>\r\nRCPT TO:<x@example.com>\r\n")
        _ = try? await client.rest()
      }
    }
    #expect(await outcome.get().hasPrefix("TLS failed: the handshake failed: "))
  }

  /// STARTTLS injection at the client: replies that a man in the middle put behind the go-ahead.
  @Test func plaintextBehindTheGoAheadIsDroppedByTheClient() async throws {
    let contexts = try TLSContexts([certificate("mail.example")])
    try await Loopback.serve(session: { connection in
      _ = try await connection.line(limit: 100, within: patience)
      _ = try await connection.startTLS(
        contexts, goAhead: Array("220 go ahead\r\n250 forged\r\n250-more".utf8))
      _ = try await connection.line(limit: 100, within: patience)
      try await connection.write("250 true\r\n")
      _ = try await connection.line(limit: 100, within: patience)
    }) { server in
      try await server.connect { client in
        try await client.write("STARTTLS\r\n")
        #expect(try await client.text() == "220 go ahead")
        let started = try await client.startTLS(Self.client("mail.example"))
        #expect(started.injected == "250 forged\r\n250-more".utf8.count)
        try await client.write("EHLO b\r\n")
        #expect(try await client.text() == "250 true")
      }
    }
  }

  @Test func implicitTLSAndTheExporterIsEqualOnBothSides() async throws {
    let seen = Box<TLSSession?>()
    try await Loopback.serve({ $0.implicitTLS = try? TLSContexts([certificate("a.example")]) }) { connection in
      await seen.put(connection.tls)
      try await echo(connection)
    } _: { server in
      let client = try await server.connector.connect(
        to: HostPort(host: "127.0.0.1", port: server.port), tls: Self.client("A.Example"))
      try await client.write("hello\r\n")
      #expect(try await client.text() == "crlf hello")
      let session = try #require(await seen.get())
      #expect(session.serverName == "a.example")
      #expect(session.exporter?.count == 32)
      #expect(session.exporter == client.tls?.exporter)
      await client.close()
    }
  }

  @Test func theCertificateFollowsTheNameAskedFor() async throws {
    let contexts = try TLSContexts([
      certificate("first.example"), certificate("second.example", "*.wild.example"),
    ])
    let expected = [
      ("first.example", "first.example"), ("SECOND.example", "second.example"), ("a.wild.example", "second.example"),
      ("a.b.wild.example", "first.example"), ("wild.example", "first.example"), ("unknown.example", "first.example"),
    ]
    try await Loopback.serve({ $0.implicitTLS = contexts }, session: echo) { server in
      for (asked, subject) in expected {
        let answer = try await SClient.run(port: server.port, ["-servername", asked])
        #expect(answer.contains("CN = \(subject)"), "\(asked)")
      }
      #expect(try await SClient.run(port: server.port, ["-noservername"]).contains("CN = first.example"))
    }
  }

  @Test func certificatesChangeWhileConnectionsLive() async throws {
    let contexts = try TLSContexts([certificate("old.example")])
    try await Loopback.serve({ $0.implicitTLS = contexts }, session: echo) { server in
      let target = HostPort(host: "127.0.0.1", port: server.port)
      let old = try await server.connector.connect(to: target, tls: Self.client(nil))
      try contexts.replace(with: [certificate("new.example")])
      #expect(try await SClient.run(port: server.port, []).contains("CN = new.example"))
      try await old.write("still here\r\n")
      #expect(try await old.text() == "crlf still here")
      // A bad replacement changes nothing.
      #expect(throws: TLSError.self) { try contexts.replace(with: []) }
      #expect(try await SClient.run(port: server.port, []).contains("CN = new.example"))
      await old.close()
    }
  }

  @Test func theClientVerifiesChainAndName() async throws {
    let made = try SelfMadeCertificate(names: ["mail.example", "127.0.0.1"], now: Clock.system.now())
    let folder = try TemporaryFolder()
    let roots = try folder.write("roots.pem", made.certificatePEM)
    let trust = try ClientTrust(roots: roots)
    try await Loopback.serve({ $0.implicitTLS = try? TLSContexts([made.certificate()]) }, session: echo) { server in
      func session(_ name: String, _ verification: ClientTLS.Verification, _ trust: ClientTrust) async throws
        -> TLSSession?
      {
        let client = try await server.connector.connect(
          to: HostPort(host: "127.0.0.1", port: server.port),
          tls: ClientTLS(serverName: name, verification: verification, trust: trust))
        defer { client.abort() }
        return client.tls
      }
      #expect(try await session("mail.example", .required, trust)?.verification == .verified)
      #expect(try await session("127.0.0.1", .required, trust)?.verification == .verified)
      // Opportunistic: any certificate will do, and what was wrong with it is told.
      let system = try Self.trust.get()
      guard case .unverified(let why) = try await session("other.example", .none, trust)?.verification else {
        Issue.record("verified for another name")
        return
      }
      #expect(why.contains("hostname mismatch"))
      #expect(try await session("mail.example", .none, system)?.verification != .verified)
      for (name, trust) in [("other.example", trust), ("mail.example", system), ("127.0.0.2", trust)] {
        await #expect(throws: ConnectError.self, "\(name)") { try await session(name, .required, trust) }
      }
    }
  }

  @Test func garbageEndsTheHandshakeAndHarmsNobody() async throws {
    try await Loopback.serve({ $0.implicitTLS = try? TLSContexts([certificate("a.example")]) }, session: echo) {
      server in
      let good = try await server.connector.connect(
        to: HostPort(host: "127.0.0.1", port: server.port), tls: Self.client(nil))
      for garbage in ["GET / HTTP/1.0\r\n\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}hello", "", "\u{16}"] {
        let client = try await server.connect()
        try await client.write(garbage)
        try await client.endOutput()
        _ = try? await client.rest()
        #expect(client.isPeerGone)
        await client.close()
      }
      try await good.write("alive\r\n")
      #expect(try await good.text() == "crlf alive")
      await good.close()
    }
  }

  @Test func aHandshakeHasATimeLimit() async throws {
    try await Loopback.serve({
      $0.implicitTLS = try? TLSContexts([certificate("a.example")])
      $0.handshakeTimeLimit = .milliseconds(50)
    }) { _ in
      Issue.record("a session began")
    } _: { server in
      let client = try await server.connect()
      _ = try? await client.rest()
      #expect(client.isPeerGone)
      await client.close()
    }
  }

  @Test func theEndIsSaidInsideTLS() async throws {
    let box = Box<Ending>()
    try await Loopback.serve({ $0.implicitTLS = try? TLSContexts([certificate("a.example")]) }) { connection in
      while let line = try await connection.line(limit: 100, within: patience) {
        try await connection.write(line.bytes + Array("\r\n".utf8))
      }
      await box.put(connection.ending)
    } _: { server in
      let client = try await server.connector.connect(
        to: HostPort(host: "127.0.0.1", port: server.port), tls: Self.client(nil))
      try await client.write("one\r\n")
      try await client.endOutput()
      #expect(try await client.text() == "one")
      #expect(try await client.text() == nil)
      await client.close()
    }
    #expect(await box.get().orderly)
  }

  @Test func oldVersionsAreRefused() async throws {
    try await Loopback.serve({ $0.implicitTLS = try? TLSContexts([certificate("a.example")]) }, session: echo) {
      server in
      for (version, expected) in [("-tls1_2", true), ("-tls1_3", true), ("-tls1_1", false)] {
        let answer = try await SClient.run(port: server.port, [version, "-cipher", "ALL:@SECLEVEL=0"])
        #expect(answer.contains("New, TLSv") == expected, "\(version)")
      }
    }
  }

  @Test func aSecondOpinionOnSTARTTLS() async throws {
    let contexts = try TLSContexts([certificate("mail.example")])
    try await Loopback.serve(session: { connection in
      // What s_client expects of an SMTP server.
      try await connection.write("220 mail.example ESMTP\r\n")
      while let line = try await connection.line(limit: 1000, within: patience) {
        let verb = String(decoding: line.bytes.prefix(4), as: UTF8.self)
        if verb == "STAR" {
          _ = try await connection.startTLS(contexts, goAhead: Array("220 go ahead\r\n".utf8))
        } else {
          try await connection.write("250-mail.example\r\n250 STARTTLS\r\n")
        }
      }
    }) { server in
      let answer = try await SClient.run(port: server.port, ["-starttls", "smtp"])
      #expect(answer.contains("New, TLSv1.3"))
      #expect(answer.contains("CN = mail.example"))
    }
  }
}

/// OpenSSL's own client, as a second opinion.
enum SClient {
  /// Connects, says nothing, and ends; gives what it printed.
  static func run(port: Int, _ arguments: [String]) async throws -> String {
    // Not on a thread of the sessions under test: the call blocks.
    try await NIOThreadPool.singleton.runIfActive { try runBlocking(port: port, arguments) }
  }

  private static func runBlocking(port: Int, _ arguments: [String]) throws -> String {
    let quoted = arguments.map { "'\($0)'" }.joined(separator: " ")
    let pipe = popen("openssl s_client -connect 127.0.0.1:\(port) \(quoted) </dev/null 2>&1", "r")
    let file = try #require(pipe)
    defer { pclose(file) }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 { text += piece[..<count] }
    return String(decoding: text, as: UTF8.self)
  }
}

/// A folder of a test's own, gone when the test is.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/postroom-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TLSError("no temporary folder") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { _ = popen("rm -rf '\(path)'", "r").map { pclose($0) } }

  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = fopen("\(path)/\(name)", "w")
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw TLSError("cannot write \(name)") }
    return "\(path)/\(name)"
  }
}
