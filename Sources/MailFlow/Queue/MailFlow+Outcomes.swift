internal import Logging
internal import Message
internal import Platform
public import Store

extension MailFlow {
  /// Records what came of attempts: states, trace rows and the notifications that follow from them, for rows as they were
  /// when they were read.
  ///
  /// Outcomes of which nobody must be told go together: a dead host's hundred messages are one transaction. Those of which
  /// somebody is told are a transaction for each envelope. A recipient that somebody has settled meanwhile stays as it is;
  /// its trace says what the attempt came to.
  ///
  /// - Parameter left: what is to be recorded. What has been written is taken out, so whoever calls again after an error
  ///   writes nothing twice and tells nobody twice. What could not be written stands first then.
  public func recordOutcomes(_ left: inout [(row: QueueRow, outcome: AttemptOutcome)]) async throws {
    let now = clock.now()
    var quiet: [Due] = []
    var telling: [[Due]] = []
    for (_, some) in Dictionary(grouping: left, by: \.row.envelope.id).sorted(by: { $0.key < $1.key }) {
      let envelope = Envelope(some[0].row.envelope)
      let due = some.sorted { $0.row.recipient.id < $1.row.recipient.id }.map { row, outcome in
        Due(row: row, outcome: outcome, report: report(outcome, row.recipient, envelope, now))
      }
      if due.contains(where: { $0.report != nil }) { telling.append(due) } else { quiet += due }
    }
    // In the order in which they are written.
    left = (quiet + telling.flatMap { $0 }).map { ($0.row, $0.outcome) }
    var written = 0
    defer { left.removeFirst(written) }
    for start in stride(from: 0, to: quiet.count, by: Self.quietOutcomes) {
      let some = quiet[start..<min(start + Self.quietOutcomes, quiet.count)]
      do {
        try await settle(some, now)
        written += some.count
      } catch {
        // One may be at fault: those before it do not wait for it.
        guard some.count > 1 else { throw error }
        for place in some.indices {
          try await settle(some[place...place], now)
          written += 1
        }
      }
    }
    for due in telling {
      try await record(due, now)
      written += due.count
    }
  }

  private func settle(_ some: ArraySlice<Due>, _ now: Moment) async throws {
    try await store.write { transaction in
      for due in some { try Self.settle(due, now, in: &transaction) }
    }
  }

  /// Outcomes in one transaction: a closure should not hold the writer for more than a few milliseconds.
  private static let quietOutcomes = 100

  /// An outcome to be written, and what the sender is to be told of it.
  private struct Due: Sendable {
    var row: QueueRow
    var outcome: AttemptOutcome
    var report: Report?
  }

  /// Outcomes of one envelope, with a notification.
  private func record(_ due: [Due], _ now: Moment) async throws {
    guard let first = due.first?.row else { return }
    let (stored, id) = (first.envelope, first.envelope.id)
    let envelope = Envelope(stored)
    // Planning a notification reads the configuration; if that changes before the commit, it is planned again.
    for isLast in [false, false, true] {
      let told = await notification(of: due.compactMap(\.report), first.recipient, envelope, stored)
      let done = try await store.write { [observers] transaction in
        let current = transaction.generation
        if case .notify(let commission)? = told, !isLast,
          current != Int(clamping: commission.plan.configurationGeneration)
        {
          return false
        }
        var isSaid = false
        for one in due {
          if case .unauthenticated? = told, one.report?.action == .failed {
            try Self.settle(one, now, note: Self.unauthenticatedWords, in: &transaction)
            try transaction.noteUntold(one.row.recipient.id, at: now, owner: Self.owner(of: one.row.recipient))
            isSaid = true
          } else {
            try Self.settle(one, now, in: &transaction)
          }
        }
        if isSaid { return true }
        try Self.tell(told, about: id, to: stored.sender, now, observers, in: &transaction)
        return true
      }
      if done { return }
    }
  }

  /// Whose mail it was that failed on its way out: of the address that forwards it, else of whoever it was for.
  private static func owner(of recipient: Recipient) -> String {
    RecipientOptions(recipient.options).deliveredTo ?? recipient.address
  }

  /// The change of one row.
  private static func settle(
    _ due: Due, _ now: Moment, note: String? = nil, in transaction: inout Transaction
  ) throws {
    let (id, outcome) = (due.row.recipient.id, due.outcome)
    let isTold = due.report?.action == .delayed
    var step = outcome.step(due.row.recipient.address, at: now)
    if let note { step.words += "; \(note)" }
    do {
      try change(id, outcome, step, isTold: isTold, in: &transaction)
    } catch StoreError.alreadyFinal {
      try transaction.trace(step, of: id.envelope)
    } catch StoreError.missing {
      // Its envelope is older than what is kept, and was settled by hand: nothing is left to be said.
    }
  }

  private static func change(
    _ id: RecipientID, _ outcome: AttemptOutcome, _ step: TraceStep, isTold: Bool, in transaction: inout Transaction
  ) throws {
    try transaction.update(id, trace: step) { recipient in
      recipient.attempting = nil
      recipient.attempts += 1
      recipient.said = step.words
      switch outcome {
      case .relayed: recipient.state = .relayed
      case .failed: recipient.state = .failed
      case .deferred(let until, _, _, _), .uncertain(let until, _, _):
        // One that was put on hold during the attempt stays there.
        if recipient.state == .queued { recipient.due = until }
      }
      if recipient.state.isFinal { recipient.due = nil }
      if isTold {
        var options = RecipientOptions(recipient.options)
        options.isDelayTold = true
        recipient.options = options.bytes
      }
    }
  }

