internal import Configuration
internal import MailFlow
internal import Platform
internal import SMTP
internal import Store

/// A courier: one connection for one lane, and the batches that go over it, one after the other.
extension QueueRunner {
  /// A batch that can be sent.
  struct Ready: Sendable {
    var batch: Batch
    var content: OutgoingContent
  }

  func courier(_ lane: String) async {
    guard let hop = lanes[lane] else { return await postponeUnrouted(dispatcher.drain(lane)) }
    while let ready = await nextReady(lane, hop) {
      guard let session = await open(hop, lane, for: ready) else { return }
      // On the loop that drives the connection: what goes back and forth there costs no change of thread.
      let executor = session.connection.executor
      await withTaskExecutorPreference(executor) { await serve(session, lane, hop, ready) }
      // The place is free only when the courier has ended: another connection would take it once more.
      if dispatcher.shouldYield(lane) { return }
    }
  }

  /// The next batch that may be sent and can be, with its content.
  private func nextReady(_ lane: String, _ hop: Lane) async -> Ready? {
    while !isStopping, !Task.isCancelled, let batch = dispatcher.next(for: lane) {
      if !dispatcher.hungry.isEmpty { wakeUps.signal() }
      if let trouble = dispatcher.book.trouble(lane, now: clock.now()) {
        await postpone([batch] + dispatcher.drain(lane), trouble)
      } else if await mayGo(batch, to: hop), let ready = await prepare(batch) {
        return ready
      }
    }
    return nil
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
  private func prepare(_ picked: Batch) async -> Ready? {
    var batch = picked
    do {
      let opened = try await queue.open(batch.content, prefix: batch.prefix, for: batch.ids)
      // An administrator has held or deleted the others since they were read.
      landed(batch.ids.filter { !opened.queued.contains($0) })
      batch.rows.removeAll { !opened.queued.contains($0.recipient.id) }
      guard !batch.rows.isEmpty else { return nil }
      guard let content = opened.content else {
        await settle(batch.rows, Outcome.failed(Word(EnhancedCode(5, 3, 0), "The content of the message is gone")))
        return nil
      }
      // A NUL never leaves (RFC 5321 §2.3.8, §4.5.2 wants US-ASCII), so nobody need be asked. Other things that must
      // not leave are found on the way, see ContentGuard.
      guard !content.facts.contains(.nul) else {
        await settle(batch.rows, .failed(Self.unfit(.nul(offset: 0))))
        return nil
      }
      return Ready(batch: batch, content: content)
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

  /// A session with the next hop. `nil`: none is to be had, and what waits for the host is postponed, or left to the
  /// sessions that it does let us have.
  private func open(_ hop: Lane, _ lane: String, for ready: Ready) async -> RemoteSession? {
    do throws(HostFailure) {
      let session = try await dialer.open(hop, configuration())
      dispatcher.book.hostAnswered(lane)
      return session
    } catch {
      if error.isFinal {
        // All that waits for it has the same end; nobody is in trouble.
        await settle(ready.batch.rows + dispatcher.drain(lane).flatMap(\.rows), .failed(error.word))
        return nil
      }
      let now = clock.now()
      log.notice("\(error.word.text)")
      switch dispatcher.book.hostFailed(lane, reason: error.word.text, now: now, chance: chance()) {
      case .crowded: dispatcher.putBack(ready.batch, ready.batch.rows, hop: lane)
      case .dead(let trouble):
        await settle(ready.batch.rows, .deferred(error.word), notBefore: trouble.until)
        await postpone(dispatcher.drain(lane), trouble)
      }
      return nil
    }
  }

  /// Sends batch after batch over a session, until it ends or nothing waits. The outcome of one is written while the next is
  /// on its way.
  private func serve(
    _ opened: RemoteSession, _ lane: String, _ hop: Lane, _ first: Ready
  ) async {
    var session = opened
    var next: Ready? = first
    var writing: Task<Void, Never>?
    var silence: String?
    while let ready = next {
      silence = await send(ready, over: &session, lane, hop, &writing)
      guard session.isOpen, !session.isUsedUp, !dispatcher.shouldYield(lane) else { break }
      next = await nextReady(lane, hop)
    }
    if session.isOpen { await session.quit() }
    dispatcher.book.hostClosed(lane)
    if let silence { dispatcher.book.hostFailed(lane, reason: silence, now: clock.now(), chance: chance()) }
    await writing?.value
  }

  /// Sends one batch. What the session cannot take any more goes back, to be sent over another.
  ///
  /// - Returns: why the host counts as one that does not answer; `nil`: it does not.
  private func send(
    _ ready: Ready, over session: inout RemoteSession, _ lane: String, _ hop: Lane,
    _ writing: inout Task<Void, Never>?
  ) async -> String? {
    var rows = ready.batch.rows
    var silence: String?
    session.work = queue.watch(ready.batch.envelope.id, to: hop.name)
    let content = session.isOpen ? await content(of: ready, for: session) : ready.content
    while !rows.isEmpty {
      guard session.isOpen, !session.isUsedUp else {
        dispatcher.putBack(ready.batch, rows, hop: lane)
        return silence
      }
      let some = rows.count <= session.mostRecipients ? rows : Array(rows.prefix(session.mostRecipients))
      let reversePath = Parcel.returnPath(some[0], configuration(), rewriting)
      guard let parcel = session.work.during(.relay, { Parcel(some, content, reversePath: reversePath) }) else {
        await settle(rows, .failed(Word(EnhancedCode(5, 1, 3), "The recipient's address cannot be read")))
        return silence
      }
      let wasUsedBefore = session.transactions > 0
      let carried = await carry(parcel, some, &session)
      if wasUsedBefore, !session.isOpen, Self.wasTurnedAway(carried, session) {
        // The server had ended an idle connection, or takes only so many messages by one: no attempt, come again.
        dispatcher.putBack(ready.batch, rows, hop: lane)
        return nil
      }
      silence = notice(session, lane, carried)
      let outcomes = Self.outcomes(carried)
      // One outcome is on its way to the disk at a time: a server that is faster than the disk waits for it.
      await writing?.value
      writing = settleLater(some, outcomes, session)
      rows = zip(some, outcomes).filter { $0.1 == .again }.map(\.0) + rows.dropFirst(some.count)
    }
    return silence
  }

  /// The content as the server can take it: without 8BITMIME it is encoded (RFC 6152 §3), where that is possible. Where it is
  /// not, the client machine says what is missing.
  private func content(of ready: Ready, for session: RemoteSession) async -> OutgoingContent {
    guard ready.content.facts.contains(.eightBitBody), !session.extensions.eightBitMIME else { return ready.content }
    do {
      session.work.begin(.relay)
      defer { session.work.end(.relay) }
      return try await queue.sevenBit(ready.batch.rows[0], ready.content) ?? ready.content
    } catch {
      log.error("Message \(ready.batch.envelope.id) cannot be encoded for a server without 8BITMIME: \(error)")
      return ready.content
    }
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

  /// What a transaction tells of its host. One that greets and then falls silent is in trouble too: the next message would
  /// wait as long.
  ///
  /// - Returns: the reason of such a silence.
  private func notice(_ session: RemoteSession, _ lane: String, _ carried: RemoteSession.Carried) -> String? {
    guard case .finished(let outcome) = carried else { return nil }
    let took = outcome.results.contains { if case .accepted = $0 { true } else { false } }
    if took {
      dispatcher.book.hostTook(lane)
      return nil
    }
    guard !session.isOpen, !session.hasAnswered, !isStopping else { return nil }
    guard case .lost(let reason)? = outcome.results.first else { return nil }
    return reason
  }
}
