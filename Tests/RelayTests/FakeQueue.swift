import Message
import Platform
import Synchronization

@testable import MailFlow
@testable import Relay
@testable import Store

/// A queue in memory, with what the runner does to it written down in order.
final class FakeQueue: RelayQueue {
  struct Failure: Error {}

  struct Attempt: Sendable, Hashable {
    var recipients: [String]
    var host: String
  }

  private struct State {
    var rows: [RecipientID: QueueRow] = [:]
    var contents: [ContentID: OutgoingContent] = [:]
    var attempts: [Attempt] = []
    var outcomes: [(address: String, outcome: AttemptOutcome)] = []
    var told: (@Sendable (QueueNews) -> Void)?
    var next: Int64 = 0
    var recovered = false
    var failWrites = 0
    var failedWrites = 0
    var failAttempts = false
    var outcomeGate: Gate?
    var reads = 0
    var poisoned: Set<EnvelopeID> = []
    var held: [RecipientID] = []
    var failHolds = false
    var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())
  private let time: ManualTime

  init(_ time: ManualTime) { self.time = time }

  // MARK: For tests

  @discardableResult
  func add(
    to recipients: [String], from sender: String? = "anna@office.example", text: String = FakeQueue.text,
    pieces: Int = 4096, facts: ContentFacts = [], envelopeID: String? = nil, ret: ReturnContent? = nil,
    notify: NotifyRequest? = nil, original: OriginalRecipient? = nil, accepted: Moment? = nil, due: Moment? = nil,
    attempts: Int = 0,
    transport: TransportWish = .standard
  ) -> EnvelopeID {
    let now = time.now
    let bytes = Array(text.utf8)
    let (id, told) = state.withLock { state in
      state.next += 1
      let id = EnvelopeID(state.next)
      let content = ContentID(state.next)
      var envelope = Envelope(
        origin: .submission, reversePath: sender.flatMap { EmailAddress($0) }, recipients: [], receivedAt: now)
      envelope.envelopeID = envelopeID
      envelope.returnContent = ret
      envelope.transport = transport
      let stored = StoredEnvelope(
        id: id, at: accepted ?? now, origin: Origin.submission.name, content: content, sender: sender, peer: nil,
        helo: nil, account: "anna", options: envelope.options(fingerprint: nil), fingerprint: nil, reply: .read,
        messageID: nil,
        subject: nil, size: bytes.count)
      for (number, address) in recipients.enumerated() {
        var options = RecipientOptions()
        options.notify = notify
        options.original = original
        let recipient = QueuedRecipient.make(
          RecipientID(id, number), address: address, due: due ?? now, attempts: attempts, options: options.bytes,
          content: content)
        state.rows[recipient.id] = QueueRow(envelope: stored, recipient: recipient)
      }
      state.contents[content] = OutgoingContent(
        size: bytes.count, facts: facts, hasInternationalizedPrefix: false,
        read: { from, count in Array(bytes[min(from, bytes.count)...].prefix(min(count, pieces))) })
      return (id, state.told)
    }
    told?(.changed(due: due ?? now))
    return id
  }

  static let text = "From: anna@office.example\r\nSubject: hello\r\n\r\n.dot at the start\r\nbody\r\n"

  var outcomes: [(address: String, outcome: AttemptOutcome)] { state.withLock { $0.outcomes } }
  var attempts: [Attempt] { state.withLock { $0.attempts } }
  var reads: Int { state.withLock { $0.reads } }
  var wasRecovered: Bool { state.withLock { $0.recovered } }
  var waitingCount: Int { state.withLock { $0.rows.count } }

  func outcome(_ address: String) -> AttemptOutcome? { outcomes.last { $0.address == address }?.outcome }

  /// The next writes of outcomes fail.
  func failWrites(_ count: Int) { state.withLock { $0.failWrites = count } }
  func failAttempts(_ fail: Bool) { state.withLock { $0.failAttempts = fail } }
  /// Outcomes are written and told, but the courier hears of it only when the gate opens.
  func holdOutcomes(_ gate: Gate) { state.withLock { $0.outcomeGate = gate } }

  var failedWrites: Int { state.withLock { $0.failedWrites } }

  /// What `queue retry` does.
  func makeDue() {
    let now = time.now
    let told = state.withLock { state in
      for (id, row) in state.rows {
        var recipient = row.recipient
        recipient.due = now
        state.rows[id] = QueueRow(envelope: row.envelope, recipient: recipient)
      }
      return state.told
    }
    told?(.retryAsked)
    told?(.changed(due: now))
  }

