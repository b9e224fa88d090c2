internal import Configuration
internal import MailFlow
internal import Platform
internal import SMTP
internal import Store

/// What came of attempts is written, and only then the rows are let go.
extension QueueRunner {
  /// What waits for a dead host waits with it. Everything that is due is told so together, so that none of it waits for a
  /// time-out of its own, and each is given up at its own time.
  func postpone(_ batches: [Batch], _ trouble: DestinationBook.Trouble) async {
    let word = Word(
      EnhancedCode(4, 4, 1), "Not tried, because the host is out of reach until \(trouble.until): \(trouble.reason)")
    await settle(batches.flatMap(\.rows), .deferred(word), notBefore: trouble.until)
  }

  /// No route leads there, there is no smart host, and mail does not go directly. It waits, because the file can be put right.
  func postponeUnrouted(_ batches: [Batch]) async {
    for (destination, rows) in Dictionary(grouping: batches.flatMap(\.rows), by: { $0.recipient.destination ?? "?" }) {
      // 4.4.4: unable to route (RFC 3463 §3.5).
      let word = Word(
        EnhancedCode(4, 4, 4),
        "No way out for \(destination): add a [[route]] for it or a [smart-host] to appliance.conf, or direct = true to "
          + "[relay], then `postroom reload`")
      await settle(rows, .deferred(word))
    }
  }

  func settle(_ rows: [QueueRow], _ outcome: Outcome, notBefore: Moment? = nil) async {
    guard !rows.isEmpty else { return }
    await settleLater(rows, rows.map { _ in outcome }, nil, notBefore: notBefore).value
  }

  /// Begins to write outcomes; the task ends when they are written. It is nobody's child: a courier that is cancelled must
  /// not keep an outcome from being written.
  func settleLater(
    _ rows: [QueueRow], _ outcomes: [Outcome], _ session: RemoteSession?, notBefore: Moment? = nil
  ) -> Task<Void, Never> {
    let queueSettings = configuration().queue
    let settlement = Settlement(schedule: RetrySchedule(queueSettings), now: clock.now(), chance: chance)
    var results: [(row: QueueRow, outcome: AttemptOutcome)] = []
    results.reserveCapacity(rows.count)
    let host = session?.description
    for (row, outcome) in zip(rows, outcomes) {
      let result = settlement.attemptOutcome(
        outcome, attempts: row.recipient.attempts, accepted: row.envelope.at, host: host,
        hasDSN: session?.extensions.dsn ?? false, notBefore: notBefore)
      if let result { results.append((row, result)) }
    }
    let written = results
    guard !written.isEmpty else { return Task {} }
    return Task(executorPreference: session?.connection.executor) { await self.recordAndLand(written) }
  }

  private func recordAndLand(_ outcomes: [(row: QueueRow, outcome: AttemptOutcome)]) async {
    await record(outcomes)
    landed(outcomes.map(\.row.recipient.id))
  }

  /// The rows are in nobody's hands any more. Between the commit of an outcome and this they may have become due again,
  /// by the clock or by an administrator, and been passed over as still in flight.
  func landed(_ ids: [RecipientID]) {
    if dispatcher.settled(ids) { wakeUps.signal() }
  }

  /// Writes outcomes. What cannot be written is tried until it can: a message that was taken over and not noted would be
  /// sent again and again. Only the end of the appliance ends that; the attempt is then found uncertain at the next start.
  private func record(_ outcomes: [(row: QueueRow, outcome: AttemptOutcome)]) async {
    var left = outcomes
    var pause = Duration.seconds(1)
    while let before = left.first {
      let count = left.count
      do {
        try await queue.recordOutcomes(&left)
      } catch {
        let envelope = (left.first ?? before).row.envelope.id
        if case StoreError.missing(let what) = error {
          log.error("What came of envelope \(envelope) cannot be written, because there is no \(what)")
          left.removeAll { $0.row.envelope.id == envelope }
          continue
        }
        log.error("What came of envelope \(envelope) cannot be written: \(error). Trying again.")
        if isStopping {
          left.removeAll { $0.row.envelope.id == envelope }
          continue
        }
        if left.count < count { pause = .seconds(1) }
        try? await sleep(clock.now() + pause)
        pause = min(pause * 2, .seconds(60))
      }
    }
  }
}
