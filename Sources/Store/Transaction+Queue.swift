public import Platform

extension Transaction {
  /// Makes queued recipients due earlier that are due after a moment.
  /// - Returns: how many there were.
  public mutating func bringBack(dueAfter: Moment, to due: Moment) throws -> Int {
    try database.run(
      "UPDATE recipient SET due = ? WHERE state <= 1 AND due IS NOT NULL AND due > ? AND state = 0",
      .int(due.microseconds), .int(dueAfter.microseconds))
    let count = database.changes
    if count > 0 { noteAnyDue(due) }
    return count
  }

  public mutating func insert(_ envelope: NewEnvelope) throws -> EnvelopeID {
    let id = EnvelopeID(try core.newID())
    try database.run(
      "INSERT INTO envelope VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", .id(id),
      .int(envelope.at.microseconds), .text(envelope.origin), .optional(envelope.content), .optional(envelope.sender),
      .optional(envelope.peer), .optional(envelope.helo), .optional(envelope.account), .sparse(envelope.options),
      .optional(envelope.fingerprint), .int(ReplyOutcome.pending.rawValue), .optional(envelope.messageID),
      .optional(envelope.subject), .int(envelope.size))
    core.pending.traceNumbers[id] = 0
    core.pending.recipientNumbers[id] = 0
    if let messageID = envelope.messageID {
      core.pending.hashes.append(HashTail.Item(hash: HashTail.key(messageID: messageID), id: id.value))
    }
    if let fingerprint = envelope.fingerprint {
      core.pending.fingerprints.append(
        FingerprintMap.Item(fingerprint: fingerprint, envelope: id, at: envelope.at, reply: .pending))
    }
    return id
  }

  /// Adds a recipient to an envelope of this transaction or an earlier one, with the trace row that says in which state.
  public mutating func insert(
    _ recipient: NewRecipient, of envelope: EnvelopeID, trace step: TraceStep
  ) throws -> RecipientID {
    if recipient.state.isWaiting, recipient.content == nil {
      throw StoreError.misuse("the recipient \(recipient.address) waits without a content")
    }
    let id = RecipientID(envelope, try nextRecipient(of: envelope))
    let row = Recipient(
      id: id, address: recipient.address, state: recipient.state, due: recipient.due,
      destination: recipient.destination, attempts: 0, attempting: nil, said: recipient.said,
      options: recipient.options, content: recipient.state.isWaiting ? recipient.content : nil,
      prefix: recipient.state.isWaiting ? recipient.prefix : nil)
    try database.run(
      "INSERT INTO recipient VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", .id(envelope), .int(id.number),
      .text(row.address), .int(row.state.rawValue), .optional(row.due?.microseconds), .optional(row.destination),
      .int(0), .null, .optional(row.said), .sparse(row.options), .optional(row.content), .optional(row.prefix))
    if row.state.isWaiting {
      core.retain(content: row.content, prefix: row.prefix)
      noteQueue(row)
    }
    try insertTrace(step, of: envelope, recipient: id.number, state: row.state)
    return id
  }

  /// The newest envelope of the last days with this fingerprint whose reply was not read (RFC 1047).
  public func earlier(fingerprint: Int64) throws -> EarlierEnvelope? {
    let oldest = core.clock.now() - core.fingerprintAge
    let item =
      core.pending.fingerprints.last { $0.fingerprint == fingerprint }
      ?? core.fingerprints.earlier(fingerprint, notBefore: oldest)
    return item.map { EarlierEnvelope(id: $0.envelope, at: $0.at, reply: $0.reply) }
  }

  public func envelope(_ id: EnvelopeID) throws -> StoredEnvelope? { try rows.envelope(id) }

  public func envelope(bringing content: ContentID) throws -> EnvelopeID? { try rows.envelope(bringing: content) }

  public func recipient(_ id: RecipientID) throws -> Recipient? { try rows.recipient(id) }

  public func recipients(of envelope: EnvelopeID) throws -> [Recipient] { try rows.recipients(of: envelope) }

  /// Changes a waiting recipient, with the trace row that says so.
  ///
  /// Throws ``StoreError/alreadyFinal(_:_:)`` when it does not wait any more, ``StoreError/missing(_:)`` when it is not
  /// there.
  /// - Returns: the recipient as it is now.
  @discardableResult
  public mutating func update(
    _ id: RecipientID, trace step: TraceStep, _ change: (inout Recipient) throws -> Void
  ) throws -> Recipient {
    guard let old = try rows.recipient(id) else { throw StoreError.missing("recipient \(id)") }
    guard old.state.isWaiting else { throw StoreError.alreadyFinal(id, old.state) }
    var new = old
    try change(&new)
    if new.state.isFinal {
      (new.due, new.attempting, new.content, new.prefix) = (nil, nil, nil, nil)
    } else if new.content == nil {
      throw StoreError.misuse("recipient \(id) waits without a content")
    }
    try database.run(
      """
      UPDATE recipient SET address = ?, state = ?, due = ?, destination = ?, attempts = ?, attempting = ?, said = ?,
      options = ?, content = ?, prefix = ? WHERE envelope = ? AND n = ?
      """, .text(new.address), .int(new.state.rawValue), .optional(new.due?.microseconds), .optional(new.destination),
      .int(new.attempts), .optional(new.attempting?.microseconds), .optional(new.said), .sparse(new.options),
      .optional(new.content), .optional(new.prefix), .id(id.envelope), .int(id.number))
    try exchangeReferences(old, new)
    noteQueue(new)
    try insertTrace(
      step, of: id.envelope, recipient: id.number, state: new.state == old.state ? nil : new.state)
    return new
  }

