import Foundation
import Logging
import NIOPosix
import Network
import Platform
import Store
import Testing

@testable import IMAP

/// Second opinions: other people's clients on a real socket, in this process.
@Suite(.timeLimit(.minutes(5))) struct ClientProgramTests {
  /// A server on loopback, with STARTTLS and with implicit TLS.
  private func serving(_ body: (TestOffice, _ imap: Int, _ imaps: Int) async throws -> Void) async throws {
    let contexts = try TLSContexts([
      try SelfMadeCertificate(names: ["localhost"], now: Clock.system.now()).certificate()
    ])
    try await TestOffice.with { office in
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let server = IMAPServer(
        store: office.store, flow: office.flow, authenticator: office.authenticator,
        configuration: office.configuration,
        log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
      let limits = ConnectionLimits(.init(total: 50, perPeer: 50))
      let address = ListeningAddress.tcp(HostPort(host: "127.0.0.1", port: 0))
      let plain = try await Listener.bind(address, ListenerOptions(name: "imap", limits: limits), on: group)
      let secure = try await Listener.bind(
        address, ListenerOptions(name: "imaps", limits: limits, implicitTLS: contexts), on: group)
      let serving = Task {
        await withTaskGroup(of: Void.self) { tasks in
          tasks.addTask { await plain.run { await server.serve($0, startTLS: contexts) } }
          tasks.addTask { await secure.run { await server.serve($0, startTLS: nil) } }
        }
      }
      var failure: (any Error)?
      do {
        try await body(office, try #require(plain.address).port, try #require(secure.address).port)
      } catch {
        failure = error
      }
      plain.beginShutdown()
      secure.beginShutdown()
      await serving.value
      try await group.shutdownGracefully()
      if let failure { throw failure }
    }
  }

  /// Runs a program without holding one of the threads that the server needs.
  private func run(_ arguments: [String], input: String = "", environment: [String: String] = [:]) async throws
    -> String
  {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(with: Result { try Self.runNow(arguments, input, environment) })
      }
    }
  }

  private static func runNow(_ arguments: [String], _ input: String, _ environment: [String: String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: scratch) }
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    let (output, source) = (scratch.appendingPathComponent("out"), scratch.appendingPathComponent("in"))
    try Data().write(to: output)
    try Data(input.utf8).write(to: source)
    let handle = try FileHandle(forWritingTo: output)
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = try FileHandle(forReadingFrom: source)
    try process.run()
    process.waitUntilExit()
    return String(decoding: try Data(contentsOf: output), as: UTF8.self)
  }

  @Test func pythonOverBothKindsOfTLS() async throws {
    try await serving { office, imap, imaps in
      try await office.file(FetchTests.simple)
      try await office.file(FetchTests.mixed)
      let script = """
        import imaplib, ssl, threading, email
        context = ssl._create_unverified_context()
        a = imaplib.IMAP4("127.0.0.1", \(imap), timeout=120)
        assert "LOGINDISABLED" in a.capabilities and "STARTTLS" in a.capabilities, a.capabilities
        try:
            a.login("alice", "secret"); raise SystemExit("a password went in plain text")
        except imaplib.IMAP4.error as error: assert "PRIVACYREQUIRED" in str(error), error
        a.starttls(context)
        assert "LOGINDISABLED" not in a.capabilities
        a.authenticate("PLAIN", lambda _: b"\\0alice\\0secret")
        b = imaplib.IMAP4_SSL("127.0.0.1", \(imaps), ssl_context=context, timeout=120)
        b.login("alice", "secret")
        assert a.select() == ("OK", [b"2"]) and b.select() == ("OK", [b"2"])
        ok, data = a.fetch("1:2", "(RFC822 BODYSTRUCTURE ENVELOPE)")
        whole = [item[1] for item in data if isinstance(item, tuple)]
        assert email.message_from_bytes(whole[1]).get_payload()[2].get_payload()[0]["Subject"] == "Inner"
        assert b.noop()[0] == "OK"
        assert sorted(int(f.split()[0]) for f in b.response("FETCH")[1]) == [1, 2]
        assert a.uid("SEARCH", "TEXT", "welt")[1] == [b"2"]
        # A large message goes in and comes out.
        big = b"Subject: big\\r\\n\\r\\n" + b"0123456789abcdef\\r\\n" * 45000
        assert a.append("INBOX", None, None, big)[0] == "OK"
        assert b.select()[1] == [b"3"]
        assert b.fetch("3", "(BODY.PEEK[])")[1][0][1] == big
        assert b.fetch("3", "(BODY.PEEK[TEXT]<18.18>)")[1][0][1] == b"0123456789abcdef\\r\\n"
        # 20 clients at once.
        def day():
            c = imaplib.IMAP4_SSL("127.0.0.1", \(imaps), ssl_context=context, timeout=120)
            c.login("alice", "secret"); c.select()
            for _ in range(5):
                assert c.fetch("3", "(BODY.PEEK[])")[1][0][1] == big
                assert c.append("Archive", None, None, b"Subject: x\\r\\n\\r\\nx")[0] == "OK"
            c.logout(); done.append(1)
        done = []
        threads = [threading.Thread(target=day) for _ in range(20)]
        [t.start() for t in threads]; [t.join() for t in threads]
        assert len(done) == 20 and a.select("Archive")[1] == [b"100"]
        assert a.uid("EXPUNGE", "1:*")[0] == "OK" and a.close()[0] == "OK"
        a.logout(); b.logout(); print("done")
        """
      let output = try await run(["python3", "-c", script])
      #expect(output == "done\n", "\(output)")
    }
  }

  /// The other client idles and is told at once; nobody polls.
  @Test func idleOverTLS() async throws {
    try await serving { office, _, imaps in
      let script = """
        import imaplib, ssl
        context = ssl._create_unverified_context()
        a = imaplib.IMAP4_SSL("127.0.0.1", \(imaps), ssl_context=context, timeout=120)
        b = imaplib.IMAP4_SSL("127.0.0.1", \(imaps), ssl_context=context, timeout=120)
        for c in (a, b): c.login("alice", "secret"); c.select()
        a.send(b"x IDLE\\r\\n"); assert a.readline().startswith(b"+ ")
        assert b.append("INBOX", None, None, b"Subject: x\\r\\n\\r\\nx")[0] == "OK"
        assert a.readline() == b"* 1 EXISTS\\r\\n"
        a.readline()
        b.store("1", "+FLAGS", r"\\Deleted"); assert b"FETCH" in a.readline()
        b.expunge(); assert a.readline() == b"* 1 EXPUNGE\\r\\n"
        a.send(b"DONE\\r\\n"); assert a.readline().startswith(b"x OK"); print("done")
        """
      let output = try await run(["python3", "-c", script])
      #expect(output == "done\n", "\(output)")
    }
  }

  /// What is pipelined in plain text behind STARTTLS, in one packet with it, is never obeyed.
  @Test func injectionBehindSTARTTLS() async throws {
    try await serving { _, imap, _ in
      let script = """
        import socket, ssl
        s = socket.create_connection(("127.0.0.1", \(imap)), timeout=120)
        s.recv(4096)
        s.sendall(b"a STARTTLS\\r\\nb NOOP\\r\\nc LOGIN alice secret\\r\\n")
        answer = s.recv(4096)
        assert answer.startswith(b"a OK") and answer.count(b"\\r\\n") == 1, answer
        t = ssl._create_unverified_context().wrap_socket(s)
        t.sendall(b"d CAPABILITY\\r\\n")
        text = b""
        while b"d OK" not in text: text += t.recv(4096)
        assert b"b " not in text.replace(b"d ", b"") and text.startswith(b"* CAPABILITY"), text
        assert b"STARTTLS" not in text and b"AUTH=PLAIN" in text, text
        print("done")
        """
      let output = try await run(["python3", "-c", script])
      #expect(output == "done\n", "\(output)")
    }
  }

  @Test func opensslSpeaksSTARTTLS() async throws {
    try await serving { _, imap, imaps in
      let input = "a LOGIN alice secret\r\nb ENABLE IMAP4rev2\r\nc SELECT INBOX\r\nd SEARCH ALL\r\ne LOGOUT\r\n"
      for target in [["-connect", "127.0.0.1:\(imap)", "-starttls", "imap"], ["-connect", "127.0.0.1:\(imaps)"]] {
        let output = try await run(
          ["openssl", "s_client", "-quiet", "-crlf", "-ign_eof"] + target, input: input.replacing("\r\n", with: "\n"))
        #expect(output.contains("* ENABLED IMAP4rev2"), "\(output)")
        #expect(output.contains("* ESEARCH (TAG \"d\")"), "\(output)")
        #expect(output.contains("e OK Logged out"), "\(output)")
      }
    }
  }

  /// Clients that misbehave are let go; the one beside them notices nothing.
  @Test func badClientsTroubleNobodyElse() async throws {
    try await serving { office, imap, imaps in
      let script = """
        import imaplib, os, random, socket, ssl
        context = ssl._create_unverified_context()
        good = imaplib.IMAP4_SSL("127.0.0.1", \(imaps), ssl_context=context, timeout=120)
        good.login("alice", "secret"); good.select()
        random.seed(4)
        def bad(data, half=False):
            s = socket.create_connection(("127.0.0.1", \(imap)), timeout=120)
            try:
                s.recv(4096); s.sendall(data)
                if half: s.shutdown(socket.SHUT_WR)
                while s.recv(65536): pass
            except OSError: pass
            s.close()
        bad(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 10)
        bad(b"x" * 3000000, True)
        bad(b"a LOGIN {4096+}\\r\\n" + b"\\0" * 100, True)
        bad(b"a LOGIN {99999999999999999999+}\\r\\n", True)
        bad(b"\\r\\n" * 100)
        for _ in range(20): bad(os.urandom(5000) + b"\\r\\n" * 20, True)
        def wild():
            s = context.wrap_socket(socket.create_connection(("127.0.0.1", \(imaps)), timeout=120))
            s.recv(4096); s.sendall(b"a LOGIN alice secret\\r\\nb SELECT INBOX\\r\\n")
            words = [b"FETCH", b"UID", b"SEARCH", b"STORE", b"1:*", b"(", b")", b"BODY[", b"]", b"{5}", b"{3+}\\r\\nabc", b"\\"", b"*",
                     b"NOT", b"OR", b"$", b"FLAGS", b"\\r\\n", b"c", b"LIST", b"\\xff", b"<0.1>", b"RETURN (SAVE)"]
            try:
                for n in range(300): s.sendall(b"t%d " % n + b" ".join(random.choice(words) for _ in range(6)) + b"\\r\\n")
                s.settimeout(2)
                while s.recv(65536): pass
            except OSError: pass
            s.close()
        for _ in range(3): wild()
        assert good.noop()[0] == "OK" and good.fetch("1", "(FLAGS)")[0] == "OK"
        print("done")
        """
      try await office.fill(3)
      let output = try await run(["python3", "-c", script])
      #expect(output == "done\n", "\(output)")
    }
  }
}