  /// The process has ended twice over this message.
  func poison(_ envelope: EnvelopeID, failHolds: Bool = false) {
    state.withLock { state in
      state.poisoned.insert(envelope)
      state.failHolds = failHolds
    }
  }

  var held: [RecipientID] { state.withLock { $0.held } }

  /// Waits until so many outcomes have been written.
  func settled(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.outcomes.count >= count { return true }
        state.waiting.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  // MARK: RelayQueue

  func due(perDestination: Int) async throws -> [QueueRow] {
    let now = time.now
    return state.withLock { state in
      state.reads += 1
      let due = state.rows.values.filter { ($0.recipient.due ?? now) <= now }
      return Dictionary(grouping: due) { $0.recipient.destination }.values
        .flatMap { $0.sorted { $0.recipient.id < $1.recipient.id }.prefix(perDestination) }
        .sorted { $0.recipient.id < $1.recipient.id }
    }
  }

  func nextDue(after: Moment) async throws -> Moment? {
    state.withLock { $0.rows.values.compactMap(\.recipient.due).filter { $0 > after }.min() }
  }

  func onNews(_ told: @escaping @Sendable (QueueNews) -> Void) -> any Sendable {
    state.withLock { $0.told = told }
    return 0
  }

  func stillQueued(_ ids: [RecipientID]) async throws -> Set<RecipientID> {
    state.withLock { state in Set(ids.filter { state.rows[$0] != nil }) }
  }

  /// What `queue delete` does.
  func delete(_ address: String) {
    state.withLock { state in state.rows = state.rows.filter { $0.value.recipient.address != address } }
  }

  func open(_ content: ContentID, prefix: PrefixID?) async throws -> OutgoingContent? {
    state.withLock { $0.contents[content] }
  }

  func recordAttempt(_ ids: [RecipientID], host: String) async throws {
    try state.withLock { state in
      if state.failAttempts { throw Failure() }
      state.attempts.append(Attempt(recipients: ids.compactMap { state.rows[$0]?.recipient.address }, host: host))
    }
  }

  func recordOutcomes(_ outcomes: [RecipientID: AttemptOutcome]) async throws {
    let (ready, told, due) = try state.withLock { state in
      if state.failWrites > 0 {
        state.failWrites -= 1
        state.failedWrites += 1
        throw Failure()
      }
      var earliest: Moment?
      for (id, outcome) in outcomes.sorted(by: { $0.key < $1.key }) {
        guard let row = state.rows[id] else { continue }
        state.outcomes.append((row.recipient.address, outcome))
        switch outcome {
        case .relayed, .failed: state.rows[id] = nil
        case .deferred(let until, _, _, _), .uncertain(let until, _, _):
          var recipient = row.recipient
          recipient.due = until
          recipient.attempts += 1
          state.rows[id] = QueueRow(envelope: row.envelope, recipient: recipient)
          earliest = min(earliest ?? until, until)
        }
      }
      let count = state.outcomes.count
      let ready = state.waiting.filter { $0.count <= count }
      state.waiting.removeAll { $0.count <= count }
      return (ready, state.told, earliest)
    }
    told?(.changed(due: due))
    for one in ready { one.continuation.resume() }
    await state.withLock { $0.outcomeGate }?.wait()
  }

  func watch(_ envelope: EnvelopeID, to hop: String) -> WorkSlot { .unwatched }

  func crashReason(of envelope: EnvelopeID, to hop: String) -> String? {
    state.withLock { $0.poisoned.contains(envelope) } ? "crash: the process has ended 2 times" : nil
  }

  func holdAfterCrash(_ ids: [RecipientID], reason: String) async throws {
    try state.withLock { state in
      if state.failHolds { throw Failure() }
      for id in ids {
        state.rows[id] = nil
        state.held.append(id)
      }
    }
  }

  func recoverAttempts() async throws { state.withLock { $0.recovered = true } }
}

enum QueuedRecipient {
  static func make(
    _ id: RecipientID, address: String, due: Moment, attempts: Int, options: [UInt8], content: ContentID
  ) -> Recipient {
    Recipient(
      id: id, address: address, state: .queued, due: due,
      destination: address.split(separator: "@").last.map(String.init), attempts: attempts, attempting: nil, said: nil,
      options: options, content: content, prefix: nil)
  }
}
