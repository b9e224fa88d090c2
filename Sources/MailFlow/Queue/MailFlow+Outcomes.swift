internal import Logging
internal import Message
internal import Platform
public import Store

extension MailFlow {
  /// Records what came of attempts: states, trace rows and the notifications that follow from them, in one transaction
  /// for each envelope.
  ///
  /// A recipient that somebody has settled meanwhile stays as it is; its trace says what the attempt came to.
  public func recordOutcomes(_ outcomes: [RecipientID: AttemptOutcome]) async throws {
    for (envelope, some) in Dictionary(grouping: outcomes, by: \.key.envelope).sorted(by: { $0.key < $1.key }) {
      try await record(Dictionary(uniqueKeysWithValues: some.map { ($0.key, $0.value) }), of: envelope)
    }
  }

  private func record(_ outcomes: [RecipientID: AttemptOutcome], of id: EnvelopeID) async throws {
    let (stored, recipients) = try await store.read { reader in
      (try reader.envelope(id), try reader.recipients(of: id))
    }
    guard let stored else { throw StoreError.missing("envelope \(id)") }
    let envelope = Envelope(stored)
    let now = clock.now()
    let due = recipients.compactMap { recipient in
      outcomes[recipient.id].map { (recipient, $0, self.report($0, recipient, envelope, now)) }
    }
    // Planning a notification reads the configuration; if that changes before the commit, it is planned again.
    for isLast in [false, false, true] {
      let told = await notification(of: due.compactMap(\.2), due.first?.0, envelope, stored)
      let done = try await store.write { [observers] transaction in
        let current = transaction.generation
        if case .notify(let commission)? = told, !isLast,
          current != Int(clamping: commission.plan.configurationGeneration)
        {
          return false
        }
        for (recipient, outcome, report) in due {
          try Self.settle(recipient.id, outcome, isTold: report?.action == .delayed, now, in: &transaction)
        }
        try Self.tell(told, about: id, to: stored.sender, now, observers, in: &transaction)
        return true
      }
      if done { return }
    }
  }

  /// The change of one row.
  private static func settle(
    _ id: RecipientID, _ outcome: AttemptOutcome, isTold: Bool, _ now: Moment, in transaction: inout Transaction
  ) throws {
    guard let current = try transaction.recipient(id) else { return }
    let step = outcome.step(current.address, at: now)
    guard current.state.isWaiting else { return try transaction.trace(step, of: id.envelope) }
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
    if let reason = Self.silence(about: envelope) { return .silent(reason) }
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
