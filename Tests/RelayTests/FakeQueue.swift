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
    var failReads = 0
    var outcomeGate: Gate?
    var reads = 0
    var poisoned: Set<EnvelopeID> = []
    var held: [RecipientID] = []
    var failHolds = false
    var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    var troubles: [String: StoredTrouble] = [:]
    var stepsBack: [Duration] = []
    var largestRead = 0
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
    told?(.changed(Self.change(recipients, due ?? now)))
    return id
  }

  private static func change(_ addresses: [String], _ due: Moment) -> QueueChange {
    let destinations = addresses.compactMap { $0.split(separator: "@").last.map(String.init) }
    return QueueChange(due: due, destinations: Dictionary(destinations.map { ($0, due) }) { first, _ in first })
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
  /// The next reads of rows fail.
  func failReads(_ count: Int) { state.withLock { $0.failReads = count } }
  var readsToFail: Int { state.withLock { $0.failReads } }
  func failAttempts(_ fail: Bool) { state.withLock { $0.failAttempts = fail } }
  /// Outcomes are written and told, but the courier hears of it only when the gate opens.
  func holdOutcomes(_ gate: Gate) { state.withLock { $0.outcomeGate = gate } }

  var failedWrites: Int { state.withLock { $0.failedWrites } }

  /// What `queue retry` does.
  func makeDue() {
    let now = time.now
    let (told, addresses) = state.withLock { state in
      for (id, row) in state.rows {
        var recipient = row.recipient
        recipient.due = now
        state.rows[id] = QueueRow(envelope: row.envelope, recipient: recipient)
      }
      return (state.told, state.rows.values.map(\.recipient.address))
    }
    told?(.retryAsked)
    told?(.changed(Self.change(addresses, now)))
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

  func due(
    at orders: [(destination: String, limit: Int, known: Set<RecipientID>)]
  ) async throws -> (rows: [QueueRow], cut: Set<String>) {
    let now = time.now
    return try state.withLock { state in
      state.reads += 1
      if state.failReads > 0 {
        state.failReads -= 1
        throw Failure()
      }
      var rows: [QueueRow] = []
      var cut: Set<String> = []
      for order in orders {
        let due = state.rows.values
          .filter { $0.recipient.destination == order.destination && ($0.recipient.due ?? now) <= now }
          .sorted { $0.recipient.id < $1.recipient.id }.prefix(order.limit)
        if due.count >= order.limit { cut.insert(order.destination) }
        rows += due.filter { !order.known.contains($0.recipient.id) }
      }
      state.largestRead = max(state.largestRead, rows.count)
      return (rows, cut)
    }
  }

  func settleDueElsewhere() async throws -> Bool { false }

  func dueDestinations(after: String, limit: Int) async throws -> DueDestinations {
    let now = time.now
    return state.withLock { state in
      state.reads += 1
      let queued = Set(state.rows.values.compactMap(\.recipient.destination)).filter { $0 > after }.sorted()
      let some = queued.prefix(limit)
      let due = some.filter { name in
        state.rows.values.contains { $0.recipient.destination == name && ($0.recipient.due ?? now) <= now }
      }
      return DueDestinations(destinations: Set(due), next: queued.count > limit ? some.last : nil)
    }
  }

  func becameDue(after mark: DueMark, limit: Int) async throws -> BecameDue {
    let now = time.now
    return state.withLock { state in
      state.reads += 1
      var found = BecameDue(mark: DueMark(after: now))
      for row in state.rows.values {
        guard let due = row.recipient.due, due > mark.due, due <= now else { continue }
        if let destination = row.recipient.destination { found.destinations.insert(destination) }
      }
      return found
    }
  }

  func bringBackStranded() async throws { state.withLock { $0.reads += 1 } }

  func clockWasSetBack(by step: Duration) async throws {
    let now = time.now
    state.withLock { state in
      state.stepsBack.append(step)
      for (id, row) in state.rows {
        var recipient = row.recipient
        if let due = recipient.due, due > now { recipient.due = max(due - step, now) }
        state.rows[id] = QueueRow(envelope: row.envelope, recipient: recipient)
      }
    }
  }

  func nextDue(after: Moment) async throws -> Moment? {
    state.withLock { $0.rows.values.compactMap(\.recipient.due).filter { $0 > after }.min() }
  }

  func onNews(_ told: @escaping @Sendable (QueueNews) -> Void) -> any Sendable {
    state.withLock { $0.told = told }
    return 0
  }

  /// What `queue delete` does.
  func delete(_ address: String) {
    state.withLock { state in state.rows = state.rows.filter { $0.value.recipient.address != address } }
  }

  func open(_ content: ContentID?, prefix: PrefixID?, for ids: [RecipientID]) async throws -> OpenedMessage {
    state.withLock { state in
      OpenedMessage(
        content: content.flatMap { state.contents[$0] }, queued: Set(ids.filter { state.rows[$0] != nil }))
    }
  }

  func troubles() async throws -> [StoredTrouble] { state.withLock { Array($0.troubles.values) } }

  func keepTroubles(_ changes: [String: StoredTrouble?]) async throws {
    state.withLock { state in
      for (name, trouble) in changes { state.troubles[name] = trouble }
    }
  }

  /// What a process before has left.
  func remember(_ trouble: StoredTrouble) { state.withLock { $0.troubles[trouble.destination] = trouble } }

  var keptTroubles: [String] { state.withLock { $0.troubles.keys.sorted() } }
  var stepsBack: [Duration] { state.withLock { $0.stepsBack } }
  /// The most rows that were read at once.
  var largestRead: Int { state.withLock { $0.largestRead } }

  func sevenBit(_ row: QueueRow, _ source: OutgoingContent) async throws -> OutgoingContent? { nil }

  func recordAttempt(_ ids: [RecipientID], host: String) async throws {
    try state.withLock { state in
      if state.failAttempts { throw Failure() }
      state.attempts.append(Attempt(recipients: ids.compactMap { state.rows[$0]?.recipient.address }, host: host))
    }
  }

  func recordOutcomes(_ left: inout [(row: QueueRow, outcome: AttemptOutcome)]) async throws {
    let outcomes = left
    let (ready, told, change) = try state.withLock { state in
      if state.failWrites > 0 {
        state.failWrites -= 1
        state.failedWrites += 1
        throw Failure()
      }
      var change = QueueChange(due: nil)
      for (row, outcome) in outcomes.sorted(by: { $0.row.recipient.id < $1.row.recipient.id }) {
        let id = row.recipient.id
        guard let row = state.rows[id] else { continue }
        state.outcomes.append((row.recipient.address, outcome))
        switch outcome {
        case .relayed, .failed: state.rows[id] = nil
        case .deferred(let until, _, _, _), .uncertain(let until, _, _):
          var recipient = row.recipient
          recipient.due = until
          recipient.attempts += 1
          state.rows[id] = QueueRow(envelope: row.envelope, recipient: recipient)
          change.due = min(change.due ?? until, until)
          if let destination = recipient.destination {
            change.destinations[destination] = min(change.destinations[destination] ?? until, until)
          }
        }
      }
      let count = state.outcomes.count
      let ready = state.waiting.filter { $0.count <= count }
      state.waiting.removeAll { $0.count <= count }
      return (ready, state.told, change)
    }
    left = []
    told?(.changed(change))
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
