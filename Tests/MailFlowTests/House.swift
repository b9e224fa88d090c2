import Configuration
import Glibc
import Logging
import Message
import Platform
import Store
import Synchronization
import Testing

@testable import MailFlow

/// A clock that stands still until a test turns it.
final class HandClock: Sendable {
  private let time = Mutex(Moment(seconds: 1_800_000_000))

  var clock: Clock { Clock { [self] in now } }
  var now: Moment { time.withLock { $0 } }
  func turn(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}

/// A folder of a test's own, removed with all that is in it.
final class TestFolder: Sendable {
  let path: String

  init(in parent: String = "/tmp") {
    var template = Array("\(parent)/postroom-flow-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nowhere"
  }

  deinit {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      unlink(path + "/" + name)
    }
    closedir(folder)
    rmdir(path)
  }
}

/// Plans by a table; everybody else is unknown.
final class TablePlanner: Planner {
  struct Trouble: Error {}

  let fates = Mutex<[String: PlannedRecipient]>([:])
  let generation: @Sendable () -> UInt64
  /// Called before each plan is given out.
  let hook = Mutex<(@Sendable () throws -> Void)?>(nil)
  let plans = Mutex(0)

  init(generation: @escaping @Sendable () -> UInt64) { self.generation = generation }

  func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution {
    fates.withLock { $0[address.description] != nil } ? .local : .refused(Answer(550, "5.1.1", "No such user here"))
  }

  func plan(_ message: PlannedMessage) async throws -> Plan {
    plans.withLock { $0 += 1 }
    let generation = generation()
    let recipients = zip(message.envelope.recipients, message.verdicts).map { recipient, verdict -> PlannedRecipient in
      switch verdict.action {
      case .quarantine(let reason): return PlannedRecipient(.quarantine(reason: reason))
      case .reject(let answer): return PlannedRecipient(.reject(answer))
      case .discard(let reason): return PlannedRecipient(.discard(reason: reason))
      case .accept, .tag:
        var planned =
          fates.withLock { $0[recipient.address.description] }
          ?? PlannedRecipient(.reject(Answer(550, "5.1.1", "No such user here")))
        if case .tag(let tag) = verdict.action { planned.tag = tag }
        return planned
      }
    }
    try hook.withLock { $0 }?()
    return Plan(recipients: recipients, configurationGeneration: generation)
  }
}

/// Judges by a table; everybody else passes.
final class TableJudge: Judge {
  let verdicts = Mutex<[String: Verdict]>([:])
  let sleeps = Mutex(false)

  func judge(_ message: JudgedMessage) async -> [Verdict] {
    if sleeps.withLock({ $0 }) {
      try? await Task.sleep(for: .seconds(3600))
    }
    return message.envelope.recipients.map { recipient in
      verdicts.withLock { $0[recipient.address.description] } ?? .accept
    }
  }
}

/// A mail flow over a store of its own, with a planner and a judge that do as the test says.
final class House: Sendable {
  let folder: TestFolder
  let clock: HandClock
  let store: Store
  let flow: MailFlow
  let planner: TablePlanner
  let judge = TableJudge()
  private let number: Generation

  /// A reload.
  func reload() { number.value.withLock { $0 += 1 } }

  static let text = """
    hostname = "mail.office.example"
    postmaster = "anna"
    [[domain]]
    name = "office.example"
    [[account]]
    name = "anna"
    quota = "1 MiB"
    [[account]]
    name = "bert"
    [smart-host]
    host = "smtp.provider.example"
    [limits]
    disk-reserve = "1 MiB"
    """

