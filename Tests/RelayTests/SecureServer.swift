import Glibc
import Message
import NIOPosix
import Network
import Platform
import Synchronization

/// A remote server with TLS, for what ``FakeServer`` cannot do. It takes every message.
final class SecureServer: Sendable {
  struct Behaviour: Sendable {
    var offersStartTLS = true
    var offersRequireTLS = false
    var implicitTLS = false
    /// Said to STARTTLS in plain text behind the go-ahead, as somebody on the line would.
    var injection: String?
    /// Answers STARTTLS and then speaks no TLS.
    var breaksHandshake = false
    /// Said to STARTTLS instead of the go-ahead.
    var refusal: String?
    var mechanisms = ["PLAIN", "LOGIN"]
    var password = "secret"
  }

  /// A command and whether it came through TLS.
  struct Command: Hashable, Sendable {
    var line: String
    var isEncrypted: Bool
  }

  private let listener: Listener
  private let running: Task<Void, Never>
  private let log = Log()
  let certificate: SelfMadeCertificate

  private final class Log: Sendable {
    let commands = Mutex<[Command]>([])
    let messages = Mutex(0)
  }

  var port: Int { listener.address?.port ?? 0 }
  var commands: [Command] { log.commands.withLock { $0 } }
  var messages: Int { log.messages.withLock { $0 } }

  init(_ behaviour: Behaviour = Behaviour(), names: [String] = ["127.0.0.1"]) async throws {
    certificate = try SelfMadeCertificate(names: names, now: Clock.system.now())
    let contexts = try TLSContexts([try certificate.certificate()])
    listener = try await Listener.bind(
      .tcp(HostPort(host: "127.0.0.1", port: 0)),
      ListenerOptions(
        name: "secure", limits: ConnectionLimits(.init()), implicitTLS: behaviour.implicitTLS ? contexts : nil),
      on: MultiThreadedEventLoopGroup.singleton)
    let (listener, log) = (listener, log)
    running = Task {
      await listener.run { connection in
        try? await Self.serve(connection, behaviour, contexts, log)
      }
    }
  }

  func stop() async {
    running.cancel()
    await running.value
    await listener.close()
  }

  /// The certificate as a file of trusted roots; the caller removes it.
  func trustFile() throws -> String {
    var template = Array("/tmp/postroom-trust-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    _ = certificate.certificatePEM.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    return String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func serve(
    _ connection: Connection, _ behaviour: Behaviour, _ contexts: TLSContexts, _ log: Log
  ) async throws {
    try await connection.write("220 secure.example ESMTP\r\n")
    var inContent = false
    while let line = try await connection.line(limit: 4096, within: .seconds(30)) {
      let text = String(decoding: line.bytes, as: UTF8.self)
      if inContent {
        guard text == "." else { continue }
        inContent = false
        log.messages.withLock { $0 += 1 }
        try await connection.write("250 2.0.0 kept\r\n")
        continue
      }
      let isEncrypted = connection.tls != nil
      log.commands.withLock { $0.append(Command(line: text, isEncrypted: isEncrypted)) }
      switch text.prefix(4).uppercased() {
      case "EHLO":
        var lines = ["secure.example"]
        if behaviour.offersStartTLS, !isEncrypted { lines.append("STARTTLS") }
        if !behaviour.mechanisms.isEmpty { lines.append("AUTH " + behaviour.mechanisms.joined(separator: " ")) }
        if behaviour.offersRequireTLS, isEncrypted { lines.append("REQUIRETLS") }
        lines.append("8BITMIME")
        let count = lines.count
        for (index, line) in lines.enumerated() {
          try await connection.write("250\(index == count - 1 ? " " : "-")\(line)\r\n")
        }
      case "STAR":
        if let refusal = behaviour.refusal {
          try await connection.write(refusal + "\r\n")
          continue
        }
        let goAhead = "220 go ahead\r\n" + (behaviour.injection ?? "")
        if behaviour.breaksHandshake {
          try await connection.write(goAhead + "this is no TLS\r\n")
          try await connection.drain()
          return
        }
        _ = try await connection.startTLS(contexts, goAhead: Array(goAhead.utf8))
      case "AUTH": try await authenticate(connection, text, behaviour)
      case "DATA":
        inContent = true
        try await connection.write("354 go on\r\n")
      case "QUIT":
        try await connection.write("221 bye\r\n")
        return
      default: try await connection.write("250 2.0.0 ok\r\n")
      }
    }
  }

  private static func authenticate(_ connection: Connection, _ line: String, _ behaviour: Behaviour) async throws {
    let words = line.split(separator: " ").map(String.init)
    func ask(_ challenge: String) async throws -> String {
      try await connection.write("334 \(String(decoding: Base64.encode(challenge.utf8), as: UTF8.self))\r\n")
      let answer = try await connection.line(limit: 4096, within: .seconds(30))?.bytes ?? []
      return Base64.decode(answer).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    var given = ""
    if words.count > 2, let response = Base64.decode(Array(words[2].utf8)) {
      given = String(decoding: response, as: UTF8.self)
    } else if words.count > 1, words[1] == "LOGIN" {
      given = "\0" + (try await ask("Username:"))
      given += "\0" + (try await ask("Password:"))
    }
    try await connection.write(
      given == "\0office\0\(behaviour.password)" ? "235 2.7.0 welcome\r\n" : "535 5.7.8 wrong\r\n")
  }
}
