import Message
import NIOCore
import NIOPosix
import Network
import Platform
import SMTP
import Testing

@testable import Reception

/// A client that speaks TLS, for one session.
private struct TLSClient {
  let connection: Connection

  static func with<T>(_ port: Int, implicit: Bool = false, _ body: (TLSClient) async throws -> T) async throws -> T {
    let connector = Connector(on: MultiThreadedEventLoopGroup.singleton)
    let tls = ClientTLS(serverName: "mail.example.org", verification: .none, trust: try ClientTrust())
    let peer = PeerAddress(address: try #require(IPAddress("127.0.0.1")), port: port)
    let connection = try await connector.connect(to: peer, tls: implicit ? tls : nil)
    do {
      let result = try await body(TLSClient(connection: connection))
      await connection.close()
      await connector.shutDown()
      return result
    } catch {
      connection.abort()
      await connection.close()
      await connector.shutDown()
      throw error
    }
  }

  /// Sends, and reads so many replies; their first lines.
  func ask(_ text: String, _ count: Int = 1) async throws -> [String] {
    try await connection.write(text)
    connection.flush()
    var replies: [String] = []
    while replies.count < count {
      let line = try #require(try await connection.line(limit: 4096, within: .seconds(20)))
      let words = String(decoding: line.bytes, as: UTF8.self)
      if words.dropFirst(3).first != "-" { replies.append(words) }
    }
    return replies
  }

  func startTLS() async throws {
    _ = try await connection.startTLS(
      ClientTLS(serverName: "mail.example.org", verification: .none, trust: try ClientTrust()))
  }

  /// STARTTLS, EHLO, AUTH PLAIN.
  func logIn(_ account: String) async throws {
    _ = try await ask("EHLO client.example\r\nSTARTTLS\r\n", 3)
    try await startTLS()
    #expect(try await ask("EHLO client.example\r\n\(plain(account))", 2).last == "235 2.7.0 Authentication succeeded")
  }
}

private func plain(_ account: String, password: String = House.password) -> String {
  let response = Array("\0\(account)\0\(password)".utf8)
  return "AUTH PLAIN \(String(decoding: Base64.encode(response), as: UTF8.self))\r\n"
}

private let message =
  "From: anna@example.org\r\nTo: x@elsewhere.example\r\nBcc: bob@example.org\r\nSubject: s\r\n\r\nhello\r\n.\r\n"

@Suite struct SubmissionPortTests {
  @Test func aUserSendsInsideAndOutside() async throws {
    try await House.with { house in
      try await TLSClient.with(house.submission) { client in
        try await client.logIn("anna")
        let replies = try await client.ask(
          "MAIL FROM:<anna@example.org>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\n\(message)QUIT\r\n",
          6)
        #expect(replies[4].hasPrefix("250 2.0.0"), "\(replies)")
      }
      let inbox = try await house.inbox("bob")
      #expect(inbox.count == 1)
      #expect(inbox[0].contains("with ESMTPSA") && !inbox[0].contains("Bcc") && !inbox[0].contains("for <"))
      #expect(!inbox[0].contains("127.0.0.1"))
      #expect(inbox[0].contains("\r\nDate: ") && inbox[0].contains("@mail.example.org>\r\n"))
      #expect(try await house.queue() == ["x@elsewhere.example"])
    }
  }

  @Test func implicitTLS() async throws {
    try await House.with { house in
      try await TLSClient.with(house.submissions, implicit: true) { client in
        let replies = try await client.ask("EHLO c\r\nSTARTTLS\r\n\(plain("ANNA"))", 4)
        #expect(replies[2].hasPrefix("502 5.5.1"))
        #expect(replies[3].hasPrefix("235 2.7.0"))
      }
    }
  }

