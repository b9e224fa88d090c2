public import Configuration
internal import Logging
internal import Message
public import Platform
public import Store

extension MailFlow {
  /// What is queued and due now, the earliest first.
  ///
  /// Held recipients whose time has come are released on the way, and a recipient that can never be sent fails, so
  /// that neither is found again and again.
  public func due(limit: Int) async throws -> [QueueRow] {
    let now = clock.now()
    return try await sendable(try await store.read { try $0.due(by: now, limit: limit) })
  }

  /// Later than this no queued recipient becomes due, unless the clock was set back since.
  public static func farthestDue(_ queue: Configuration.Queue, from now: Moment) -> Moment {
    // Waits are lengthened at random, and a dead host is left alone for up to an hour.
    now + max(queue.retry.max() ?? .zero, .seconds(3600)) * 2
  }

  /// A retry must not wait for the time that a clock once showed by mistake.
  private func bringBack(dueAfter horizon: Moment, to now: Moment) async throws {
    let isStranded = try await store.read { try $0.nextDueQueued(after: horizon) != nil }
    guard isStranded else { return }
    let count = try await store.write { try $0.bringBack(dueAfter: horizon, to: now) }
    log.notice("The clock was set back: \(count) recipients were due too far in the future, and are due now")
  }

  /// For the queue runner: due rows of destinations that it names, as many of each as it has room for.
  ///
  /// - Parameter orders: for each destination how many rows, those that the runner has already included, and which these
  ///   are.
  /// - Returns: the rows, the earliest of each destination first, and the destinations that may have more.
  public func due(
    at orders: [(destination: String, limit: Int, known: Set<RecipientID>)]
  ) async throws -> (rows: [QueueRow], cut: Set<String>) {
    guard !store.isReadOnly else { return ([], []) }
    let now = clock.now()
    let found = try await store.read { reader in
      var rows: [QueueRow] = []
      var cut: Set<String> = []
      for order in orders {
        let some = try reader.due(
          by: now, destination: order.destination, limit: order.limit, without: order.known)
        rows += some.rows
        if some.isCut { cut.insert(order.destination) }
      }
      return (rows, cut)
    }
    return (try await sendable(found.0), found.1)
  }

  /// Releases what was held until now, and lets fail what can never be sent. `true`: there may be more.
  public func settleDueElsewhere() async throws -> Bool {
    guard !store.isReadOnly else { return false }
    let (now, limit) = (clock.now(), 100)
    let rows = try await store.read { try $0.dueElsewhere(by: now, limit: limit) }
    // One without a destination that could be sent cannot be: nobody knows where to.
    let lost = AttemptOutcome.failed(status: "5.4.4", host: nil, reply: "nobody knows where it was to go")
    var left = try await sendable(rows).map { (row: $0, outcome: lost) }
    try await recordOutcomes(&left)
    return rows.count >= limit
  }

  /// A part of a round through all destinations: those with rows that are due.
  public func dueDestinations(after: String, limit: Int) async throws -> DueDestinations {
    guard !store.isReadOnly else { return DueDestinations(destinations: [], next: nil) }
    let now = clock.now()
    return try await store.read { try $0.destinations(due: now, after: after, limit: limit) }
  }

  /// Destinations of what has become due since a mark.
  public func becameDue(after mark: DueMark, limit: Int) async throws -> BecameDue {
    let now = clock.now()
    return try await store.read { try $0.becameDue(after: mark, by: now, limit: limit) }
  }

  /// What was due impossibly late is due now.
  public func bringBackStranded() async throws {
    guard !store.isReadOnly else { return }
    let now = clock.now()
    try await bringBack(dueAfter: Self.farthestDue(configuration().queue, from: now), to: now)
  }

  /// The clock was set back by that much while this process ran: everything that waits for a time by the old clock waits
  /// for the same time by the new one, and new mail does not wait at all.
  public func clockWasSetBack(by step: Duration) async throws {
    guard !store.isReadOnly else { return }
    let now = clock.now()
    let count = try await store.write { try $0.bringForward(by: step, now: now) }
    log.notice("The clock was set back by \(step.components.seconds) s: \(count) recipients are due that much earlier")
  }