  /// Writes the notification, if there is one, and what the trace says about it.
  static func tell(
    _ told: Notifying?, about id: EnvelopeID, to sender: String?, _ now: Moment, _ observers: [any MailboxObserver],
    in transaction: inout Transaction
  ) throws {
    switch told {
    case nil: break
    case .unauthenticated:
      try transaction.trace(
        TraceStep(at: now, stage: Stage.notification, what: "silent", words: unauthenticatedWords), of: id)
    case .silent(let reason):
      try transaction.trace(TraceStep(at: now, stage: Stage.notification, what: "silent", words: reason), of: id)
    case .notify(let commission):
      let notification = try commission.write(in: &transaction, observers: observers)
      try transaction.trace(
        TraceStep(
          at: now, stage: Stage.notification, what: "told",
          words: "<\(displayable(sender ?? "", limit: 500))>, by envelope \(notification)"),
        of: id)
    }
  }

  /// What the sender is to be told of an outcome; `nil` if it did not ask for that.
  private func report(
    _ outcome: AttemptOutcome, _ recipient: Recipient, _ envelope: Envelope, _ now: Moment
  ) -> Report? {
    guard let wishes = EnvelopeRecipient(recipient) else { return nil }
    var report = Report(recipient: wishes.address, original: wishes.original, action: .failed, status: "5.0.0")
    report.attempt = now
    switch outcome {
    case .relayed(let host, _, let supportsDSN):
      // RFC 3461 §5.2.2 b: only if SUCCESS was asked for in so many words.
      guard !supportsDSN, wishes.notify?.contains(.success) == true else { return nil }
      (report.action, report.status, report.remote) = (.relayed, "2.0.0", host)
    case .failed(let status, let host, let reply):
      guard wishes.wants(.failure) else { return nil }
      (report.status, report.remote, report.words) = (status, host, reply)
    case .deferred(_, let status, let host, let reply):
      guard isDelayDue(recipient, wishes, envelope, now) else { return nil }
      (report.action, report.status, report.remote, report.words) = (.delayed, status, host, reply)
      report.retryUntil = envelope.receivedAt + configuration().queue.giveUpAfter
    case .uncertain(_, let host, let reason):
      guard isDelayDue(recipient, wishes, envelope, now) else { return nil }
      (report.action, report.status, report.remote, report.words) = (.delayed, "4.4.2", host, reason)
      report.retryUntil = envelope.receivedAt + configuration().queue.giveUpAfter
    }
    return report
  }

  private func isDelayDue(
    _ recipient: Recipient, _ wishes: EnvelopeRecipient, _ envelope: Envelope, _ now: Moment
  ) -> Bool {
    wishes.wants(.delay) && !RecipientOptions(recipient.options).isDelayTold
      && now - envelope.receivedAt >= configuration().queue.delayNoticeAfter
  }

  private func notification(
    of reports: [Report], _ recipient: Recipient?, _ envelope: Envelope, _ stored: StoredEnvelope
  ) async -> Notifying? {
    guard !reports.isEmpty else { return nil }
    if let silence = Self.silence(about: envelope) { return silence }
    let work = watch(Suspect(notificationAbout: stored.id))
    work.begin(.relay)
    defer { work.end(.relay) }
    var header = HeaderSection([])
    var body: [UInt8]?
    do {
      if let content = recipient?.content, let message = try await store.open(content, prefix: recipient?.prefix) {
        header = HeaderSection(try await message.bytes(from: 0, count: message.headerSize))
        let size = message.size - message.headerSize
        if size <= Self.returnLimit, envelope.returnedContent != .headers {
          body = try await message.bytes(from: message.headerSize, count: size)
        }
      }
    } catch {
      log.warning("the content of envelope \(stored.id) could not be read for a notification: \(error)")
    }
    return await notification(about: envelope, reports, header: header, body: body, subject: stored.subject)
  }
}

extension AttemptOutcome {
  /// The trace row of an attempt's end.
  fileprivate func step(_ recipient: String, at now: Moment) -> TraceStep {
    func said(_ host: String?, _ words: String) -> String {
      let words = displayable(words, limit: 2000)
      return host.map { "\(displayable($0, limit: 255)) said: \(words)" } ?? words
    }
    let (what, words) =
      switch self {
      case .relayed(let host, let reply, _): ("relayed", said(host, reply))
      case .deferred(let until, let status, let host, let reply):
        ("deferred", "\(said(host, reply)) (\(status)); next attempt \(until)")
      case .failed(let status, let host, let reply): ("failed", "\(said(host, reply)) (\(status))")
      case .uncertain(let until, let host, let reason):
        ("uncertain", "\(said(host, reason)); it may have been delivered; next attempt \(until)")
      }
    return TraceStep(at: now, recipient: recipient, stage: Stage.relay, what: what, words: words)
  }
}
