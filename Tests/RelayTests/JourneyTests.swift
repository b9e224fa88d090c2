import Glibc
import Logging
import Message
import NIOPosix
import Network
import Platform
import Store
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

/// Everybody of the office has an inbox, everybody else is queued.
private struct OfficePlanner: Planner {
  func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution {
    address.domainKey == "office.example" ? .local : .remote(domain: address.domainKey)
  }

  func plan(_ message: PlannedMessage) async throws -> Plan {
    Plan(
      recipients: message.envelope.recipients.map { recipient in
        recipient.address.domainKey == "office.example"
          ? PlannedRecipient(.deliver(Filing(account: recipient.address.localPart, deliveredTo: recipient.address)))
          : PlannedRecipient(.queue(destination: recipient.address.domainKey))
      }, configurationGeneration: 1)
  }
}

/// The relay over the real queue and the real store.
@Suite("Through the queue", .timeLimit(.minutes(5)))
struct JourneyTests {
  struct Office: Sendable {
    let flow: MailFlow
    let runner: QueueRunner
    let time: ManualTime

    func send(
      to recipients: [String], from: String = "anna@office.example", notify: NotifyRequest? = nil,
      origin: Origin = .submission,
      _ text: String = "From: anna@office.example\r\nSubject: hello\r\n\r\nbody\r\n"
    ) async throws -> EnvelopeID {
      let intake = try flow.beginIntake(origin: origin, peer: nil)
      await intake.append(Array(text.utf8))
      let envelope = Envelope(
        origin: origin, reversePath: EmailAddress(from),
        recipients: recipients.compactMap { EmailAddress($0) }.map { EnvelopeRecipient($0, notify: notify) },
        account: "anna", protocolName: "ESMTPSA", receivedAt: time.now)
      switch await flow.accept(envelope, try await intake.finish()) {
      case .accepted(let id, _): return id
      case .refused(let answer): throw Trouble(text: "\(answer)")
      case .unknown: throw Trouble(text: "unknown")
      }
    }

    struct Trouble: Error { let text: String }

    /// Waits until something holds, looking again after each commit that changed the queue.
    func until(_ holds: () async throws -> Bool) async throws {
      let changes = flow.changes.queueWakeUps()
      if try await holds() { return }
      for await _ in changes where try await holds() { return }
    }

    /// Waits until no recipient of the envelope is in that state any more.
    func left(_ state: RecipientState, _ id: EnvelopeID) async throws -> [Recipient] {
      var rows: [Recipient] = []
      try await until {
        rows = try await flow.store.read { try $0.recipients(of: id) }
        return !rows.contains { $0.state == state }
      }
      return rows
    }

    func inbox(_ account: String) async throws -> [String] {
      let entries = try await flow.store.read { reader -> [Entry] in
        guard let mailbox = try reader.mailbox(account: account, name: "INBOX") else { return [] }
        return try reader.entries(mailbox.id, .all)
      }
      var texts: [String] = []
      for entry in entries {
        guard let message = try await flow.store.open(entry.content, prefix: entry.prefix) else { continue }
        texts.append(String(decoding: try await message.bytes(from: 0, count: 1 << 20), as: UTF8.self))
      }
      return texts
    }
  }