  /// Makes queued recipients due that were never tried and whose time is later: a clock that was set back since must not
  /// hold up new mail.
  /// - Returns: how many there were.
  public mutating func bringBackUntried(to due: Moment) throws -> Int {
    try database.run(
      "UPDATE recipient SET due = ?1 WHERE state <= 1 AND due IS NOT NULL AND due > ?1 AND state = 0 AND attempts = 0",
      .int(due.microseconds))
    let count = database.changes
    if count > 0 { noteAnyDue(due) }
    return count
  }

  /// Moves the times of all queued recipients that are not due yet to earlier: the clock was set back by that much.
  /// - Returns: how many there were.
  public mutating func bringForward(by step: Duration, now: Moment) throws -> Int {
    try database.run(
      """
      UPDATE recipient SET due = max(due - ?2, ?1) WHERE state <= 1 AND due IS NOT NULL AND due > ?1 AND state = 0
      """, .int(now.microseconds), .int(step.wholeMicroseconds))
    let count = database.changes
    if count > 0 { noteAnyDue(now) }
    return count
  }

  /// Rows were changed by SQL: whoever waits must look at all of them.
  private func noteAnyDue(_ due: Moment) {
    core.pending.summary.queueChanged = true
    core.pending.summary.due = min(core.pending.summary.due ?? due, due)
    core.pending.summary.isOverflowing = true
  }

  /// Notes that an attempt at a queued recipient has reached the point where its outcome can become uncertain (before the
  /// final dot), with the trace row that says so. `false`: it is not queued, and nothing was done.
  public mutating func beginAttempt(_ id: RecipientID, trace step: TraceStep) throws -> Bool {
    try database.run(
      "UPDATE recipient SET attempting = ? WHERE envelope = ? AND n = ? AND state = 0", .int(step.at.microseconds),
      .id(id.envelope), .int(id.number))
    guard database.changes == 1 else { return false }
    try insertTrace(step, of: id.envelope, recipient: id.number, state: nil)
    return true
  }

  // MARK: Trace

  /// Adds a step to an envelope's trace.
  public mutating func trace(_ step: TraceStep, of envelope: EnvelopeID) throws {
    try insertTrace(step, of: envelope, recipient: nil, state: nil)
  }

  /// Adds a refusal to the trace. Prefer ``Store/traceLazily(_:)``, which waits for no sync.
  public mutating func trace(_ refusal: Refusal) throws {
    try database.run(
      "INSERT INTO refusal VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", .int(try core.newID()),
      .int(refusal.at.microseconds), .text(refusal.peer), .optional(refusal.helo), .optional(refusal.sender),
      .optional(refusal.recipient), .optional(refusal.messageID), .optional(refusal.subject), .text(refusal.stage),
      .text(refusal.words), .int(refusal.count))
  }

  mutating func markReply(_ envelope: EnvelopeID, _ outcome: ReplyOutcome) throws {
    try database.run("UPDATE envelope SET reply = ? WHERE id = ?", .int(outcome.rawValue), .id(envelope))
  }

  // MARK: Parts

  private mutating func insertTrace(
    _ step: TraceStep, of envelope: EnvelopeID, recipient: Int?, state: RecipientState?
  ) throws {
    let number: Int
    if let next = core.pending.traceNumbers[envelope] {
      number = next
    } else {
      number = try database.number("SELECT ifnull(max(n) + 1, 0) FROM trace WHERE envelope = ?", .id(envelope))
    }
    core.pending.traceNumbers[envelope] = number + 1
    // The address is in the recipient's row.
    try database.run(
      "INSERT INTO trace VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", .id(envelope), .int(number), .int(step.at.microseconds),
      .optional(recipient.map { Int64($0) }), .optional(state.map { Int64($0.rawValue) }),
      .optional(recipient == nil ? step.recipient : nil), .text(step.stage), .text(step.what), .text(step.words))
  }

  private mutating func nextRecipient(of envelope: EnvelopeID) throws -> Int {
    let number: Int
    if let next = core.pending.recipientNumbers[envelope] {
      number = next
    } else {
      number = try database.number("SELECT ifnull(max(n) + 1, 0) FROM recipient WHERE envelope = ?", .id(envelope))
    }
    core.pending.recipientNumbers[envelope] = number + 1
    return number
  }

  private func exchangeReferences(_ old: Recipient, _ new: Recipient) throws {
    if old.content != new.content {
      core.retain(content: new.content, prefix: nil)
      try core.letGo(content: old.content, prefix: nil)
    }
    if old.prefix != new.prefix {
      core.retain(content: nil, prefix: new.prefix)
      try core.letGo(content: nil, prefix: old.prefix)
    }
  }

  private func noteQueue(_ recipient: Recipient) {
    core.pending.summary.queueChanged = true
    guard recipient.state == .queued || recipient.state == .held, let due = recipient.due else { return }
    core.pending.summary.due = min(core.pending.summary.due ?? due, due)
    core.pending.summary.note(recipient.state == .queued ? recipient.destination : nil, due)
  }
}

extension CommitSummary {
  /// Notes a waiting recipient that becomes due.
  mutating func note(_ destination: String?, _ due: Moment) {
    guard let destination else { return isOverflowing = true }
    if let known = destinations[destination] {
      destinations[destination] = min(known, due)
    } else if destinations.count < Self.destinationLimit {
      destinations[destination] = due
    } else {
      isOverflowing = true
    }
  }
}
