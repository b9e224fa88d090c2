internal import Configuration
internal import MailFlow
internal import Platform
internal import SMTP
internal import Store

/// A courier: one connection for one lane, and the batches that go over it, one after the other.
extension QueueRunner {
  func courier(_ lane: String) async {
    guard let hop = lanes[lane] else { return await postponeUnrouted(dispatcher.drain(lane)) }
    var session: RemoteSession?
    while !isStopping, !Task.isCancelled, let picked = dispatcher.next(for: lane) {
      guard let batch = await stillQueued(picked), await mayGo(batch, to: hop) else { continue }
      if let trouble = dispatcher.book.trouble(lane, now: clock.now()) {
        await postpone([batch] + dispatcher.drain(lane), trouble)
      } else if let parcel = await prepare(batch) {
        session = await deliver(batch, parcel, hop, lane, session)
      }
    }
    await session?.quit()
  }

  /// The batch without rows that an administrator has held or deleted since they were read; `nil`: none is left.
  private func stillQueued(_ batch: Batch) async -> Batch? {
    // If the store cannot say so now, the attempt's record will: nothing goes out without it.
    guard let queued = try? await queue.stillQueued(batch.ids) else { return batch }
    landed(batch.ids.filter { !queued.contains($0) })
    var left = batch
    left.rows.removeAll { !queued.contains($0.recipient.id) }
    return left.rows.isEmpty ? nil : left
  }

  /// Whether a batch may be tried. One over which the process has ended twice is held.
  private func mayGo(_ batch: Batch, to hop: Lane) async -> Bool {
    guard let reason = queue.crashReason(of: batch.envelope.id, to: hop.name) else { return true }
    log.warning("Message \(batch.envelope.id) is held: \(reason)")
    do {
      try await queue.holdAfterCrash(batch.ids, reason: reason)
      landed(batch.ids)
    } catch {
      await settle(batch.rows, .deferred(Word(EnhancedCode(4, 3, 0), "It cannot be held: \(error)")))
    }
    return false
  }

  /// Opens the content. `nil`: the batch is settled already, because it cannot be sent by anybody.
  private func prepare(_ batch: Batch) async -> OutgoingContent? {
    do {
      guard let id = batch.content, let content = try await queue.open(id, prefix: batch.prefix) else {
        await settle(batch.rows, Outcome.failed(Word(EnhancedCode(5, 3, 0), "The content of the message is gone")))
        return nil
      }
      // A NUL never leaves (RFC 5321 §2.3.8, §4.5.2 wants US-ASCII), so nobody need be asked. Other things that must
      // not leave are found on the way, see ContentGuard.
      guard !content.facts.contains(.nul) else {
        await settle(batch.rows, .failed(Self.unfit(.nul(offset: 0))))
        return nil
      }
      return content
    } catch {
      log.error("Message \(batch.envelope.id) cannot be read: \(error)")
      await settle(
        batch.rows, .deferred(Word(EnhancedCode(4, 3, 0), "The message cannot be read from the store: \(error)")))
      return nil
    }
  }

  static func unfit(_ finding: ContentGuard.Finding) -> Word {
    // 5.6.0: other or undefined media error (RFC 3463 §3.7).
    Word(EnhancedCode(5, 6, 0), "It cannot be sent: \(finding.sentence), which another server could misread")
  }

  /// Sends a batch, over the given session or a new one. Gives the session back if it can be used again.
  private func deliver(
    _ batch: Batch, _ content: OutgoingContent, _ hop: Lane, _ lane: String, _ reused: RemoteSession?
  ) async -> RemoteSession? {
    var session = reused
    var rows = batch.rows
    var hasReconnected = false
    while !rows.isEmpty {
      guard var current = await usable(session, hop, lane, waiting: rows) else { return nil }
      let some = Array(rows.prefix(current.mostRecipients))
      current.work = queue.watch(batch.envelope.id, to: hop.name)
      guard let parcel = current.work.during(.relay, { Parcel(some, content) }) else {
        await settle(rows, .failed(Word(EnhancedCode(5, 1, 3), "The recipient's address cannot be read")))
        return current
      }
      let wasUsedBefore = current.transactions > 0
      let carried = await carry(parcel, some, &current)
      session = current.isOpen ? current : nil
      let outcomes = Self.outcomes(carried)
      if wasUsedBefore, !hasReconnected, !current.isOpen, Self.wasTurnedAway(carried, current) {
        // The server had ended an idle connection, or takes only so many messages by one: no attempt, come again.
        hasReconnected = true
        continue
      }
      notice(current, lane, carried)
      await settle(some, outcomes, current)
      rows = zip(some, outcomes).filter { $0.1 == .again }.map(\.0) + rows.dropFirst(some.count)
    }
    return session
  }

  private func carry(_ parcel: Parcel, _ rows: [QueueRow], _ session: inout RemoteSession) async
    -> RemoteSession.Carried
  {
    let ids = rows.map(\.recipient.id)
    let host = session.description
    return await session.carry(parcel.transaction, content: parcel.content) { [queue] accepted in
      try await queue.recordAttempt(accepted.sorted().map { ids[$0] }, host: host)
    }
  }