  /// - Parameter before: what happens to the queue before the runner begins.
  func withOffice(
    port: Int, before: (Office) async throws -> Void = { _ in }, _ body: (Office) async throws -> Void
  ) async throws {
    var template = Array("/tmp/postroom-relay-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Office.Trouble(text: "no folder") }
    let folder = String(cString: made)
    defer { remove(folder) }
    let time = ManualTime()
    var log = Logger(label: "test")
    log.logLevel = .critical
    var options = Store.Options()
    options.readers = 1
    options.ballast = 0
    options.clock = time.clock
    options.logger = log
    let store = try Store.open(folder: folder, options: options)
    var configuration = try Configuration(text: RunnerBench.text + "[limits]\ndisk-reserve = \"1 MiB\"\n")
    configuration.smartHost = RunnerBench.hop(port)
    let fixed = configuration
    let flow = MailFlow(
      store: store, configuration: { fixed }, judge: OpenGate(), planner: OfficePlanner(), clock: time.clock, log: log)
    let connector = Connector(on: MultiThreadedEventLoopGroup.singleton)
    let runner = QueueRunner(
      queue: FlowQueue(flow: flow), configuration: { fixed },
      dialer: Dialer(connector: connector, trust: try ClientTrust(), dns: FakeDNS()),
      clock: time.clock, uptime: { time.uptime }, sleep: { try await time.sleep(until: $0) }, chance: { 0.5 }, log: log)
    let office = Office(flow: flow, runner: runner, time: time)
    try await before(office)
    let running = Task { try await runner.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body(office)) } catch { result = .failure(error) }
    await runner.stop(grace: .seconds(1))
    try await running.value
    await connector.shutDown()
    flow.finish()
    await store.close()
    try result.get()
  }