  @Test func nothingWithoutAuthenticationNorEncryption() async throws {
    try await House.with { house in
      try await talk(to: house.submission) { (client: RawClient) throws in
        _ = try client.reply()
        client.send("EHLO c\r\n")
        #expect(try !client.reply().contains("AUTH"))
        #expect(
          try client.ask("MAIL FROM:<anna@example.org>\r\n\(plain("anna"))VRFY anna\r\n", 3) == [
            "530 5.7.0", "538 5.7.11", "530 5.7.0",
          ])
        #expect(
          try client.ask("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\nQUIT\r\n", 3) == ["530 5.7.0", "250 2.0.0", "221 2.0.0"])
      }
      try await TLSClient.with(house.submission) { client in
        _ = try await client.ask("EHLO c\r\nSTARTTLS\r\n", 3)
        try await client.startTLS()
        #expect(
          try await client.ask("EHLO c\r\nMAIL FROM:<anna@example.org>\r\n", 2).last
            == "530 5.7.0 Authentication required")
        #expect(try await client.ask(plain("anna", password: "wrong")).last?.hasPrefix("535 5.7.8") == true)
        #expect(try await client.ask(plain("nobody", password: "wrong")).last?.hasPrefix("535 5.7.8") == true)
      }
    }
  }

  /// What stands in plain text behind STARTTLS is not obeyed within TLS.
  @Test func nothingInjectedSurvives() async throws {
    try await House.with { house in
      for port in [house.smtp, house.submission] {
        try await TLSClient.with(port) { client in
          _ = try await client.ask("EHLO c\r\n", 2)
          _ = try await client.ask("STARTTLS\r\nEHLO injected\r\nMAIL FROM:<evil@elsewhere.example>\r\nRSET\r\nNO")
          try await client.startTLS()
          #expect(try await client.ask("NOOP\r\n") == ["250 2.0.0 OK"])
          // Nor does what was said before: a new EHLO is needed.
          #expect(
            try await client.ask("MAIL FROM:<>\r\n").last?.hasPrefix(port == house.smtp ? "503 5.5.1" : "530 5.7.0")
              == true)
        }
      }
    }
  }

  @Test func sendersAreOwned() async throws {
    try await House.with { house in
      try await TLSClient.with(house.submission) { client in
        try await client.logIn("anna")
        #expect(
          try await client.ask("MAIL FROM:<bob@example.org>\r\n")
            == ["550 5.7.1 MAIL FROM: not an address of yours; you may send as anna@example.org"])
        let forged = message.replacing("From: anna", with: "From: bob")
        let replies = try await client.ask(
          "MAIL FROM:<anna@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n\(forged)", 4)
        #expect(replies[3] == "550 5.7.1 The From field: not an address of yours; you may send as anna@example.org")
      }
      #expect(try await house.inbox("bob").isEmpty)
    }
  }

  @Test func linesArePutInOrderForUsers() async throws {
    try await House.with { house in
      try await TLSClient.with(house.submission) { client in
        try await client.logIn("anna")
        let replies = try await client.ask(
          "MAIL FROM:<anna@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
            + "From: anna@example.org\nSubject: a\rb\r\n\r\n\n.\nMAIL FROM:<evil@example.org>\r\n.\r\nNOOP\r\n", 5)
        #expect(replies[3].hasPrefix("250 2.0.0") && replies[4] == "250 2.0.0 OK")
      }
      let inbox = try await house.inbox("bob")
      #expect(inbox.count == 1)
      #expect(
        inbox[0].contains("From: anna@example.org\r\nSubject: ab\r\n\r\n\r\n.\r\nMAIL FROM:<evil@example.org>\r\n"))
    }
  }

  @Test func plaintextPasswordsWhereConfigured() async throws {
    let trusting = "[network]\nplaintext-passwords-from = [\"127.0.0.0/8\"]"
    try await House.with(trusting) { house in
      try await talk(to: house.submission) { (client: RawClient) throws in
        _ = try client.reply()
        client.send("EHLO c\r\n")
        #expect(try client.reply().contains("250-AUTH SCRAM-SHA-256 PLAIN LOGIN"))
        // The trust is for passwords only.
        #expect(try client.ask("MAIL FROM:<anna@example.org>\r\n") == ["530 5.7.0"])
        #expect(try client.ask("\(plain("anna"))MAIL FROM:<anna@example.org>\r\n", 2) == ["235 2.7.0", "250 2.1.0"])
      }
      try await talk(to: house.smtp) { (client: RawClient) throws in
        #expect(
          try client.ask("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<x@elsewhere.example>\r\n\(plain("anna"))", 5).suffix(2)
            == ["550 5.7.1", "502 5.5.1"])
      }
    }
  }

  @Test func scram() async throws {
    try await House.with { house in
      for implicit in [false, true] {
        try await TLSClient.with(implicit ? house.submissions : house.submission, implicit: implicit) { client in
          var settings = ClientMachine.Settings(
            name: "client.example", tls: .opportunistic,
            credentials: SMTP.Credentials(user: "bob", password: House.password), nonce: Array("abcdefgh".utf8))
          settings.timeLimits.greeting = .seconds(20)
          var machine = ClientMachine(settings: settings, isEncrypted: implicit)
          var isReady = false
          var failure: ClientMachine.Failure?
          while !isReady, failure == nil {
            let line = try #require(try await client.connection.line(limit: 4096, within: .seconds(20)))
            var actions = machine.receive(line.bytes[...])
            while !actions.isEmpty {
              switch actions.removeFirst() {
              case .send(let bytes): try await client.connection.write(bytes)
              case .startTLS:
                try await client.startTLS()
                actions += machine.tlsEstablished()
              case .derive(let derivation):
                actions += machine.keyDerived(
                  try pbkdf2SHA256(
                    password: derivation.password, salt: derivation.salt, iterations: derivation.iterations))
              case .ready: isReady = true
              case .failed(let why): failure = why
              default: break
              }
            }
          }
          #expect(failure == nil && machine.isAuthenticated)
        }
      }
    }
  }
}

@Suite struct DeviceTests {
  private static let scanner = """
    [[device]]
    name = "scanner"
    networks = ["127.0.0.1"]
    account = "bob"
    senders = ["scanner@example.org"]
    rate = 3
    """

  @Test func aScannerNeedsNoPasswordAndNoManners() async throws {
    try await House.with(Self.scanner) { house in
      for port in [house.submission, house.smtp] {
        try await talk(to: port) { (client: RawClient) throws in
          #expect(
            try client.ask("HELO scanner\nMAIL FROM: scanner@example.org\nRCPT TO:<anna@example.org>\nDATA\n", 5).last
              == "354")
          #expect(try client.ask("From: scanner@example.org\nSubject: scan\n\nx\n.\n\r\n.\r\n") == ["250 2.0.0"])
          #expect(try client.ask("MAIL FROM:<anna@example.org>\r\n") == ["550 5.7.1"])
          #expect(
            try client.ask("MAIL FROM:<bob@example.org>\r\nRCPT TO:<x@elsewhere.example>\r\nRSET\r\n", 3)[1]
              == "550 5.7.1")
        }
      }
      let inbox = try await house.inbox("anna")
      #expect(inbox.count == 2)
      #expect(inbox[0].contains("Subject: scan\r\n\r\nx\r\n.\r\n\r\n"))
      // The third is the last within an hour.
      try await talk(to: house.smtp) { (client: RawClient) throws in
        let one =
          "MAIL FROM:<bob@example.org>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nFrom: bob@example.org\r\n\r\n3\r\n.\r\n"
        #expect(
          try client.ask("HELO scanner\r\n\(one)MAIL FROM:<bob@example.org>\r\n", 7).suffix(2) == [
            "250 2.0.0", "450 4.7.1",
          ])
      }
    }
  }
}
