import Foundation
import Testing

/// STARTTLS injection: what somebody on the line put behind STARTTLS, or behind its answer, in plain text counts for nothing
/// inside TLS (RFC 3207 §4.2), at our servers and at our client.
@Suite("EndToEnd: STARTTLS injection") struct InjectionTests {
  static let office = Result { try TestAppliance.running(accounts: ["alice", "bob"]) }

  struct Case: Sendable, CustomTestStringConvertible {
    let service: String
    /// Sent in plain text in one piece with STARTTLS.
    let injected: String
    /// Said inside TLS.
    let inside: String
    /// How each answer inside TLS begins.
    let answers: [String]
    var testDescription: String { "\(service): \(injected.debugDescription)" }
  }

  static let mail = "MAIL FROM:<evil@elsewhere.example>"
  static let cases: [Case] =
    ["smtp", "submission"].flatMap { service in
      [
        Case(service: service, injected: "NOOP\r\n", inside: "EHLO inside\r\n", answers: ["250-mail.office"]),
        Case(
          service: service, injected: "\(mail)\r\nQUIT\r\n", inside: "EHLO inside\r\n", answers: ["250-mail.office"]),
        Case(
          service: service, injected: "EHLO evil\r\n\(mail)\r\n",
          inside: "RCPT TO:<bob@office.example>\r\nEHLO inside\r\n",
          answers: [service == "smtp" ? "503 " : "530 ", "250-mail.office"]),
        // Half a line: what comes first inside TLS does not complete it.
        Case(service: service, injected: "NO", inside: "OP\r\nEHLO inside\r\n", answers: ["500 ", "250-mail.office"]),
      ]
    } + [
      Case(service: "imap", injected: "b NOOP\r\n", inside: "c NOOP\r\n", answers: ["c OK"]),
      Case(
        service: "imap", injected: "b LOGIN alice \"\(TestAppliance.password)\"\r\n",
        inside: "c SELECT INBOX\r\nd NOOP\r\n", answers: ["c BAD", "d OK"]),
      Case(service: "imap", injected: "b NO", inside: "OP\r\nc NOOP\r\n", answers: ["* BAD", "c OK"]),
      Case(service: "imap", injected: "b LOGIN {5}\r\nali", inside: "ce\r\nc NOOP\r\n", answers: ["* BAD", "c OK"]),
    ]