  private func remove(_ folder: String) {
    guard let entries = opendir(folder) else { return }
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      unlink(folder + "/" + name)
    }
    closedir(entries)
    rmdir(folder)
  }

  @Test func acceptedIsRelayedWithItsTrace() async throws {
    let server = FakeServer()
    defer { server.stop() }
    try await withOffice(port: server.port) { office in
      let id = try await office.send(to: ["x@far.example"])
      let rows = try await office.left(.queued, id)
      #expect(rows.map(\.state) == [.relayed])
      let text = try #require(server.transactions.first?.text)
      #expect(text.hasPrefix("Received: from "))
      #expect(text.hasSuffix("Subject: hello\r\n\r\nbody\r\n"))
      let steps = try await office.flow.store.read { try $0.trace(of: id).map(\.what) }
      #expect(steps == ["accepted", "queued", "attempting", "relayed"])
    }
  }

  @Test func aRefusalComesBackToTheSender() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.recipient = { line, _ in line.contains("<no@") ? .say("550 5.1.1 no such user") : .say("250 ok") }
    let server = FakeServer(behaviour)
    defer { server.stop() }
    try await withOffice(port: server.port) { office in
      let id = try await office.send(to: ["no@far.example", "yes@far.example"])
      let rows = try await office.left(.queued, id)
      #expect(rows.map(\.state) == [.failed, .relayed])
      let notices = try await office.inbox("anna")
      #expect(notices.count == 1)
      let notice = try #require(notices.first)
      #expect(notice.contains("Final-Recipient: rfc822; no@far.example"))
      #expect(notice.contains("Status: 5.1.1"))
      #expect(notice.contains("550 5.1.1 no such user"))
      #expect(!notice.contains("yes@far.example\r\nAction"))
    }
  }

  @Test func withoutDSNThereSuccessIsReportedHere() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions = []
    let server = FakeServer(behaviour)
    defer { server.stop() }
    try await withOffice(port: server.port) { office in
      let id = try await office.send(to: ["x@far.example"], notify: [.success])
      _ = try await office.left(.queued, id)
      let notice = try #require(try await office.inbox("anna").first)
      #expect(notice.contains("Action: relayed"))
    }
  }

  @Test func afterFourHoursTheSenderIsToldOnceThatItWaits() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.recipient = { _, _ in .say("451 4.7.1 greylisted") }
    let server = FakeServer(behaviour)
    defer { server.stop() }
    try await withOffice(port: server.port) { office in
      let id = try await office.send(to: ["x@far.example"])
      // The waits are 15 and 30 minutes, then 2 hours each: the fifth attempt is at the four hours.
      for attempt in 1...6 {
        try await office.until {
          try await office.flow.store.read { try $0.recipients(of: id).first?.attempts } == attempt
        }
        let told = try await office.inbox("anna").count
        #expect(told == (attempt < 5 ? 0 : 1), "attempt \(attempt)")
        let due = try #require(try await office.flow.store.read { try $0.recipients(of: id).first?.due })
        office.time.advance(due - office.time.now)
      }
      let notice = try #require(try await office.inbox("anna").first)
      #expect(notice.contains("Action: delayed"))
    }
  }

  @Test func anAttemptThatTheProcessDidNotSurviveIsUncertainAndTriedAgain() async throws {
    let server = FakeServer()
    defer { server.stop() }
    var id: EnvelopeID?
    try await withOffice(
      port: server.port,
      before: { office in
        let sent = try await office.send(to: ["x@far.example"])
        // The process ended between the final dot and the reply.
        try await office.flow.recordAttempt([RecipientID(sent, 0)], host: "127.0.0.1")
        id = sent
      }
    ) { office in
      let id = try #require(id)
      let rows = try await office.left(.queued, id)
      #expect(rows.map(\.state) == [.relayed])
      let steps = try await office.flow.store.read { try $0.trace(of: id).map(\.what) }
      #expect(steps == ["accepted", "queued", "attempting", "uncertain", "attempting", "relayed"])
    }
  }

  @Test func aLargeMessageStreams() async throws {
    let server = FakeServer()
    defer { server.stop() }
    let text =
      "From: anna@office.example\r\n\r\n" + String(repeating: "0123456789abcdef0123456789abcdef\r\n", count: 60_000)
    try await withOffice(port: server.port) { office in
      let id = try await office.send(to: ["x@far.example"], text)
      let rows = try await office.left(.queued, id)
      #expect(rows.map(\.state) == [.relayed])
      #expect(server.transactions.first?.text.hasSuffix(text) == true)
    }
  }

  /// A server without 8BITMIME gets our people's text as quoted-printable (RFC 6152 §3).
  @Test(arguments: [true, false]) func textIsEncodedForAServerWithoutEightBit(_ chunking: Bool) async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions = ["PIPELINING", "SIZE 10000000"] + (chunking ? ["CHUNKING"] : [])
    let server = FakeServer(behaviour)
    defer { server.stop() }
    let lines = String(repeating: "Gr\u{fc}\u{df}e aus der Ferne \r\n", count: 20_000)
    let text =
      "From: anna@office.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      + "Content-Transfer-Encoding: 8bit\r\n\r\n" + lines
    try await withOffice(port: server.port) { office in
      let id = try await office.send(to: ["x@far.example"], text)
      #expect(try await office.left(.queued, id).map(\.state) == [.relayed])
      let sent = try #require(server.transactions.first)
      #expect(sent.content.allSatisfy { $0 < 128 } && !sent.mail.contains("BODY="))
      #expect(sent.mail.contains("SIZE=\(sent.content.count)"))
      #expect(sent.text.contains("Content-Transfer-Encoding: quoted-printable\r\n"))
      let body = try #require(sent.text.firstRange(of: "\r\n\r\n")).upperBound
      #expect(sent.text[body...] == String(repeating: "Gr=C3=BC=C3=9Fe aus der Ferne=20\r\n", count: 20_000)[...])
    }
  }

  /// A stranger's signed message is not touched: it goes back instead.
  @Test(arguments: [true, false]) func aStrangersSignedMessageIsNotEncoded(_ isSigned: Bool) async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions = ["PIPELINING"]
    let server = FakeServer(behaviour)
    defer { server.stop() }
    let text =
      (isSigned ? "DKIM-Signature: v=1; a=rsa-sha256; d=far.example\r\n" : "")
      + "From: b@far.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\u{fc}\r\n"
    try await withOffice(port: server.port) { office in
      let id = try await office.send(to: ["x@far.example"], from: "b@far.example", origin: .mx, text)
      let rows = try await office.left(.queued, id)
      #expect(rows.map(\.state) == [isSigned ? .failed : .relayed])
      if isSigned { #expect(rows.first?.said?.contains("8BITMIME") == true) }
    }
  }
}
