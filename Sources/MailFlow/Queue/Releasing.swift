internal import Logging
internal import Message
internal import Platform
public import Store

extension MailFlow {
  /// Lets a held or quarantined recipient go: the same plan step as for a new message, without the filters.
  ///
  /// One that was on its way to another server goes back into the queue; one of ours is delivered. No notification goes
  /// out. What its account got already as another recipient of the envelope it does not get again.
  /// - Parameter by: who asks for it; for the trace.
  /// - Returns: the state that it is in now.
  /// - Throws: ``QueueError`` or what the store throws.
  @discardableResult
  public func release(_ id: RecipientID, by actor: String) async throws -> RecipientState {
    if let envelope = try await store.read({ try $0.envelope(id.envelope) }) { try await forgive(envelope) }
    for _ in 0..<2 {
      if let state = try await tryRelease(id, by: actor) { return state }
    }
    throw QueueError.tryAgain(id)
  }

  /// The same for many: those that were on their way to other servers go back into the queue in one transaction.
  ///
  /// - Returns: those that stayed as they were, and why.
  public func release(_ ids: [RecipientID], by actor: String) async -> [RecipientID: any Error] {
    var done: Set<RecipientID> = []
    // What a crash made suspect is forgiven one by one.
    if crashes.isEmpty {
      let now = clock.now()
      let step = TraceStep(
        at: now, stage: Stage.administration, what: "queued", words: "released by \(displayable(actor, limit: 100))")
      done =
        (try? await store.write { transaction in
          var done: Set<RecipientID> = []
          for id in ids {
            guard let current = try transaction.recipient(id), current.destination != nil,
              current.state == .held || current.state == .quarantined
            else { continue }
            try transaction.update(id, trace: step) { row in
              row.state = .queued
              row.due = now
              row.said = nil
            }
            done.insert(id)
          }
          return done
        }) ?? []
    }
    var failures: [RecipientID: any Error] = [:]
    for id in ids where !done.contains(id) {
      do {
        _ = try await release(id, by: actor)
      } catch {
        failures[id] = error
      }
    }
    return failures
  }

  /// A hold whose time has come. A failure is logged, and tried again in a quarter of an hour.
  func releaseDue(_ id: RecipientID) async {
    do {
      try await release(id, by: "its time")
    } catch {
      log.warning("\(id) was held until now and cannot be released: \(error)")
      let now = clock.now()
      let step = TraceStep(at: now, stage: Stage.administration, what: "kept", words: "\(error)")
      let postponed: Void? = try? await store.write { transaction in
        guard try transaction.recipient(id)?.state == .held else { return }
        try transaction.update(id, trace: step) { $0.due = now + .seconds(900) }
      }
      if postponed == nil { log.error("\(id) could not be postponed either") }
    }
  }

  /// `nil` if the configuration changed meanwhile.
  private func tryRelease(_ id: RecipientID, by actor: String) async throws -> RecipientState? {
    let (row, stored, prefix) = try await store.read { reader in
      let row = try reader.recipient(id)
      return (row, try reader.envelope(id.envelope), try row?.prefix.flatMap { try reader.prefix($0) } ?? [])
    }
    guard let row, let stored else { throw QueueError.notThere(id) }
    guard row.state == .held || row.state == .quarantined else { throw QueueError.wrongState(id, row.state) }
    if row.destination != nil { return try await requeue(id, by: actor) }
    guard let recipient = EnvelopeRecipient(row) else { throw QueueError.notThere(id) }
    var envelope = Envelope(stored)
    envelope.recipients = [recipient]
    // Whoever releases it has seen it: neither filters nor the search for loops are asked again.
    let plan = try await planner.plan(
      PlannedMessage(envelope: envelope, size: stored.size, deliveredTo: [], verdicts: [.accept]))
    guard let fate = plan.recipients.first?.fate else { throw QueueError.notThere(id) }
    if case .reject(let answer) = fate { throw QueueError.refused(id, answer) }
    let now = clock.now()
    store.setGeneration(Int(clamping: configuration().generation))
    return try await store.write { [observers, envelope] transaction in
      guard transaction.generation == Int(clamping: plan.configurationGeneration) else { return nil }
      let settling = Settling(envelope: envelope, id: id.envelope, received: prefix, now: now, observers: observers)
      return try Self.settle(id, recipient, fate, by: actor, settling, in: &transaction)
    }
  }

  private static func settle(
    _ id: RecipientID, _ recipient: EnvelopeRecipient, _ fate: Fate, by actor: String, _ settling: Settling,
    in transaction: inout Transaction
  ) throws -> RecipientState {
    var settling = settling
    guard let current = try transaction.recipient(id) else { throw QueueError.notThere(id) }
    guard current.state == .held || current.state == .quarantined, let content = current.content else {
      throw QueueError.wrongState(id, current.state)
    }
    let others = try transaction.recipients(of: id.envelope).filter { $0.state == .delivered }
    let fate = fate.without(accounts: Set(others.compactMap { RecipientOptions($0.options).account }))
    let settled = try settling.settle(fate, content: content, in: &transaction)
    var step = settled.step(recipient.address, at: settling.now)
    step.words = "released by \(actor); \(step.words)"
    let now = try transaction.update(id, trace: step) { row in
      row.state = settled.state
      row.due = settled.due
      row.destination = settled.destination
      row.content = settled.content
      row.prefix = settled.prefix
      row.said = settled.said
      var options = RecipientOptions(row.options)
      options.account = settled.account
      row.options = options.bytes
    }
    try settling.settleChildren(
      settled.children, of: id, notify: recipient.notify, original: recipient.original, content: content,
      in: &transaction)
    return now.state
  }

  private func requeue(_ id: RecipientID, by actor: String) async throws -> RecipientState {
    let now = clock.now()
    return try await store.write { transaction in
      guard let current = try transaction.recipient(id) else { throw QueueError.notThere(id) }
      guard current.state == .held || current.state == .quarantined else {
        throw QueueError.wrongState(id, current.state)
      }
      let step = TraceStep(
        at: now, recipient: current.address, stage: Stage.administration, what: "queued",
        words: "released by \(actor)")
      return try transaction.update(id, trace: step) { row in
        row.state = .queued
        row.due = now
        row.said = nil
      }.state
    }
  }
}

extension Fate {
  /// The same, but not for accounts that have their copy.
  fileprivate func without(accounts: Set<String>) -> Fate {
    switch self {
    case .deliver(let filing) where accounts.contains(filing.account): .merged(account: filing.account)
    case .expand(let children):
      .expand(
        children.compactMap { child in
          if case .deliver(let filing) = child.fate, accounts.contains(filing.account) { return nil }
          return Child(address: child.address, fate: child.fate.without(accounts: accounts), through: child.through)
        })
    default: self
    }
  }
}