  /// The session, or a new one; `nil`: none is to be had, and all that waits for the host is postponed.
  private func usable(
    _ session: RemoteSession?, _ hop: Lane, _ lane: String, waiting rows: [QueueRow]
  ) async -> RemoteSession? {
    if var session, session.isOpen {
      if !session.isUsedUp { return session }
      await session.quit()
    }
    do throws(HostFailure) {
      let fresh = try await dialer.open(hop, configuration())
      dispatcher.book.hostAnswered(lane)
      return fresh
    } catch {
      if error.isFinal {
        // All that waits for it has the same end; nobody is in trouble.
        await settle(rows + dispatcher.drain(lane).flatMap(\.rows), .failed(error.word))
        return nil
      }
      let now = clock.now()
      dispatcher.book.hostFailed(lane, reason: error.word.text, now: now, chance: chance())
      log.notice("\(error.word.text)")
      let trouble = dispatcher.book.trouble(lane, now: now)
      await settle(rows, .deferred(error.word), notBefore: trouble?.until)
      if let trouble { await postpone(dispatcher.drain(lane), trouble) }
      return nil
    }
  }

  private static func outcomes(_ carried: RemoteSession.Carried) -> [Outcome] {
    switch carried {
    case .finished(let outcome): return Judgement.outcomes(outcome)
    case .unfit(let outcome, let finding):
      // Those whom the server had refused before have their own words; for the others the message is at fault.
      return Judgement.outcomes(outcome).map { outcome in
        if case .deferred(let word) = outcome, !word.isRemote { return .failed(unfit(finding)) }
        return outcome
      }
    }
  }

  /// Whether the server said no word about this message, on a connection that had served others before.
  private static func wasTurnedAway(_ carried: RemoteSession.Carried, _ session: RemoteSession) -> Bool {
    guard case .finished(let outcome) = carried else { return false }
    return outcome.results.allSatisfy { result in
      switch result {
      case .lost: !session.hasAnswered
      case .refused(let reply): reply.code == 421
      case .accepted, .incapable, .uncertain: false
      }
    }
  }

  /// A host that greets and then falls silent is in trouble too: the next message would wait as long.
  private func notice(_ session: RemoteSession, _ lane: String, _ carried: RemoteSession.Carried) {
    guard !session.isOpen, !session.hasAnswered, !isStopping, case .finished(let outcome) = carried else { return }
    for case .lost(let reason) in outcome.results.prefix(1) {
      dispatcher.book.hostFailed(lane, reason: reason, now: clock.now(), chance: chance())
    }
  }

  // MARK: Settling

  /// What waits for a dead host waits with it. Everything that is due is told so together, so that none of it waits for a
  /// time-out of its own, and each is given up at its own time.
  private func postpone(_ batches: [Batch], _ trouble: DestinationBook.Trouble) async {
    let word = Word(
      EnhancedCode(4, 4, 1), "Not tried, because the host is out of reach until \(trouble.until): \(trouble.reason)")
    await settle(batches.flatMap(\.rows), .deferred(word), notBefore: trouble.until)
  }

  /// No route leads there, there is no smart host, and mail does not go directly. It waits, because the file can be put right.
  private func postponeUnrouted(_ batches: [Batch]) async {
    for row in batches.flatMap(\.rows) {
      let domain = row.recipient.destination ?? "?"
      // 4.4.4: unable to route (RFC 3463 §3.5).
      let word = Word(
        EnhancedCode(4, 4, 4),
        "No way out for \(domain): add a [[route]] for it or a [smart-host] to appliance.conf, or direct = true to "
          + "[relay], then `postroom reload`")
      await settle([row], .deferred(word))
    }
  }

  private func settlement() -> Settlement {
    Settlement(schedule: RetrySchedule(configuration().queue), now: clock.now(), chance: chance)
  }

  private func settle(_ rows: [QueueRow], _ outcome: Outcome, notBefore: Moment? = nil) async {
    await settle(rows, rows.map { _ in outcome }, nil, notBefore: notBefore)
  }

  private func settle(
    _ rows: [QueueRow], _ outcomes: [Outcome], _ session: RemoteSession?, notBefore: Moment? = nil
  ) async {
    let settlement = settlement()
    var results: [RecipientID: AttemptOutcome] = [:]
    for (row, outcome) in zip(rows, outcomes) {
      results[row.recipient.id] = settlement.attemptOutcome(
        outcome, attempts: row.recipient.attempts, accepted: row.envelope.at, host: session?.description,
        hasDSN: session?.extensions.dsn ?? false, notBefore: notBefore)
    }
    await record(results)
    landed(Array(results.keys))
  }

  /// The rows are in nobody's hands any more. Between the commit of an outcome and this they may have become due again,
  /// by the clock or by an administrator, and been passed over as still in flight.
  private func landed(_ ids: [RecipientID]) {
    if dispatcher.settled(ids) { wakeUps.readRows() }
  }

  /// Writes outcomes, one envelope after the other, so that a failure repeats nothing that was written. What cannot be
  /// written is tried until it can: a message that was taken over and not noted would be sent again and again. Only the
  /// end of the appliance ends that; the attempt is then found uncertain at the next start.
  private func record(_ outcomes: [RecipientID: AttemptOutcome]) async {
    let byEnvelope = Dictionary(grouping: outcomes, by: \.key.envelope).sorted { $0.key < $1.key }
    for (envelope, some) in byEnvelope {
      await record(Dictionary(uniqueKeysWithValues: some.map { ($0.key, $0.value) }), of: envelope)
    }
  }

  private func record(_ outcomes: [RecipientID: AttemptOutcome], of envelope: EnvelopeID) async {
    var pause = Duration.seconds(1)
    while true {
      // A task of its own: being cancelled must not keep an outcome from being written.
      let writing = Task { [queue] in try await queue.recordOutcomes(outcomes) }
      do {
        return try await writing.value
      } catch StoreError.missing(let what) {
        return log.error("What came of envelope \(envelope) cannot be written, because there is no \(what)")
      } catch {
        log.error("What came of envelope \(envelope) cannot be written: \(error). Trying again.")
        if isStopping { return }
        try? await sleep(clock.now() + pause)
        pause = min(pause * 2, .seconds(60))
      }
    }
  }
}