  init(
    in folder: TestFolder = TestFolder(), clock: HandClock = HandClock(), text: String = "",
    observers: [any MailboxObserver] = [], storeOptions change: (inout Store.Options) -> Void = { _ in }
  ) throws {
    self.folder = folder
    self.clock = clock
    var options = Store.Options()
    options.readers = 1
    options.ballast = 0
    options.clock = clock.clock
    options.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    change(&options)
    store = try Store.open(folder: folder.path, options: options)
    let number = Generation()
    self.number = number
    let base = try Configuration(text: House.text + "\n" + text)
    let configuration: @Sendable () -> Configuration = {
      var configuration = base
      configuration.generation = number.value.withLock { $0 }
      return configuration
    }
    planner = TablePlanner(generation: { number.value.withLock { $0 } })
    flow = MailFlow(
      store: store, configuration: configuration, judge: judge, planner: planner, observers: observers,
      clock: clock.clock, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    for name in ["anna", "bert"] { try leads("\(name)@office.example", to: .deliver(try filing(name))) }
    try leads("friend@elsewhere.example", to: .queue(destination: "elsewhere.example"))
    try leads("other@elsewhere.example", to: .queue(destination: "elsewhere.example"))
  }

  private final class Generation: Sendable { let value = Mutex<UInt64>(1) }

  func leads(_ address: String, to fate: Fate) throws {
    planner.fates.withLock { $0[address] = PlannedRecipient(fate) }
  }

  func filing(_ account: String, _ folder: Folder = .inbox, as address: String? = nil) throws -> Filing {
    Filing(
      account: account, folder: folder, deliveredTo: try #require(EmailAddress(address ?? "\(account)@office.example")))
  }

  /// Closes the store as an orderly end does.
  func close() async {
    flow.finish()
    await store.close()
  }
}

extension House {
  static let message =
    "From: Bob <bob@outside.example>\nTo: anna@office.example\nSubject: Hello\nMessage-ID: <1@outside.example>\n\nGood day.\n"

  func take(_ text: String = House.message) async throws -> ReceivedContent {
    let intake = try flow.beginIntake(origin: .mx, peer: IPAddress("192.0.2.1"))
    await intake.append(Array(text.replacing("\n", with: "\r\n").utf8))
    return try await intake.finish()
  }

  func envelope(
    _ recipients: [String], from: String? = "bob@outside.example", origin: Origin = .mx, notify: NotifyRequest? = nil,
    change: (inout Envelope) -> Void = { _ in }
  ) throws -> Envelope {
    var envelope = Envelope(
      origin: origin, reversePath: try from.map { try #require(EmailAddress($0)) },
      recipients: try recipients.map { EnvelopeRecipient(try #require(EmailAddress($0)), notify: notify) },
      peer: Peer(address: IPAddress("192.0.2.1"), helo: "mx.outside.example"),
      account: origin == .submission ? "anna" : nil, protocolName: "ESMTP", receivedAt: clock.now)
    change(&envelope)
    return envelope
  }

  /// Accepts a message and returns its id.
  @discardableResult
  func deliver(
    _ recipients: [String], from: String? = "bob@outside.example", origin: Origin = .mx,
    notify: NotifyRequest? = nil, _ text: String = House.message
  ) async throws -> EnvelopeID {
    let acceptance = await flow.accept(
      try envelope(recipients, from: from, origin: origin, notify: notify), try await take(text))
    return try #require(acceptance.id, "\(acceptance)")
  }

  /// The messages of a folder as IMAP would send them, with CRLF as LF.
  func messages(_ account: String, _ name: String = "INBOX") async throws -> [String] {
    let entries = try await store.read { reader -> [Entry] in
      guard let mailbox = try reader.mailbox(account: account, name: name) else { return [] }
      return try reader.entries(mailbox.id, .all)
    }
    var texts: [String] = []
    for entry in entries {
      let message = try #require(try await store.open(entry.content, prefix: entry.prefix))
      var bytes: [UInt8] = []
      for try await piece in message.pieces() { bytes += piece }
      texts.append(String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n"))
    }
    return texts
  }

  func states(_ id: EnvelopeID) async throws -> [String] {
    try await store.read { try $0.recipients(of: id) }.map { "\($0.address) \($0.state)" }
  }

  func steps(_ id: EnvelopeID) async throws -> [String] {
    try await store.read { try $0.trace(of: id) }.map { step in
      "\(step.stage) \(step.what)\(step.recipient.map { " <\($0)>" } ?? "")"
    }
  }

  func words(_ id: EnvelopeID, _ what: String) async throws -> String {
    try await store.read { try $0.trace(of: id) }.filter { $0.what == what }.map(\.words).joined(separator: "\n")
  }

  func row(_ id: EnvelopeID, _ number: Int = 0) async throws -> Recipient {
    try #require(try await store.read { try $0.recipient(RecipientID(id, number)) })
  }

  func mailbox(_ account: String, _ name: String = "INBOX") async throws -> Mailbox {
    try #require(try await store.read { try $0.mailbox(account: account, name: name) })
  }

  /// The database holds what it should: every recipient in one state, every reference counted.
  func expectSound() async throws {
    let report = try await store.check()
    #expect(report.problems == [])
  }
}

extension MailFlow {
  /// What came of attempts, for recipients as they are in the store.
  func recordOutcomes(_ outcomes: [RecipientID: AttemptOutcome]) async throws {
    var left: [(row: QueueRow, outcome: AttemptOutcome)] = []
    for (id, outcome) in outcomes { left.append((try await row(id), outcome)) }
    try await recordOutcomes(&left)
  }

  /// As the queue runner looks for it: what was due impossibly late is due now.
  func dueNow() async throws -> [QueueRow] {
    try await bringBackStranded()
    return try await due(limit: 10)
  }

  func row(_ id: RecipientID) async throws -> QueueRow {
    let (envelope, recipient) = try await store.read { (try $0.envelope(id.envelope), try $0.recipient(id)) }
    guard let envelope, let recipient else { throw StoreError.missing("recipient \(id)") }
    return QueueRow(envelope: envelope, recipient: recipient)
  }
}

extension Acceptance {
  var id: EnvelopeID? { if case .accepted(let id, _) = self { id } else { nil } }
  var answer: Answer? {
    switch self {
    case .accepted(_, let answer), .refused(let answer): answer
    case .unknown: nil
    }
  }
}

func readAll(_ path: String) -> [UInt8]? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
  return bytes
}

func writeAll(_ path: String, _ bytes: [UInt8]) {
  guard let file = fopen(path, "w") else { return }
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
}