  private func sendable(_ rows: [QueueRow]) async throws -> [QueueRow] {
    var queued: [QueueRow] = []
    var gone: [(row: QueueRow, outcome: AttemptOutcome)] = []
    for row in rows {
      switch row.recipient.state {
      case .held: await releaseDue(row.recipient.id)
      case .queued where row.recipient.content != nil && EmailAddress(row.recipient.address) != nil: queued.append(row)
      case .queued:
        gone.append((row, .failed(status: "5.3.0", host: nil, reply: "its content or address cannot be read")))
      default: break
      }
    }
    try await recordOutcomes(&gone)
    return queued
  }

  /// When the next queued or held recipient is due; `nil` when none is.
  public func nextDue() async throws -> Moment? { try await store.read { try $0.nextDue() } }

  /// When the next queued or held recipient becomes due after a moment: what is due already does not hide it.
  public func nextDue(after: Moment) async throws -> Moment? { try await store.read { try $0.nextDue(after: after) } }

  /// Notes durably that an attempt is about to reach its point of no return. To be awaited before the final dot (or
  /// the last chunk) is sent: whatever happens then, the trace knows that it may have been delivered.
  ///
  /// - Throws: ``QueueError/wrongState(_:_:)`` if one of them is not queued any more: an administrator was faster, and
  ///   the end must not be sent.
  public func recordAttempt(_ ids: [RecipientID], host: String) async throws {
    let step = TraceStep(at: clock.now(), stage: Stage.relay, what: "attempting", words: displayable(host, limit: 255))
    try await store.write { transaction in
      for id in ids where try !transaction.beginAttempt(id, trace: step) {
        guard let recipient = try transaction.recipient(id) else { throw QueueError.notThere(id) }
        throw QueueError.wrongState(id, recipient.state)
      }
    }
  }

  /// After a start: attempts that began and never ended are uncertain. They stay queued, due at once, and the trace
  /// says so. To be called before the runner begins.
  public func recoverAttempts() async throws {
    guard !store.isReadOnly else { return }
    let now = clock.now()
    // The clock may have been set back while no process was there to notice it.
    let (isStranded, rows) = try await store.read { (try $0.hasUntried(dueAfter: now), try $0.attempting()) }
    if isStranded { _ = try await store.write { try $0.bringBackUntried(to: now) } }
    guard !rows.isEmpty else { return }
    try await store.write { transaction in
      for row in rows {
        guard let current = try transaction.recipient(row.recipient.id), current.state.isWaiting else { continue }
        let step = TraceStep(
          at: now, recipient: current.address, stage: Stage.relay, what: "uncertain",
          words: "the process ended during an attempt that began \(row.recipient.attempting ?? now); it is tried again")
        try transaction.update(current.id, trace: step) { recipient in
          recipient.attempting = nil
          recipient.due = recipient.state == .queued ? now : recipient.due
        }
      }
    }
  }
}

extension MailFlow {
  /// Next hops that did not answer when this was written, for a runner that begins.
  public func troubles() async throws -> [StoredTrouble] { try await store.read { try $0.troubles() } }

  /// Keeps what is known of next hops that do not answer; `nil` for one that answers again.
  public func keepTroubles(_ changes: [String: StoredTrouble?]) async throws {
    guard !store.isReadOnly else { return }
    try await store.write { transaction in
      for (destination, trouble) in changes {
        if let trouble { try transaction.set(trouble) } else { try transaction.removeTrouble(destination) }
      }
    }
  }
}

extension Envelope {
  /// The envelope of a queue row, with the recipient of that row.
  public init(_ row: QueueRow) {
    self.init(row.envelope)
    if let recipient = EnvelopeRecipient(row.recipient) { recipients = [recipient] }
  }
}

extension QueueRow {
  /// The address of ours by whose alias or group this recipient gets the message; `nil`: the sender named it.
  public var forwardedBy: String? { RecipientOptions(recipient.options).deliveredTo }
}

extension EnvelopeRecipient {
  /// Reads a row of the store; `nil` if its address is none.
  public init?(_ row: Recipient) {
    guard let address = EmailAddress(row.address) else { return nil }
    let options = RecipientOptions(row.options)
    self.init(address, notify: options.notify, original: options.original)
  }
}