  @Test(arguments: cases) func serversForgetWhatCameInPlainText(_ tried: Case) throws {
    let script = """
      import json, socket, ssl, sys
      port, service, injected, inside, count = json.loads(sys.stdin.read())
      s = socket.create_connection(("127.0.0.1", port), 60)
      def line(s):
          text = b""
          while not text.endswith(b"\\n"):
              byte = s.recv(1)
              if not byte: return "closed"
              text += byte
          return text.decode().strip()
      def reply(s):
          lines = [line(s)]
          while lines[-1][3:4] == "-" and service != "imap": lines.append(line(s))
          return lines[0]
      reply(s)
      if service != "imap":
          s.sendall(b"EHLO outside\\r\\n"); reply(s)
      start = "a STARTTLS" if service == "imap" else "STARTTLS"
      s.sendall((start + "\\r\\n" + injected).encode())
      go = reply(s)
      context = ssl.create_default_context()
      context.check_hostname = False
      context.verify_mode = ssl.CERT_NONE
      t = context.wrap_socket(s)
      t.sendall(inside.encode())
      print(json.dumps([go] + [reply(t) for _ in range(count)]))
      """
    let input: [Any] = [
      try Self.office.get().port(tried.service), tried.service, tried.injected, tried.inside, tried.answers.count,
    ]
    let finished = try Program.run(
      "python3", ["-c", script],
      input: String(decoding: try JSONSerialization.data(withJSONObject: input), as: UTF8.self))
    let answers = try #require(
      try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String], "\(finished)")
    for (answer, expected) in zip(answers, [tried.service == "imap" ? "a OK" : "220 "] + tried.answers) {
      #expect(answer.hasPrefix(expected), "\(answers)")
    }
  }

  /// A man in the middle answers our client in the server's place before the handshake.
  @Test(arguments: ["encrypted", "opportunistic"], ["250-evil\r\n250 AUTH PLAIN\r\n", "250 ok\r\n", "250-"])
  func ourClientEndsTheSession(_ mode: String, _ injected: String) throws {
    let remote = try FakeRemote(injecting: injected)
    let office = try TestAppliance.running(
      extra: "[smart-host]\nhost = \"127.0.0.1:\(remote.port)\"\ntls = \"\(mode)\"\n", plaintext: true)
    let wire = try Wire(port: try office.port("submission"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("AUTH PLAIN \(Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString())", 235)
    try wire.ask("MAIL FROM:<alice@office.example>", 250)
    try wire.ask("RCPT TO:<x@remote.example>", 250)
    try wire.ask("DATA", 354)
    try wire.say("From: alice@office.example\r\nSubject: out\r\n\r\nsecret\r\n.")
    try wire.expect(250)
    try TestAppliance.wait("an attempt is over", seconds: 60) {
      (try office.list("queue", "list").first?["attempts"] as? Int ?? 0) >= 1
    }
    #expect(try office.tell("trace", "--address", "x@remote.example").contains("put behind the go-ahead in plain text"))
    #expect(try office.list("queue", "list").count == 1, "it waits for a line without a man in the middle")
    let heard = remote.heard
    #expect(heard.contains("STARTTLS"))
    #expect(!heard.contains { $0.hasPrefix("MAIL") }, "\(heard)")
  }

  /// A server with STARTTLS that says more than its go-ahead; it notes all lines that it hears.
  final class FakeRemote {
    private let process: Child
    private let folder: Folder
    private(set) var port = 0

    init(injecting injected: String) throws {
      folder = try Folder()
      let (certificate, key) = (folder.file("certificate.pem"), folder.file("key.pem"))
      let made = try Program.run(
        TestAppliance.binary, ["certificate", "remote.example", "--certificate", certificate, "--key", key])
      guard made.status == 0 else { throw TestAppliance.Failed(description: "\(made)") }
      let script = """
        import os, socket, ssl, sys
        folder, injected = sys.argv[1:]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + "/certificate.pem", folder + "/key.pem")
        heard = open(folder + "/heard", "w", buffering=1)
        def serve(s):
            s.sendall(b"220 remote\\r\\n")
            while True:
                line = b""
                while not line.endswith(b"\\n"):
                    byte = s.recv(1)
                    if not byte: return
                    line += byte
                print(line.decode().strip(), file=heard)
                verb = line[:4].upper()
                if verb == b"EHLO": s.sendall(b"250-remote\\r\\n250 STARTTLS\\r\\n")
                elif verb == b"STAR":
                    s.sendall(b"220 go\\r\\n" + injected.encode())
                    s = context.wrap_socket(s, server_side=True)
                elif verb == b"DATA": s.sendall(b"354 go\\r\\n")
                else: s.sendall(b"250 ok\\r\\n")
        listener = socket.create_server(("127.0.0.1", 0))
        with open(folder + "/port.new", "w") as f: f.write(str(listener.getsockname()[1]))
        os.rename(folder + "/port.new", folder + "/port")
        while True:
            s, _ = listener.accept()
            try: serve(s)
            except OSError: pass
            s.close()
        """
      process = try Child(["python3", "-c", script, folder.path, injected])
      try TestAppliance.wait("the fake server listens", seconds: 60) {
        port = (try? String(contentsOfFile: folder.file("port"), encoding: .utf8)).flatMap { Int($0) } ?? 0
        return port != 0
      }
    }

    var heard: [String] {
      ((try? String(contentsOfFile: folder.file("heard"), encoding: .utf8)) ?? "").split(separator: "\n").map(
        String.init)
    }
  }
}
