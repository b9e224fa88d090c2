internal import Configuration
internal import Logging
internal import Message
internal import Platform
internal import Store

/// Mail from outside that could not be forwarded: its sender is not told, because nobody knows whether it is the sender's.
/// So that it does not vanish in silence, whoever owns the forwarding address hears of it once a day.
extension MailFlow {
  /// After the first of them has waited so long the summary is written.
  static let summaryAfter = Duration.seconds(86_400)
  /// Entries in one summary.
  private static let summaryLimit = 500

  /// Writes the summaries that are due. To be called every hour or so.
  public func writeSummaries() async {
    guard !store.isReadOnly else { return }
    do {
      let now = clock.now()
      let waiting = try await store.read { try $0.untold(limit: 10_000) }
      for (owner, some) in Dictionary(grouping: waiting, by: \.owner).sorted(by: { $0.key < $1.key }) {
        // One from the future was written before the clock was set back.
        guard let oldest = some.map(\.at).min(), oldest > now || now - oldest >= Self.summaryAfter else { continue }
        try await writeSummary(Array(some.prefix(Self.summaryLimit)), for: owner, now)
      }
    } catch {
      log.warning("the daily summaries of mail that could not be forwarded could not be written: \(error)")
    }
  }

  private func writeSummary(_ untold: [Untold], for owner: String, _ now: Moment) async throws {
    let configuration = configuration()
    let ids = untold.map(\.id)
    let lines = try await store.read { reader in
      try untold.compactMap { entry -> String? in
        guard let recipient = try reader.recipient(entry.id), let envelope = try reader.envelope(entry.id.envelope)
        else { return nil }
        return Self.line(recipient, envelope)
      }
    }
    guard let owner = EmailAddress(owner), !lines.isEmpty,
      let recipient = await keeper(of: owner, configuration),
      let from = EmailAddress(localPart: "postmaster", domain: configuration.domains.first?.name ?? "")
    else { return try await store.write { try $0.removeUntold(ids) } }
    var message = TextMessage(
      from: TextMessage.Mailbox(name: "Mail Delivery System", from), to: [TextMessage.Mailbox(recipient)],
      subject: "Mail for \(owner) that could not be forwarded", date: HeaderDate(now),
      messageID: MessageIdentifier.make(host: configuration.hostname, at: now),
      text: """
        This is \(configuration.hostname). Mail for <\(displayable(owner.description, limit: 400))> is passed on to another
        address, and this could not be. Its senders were not told, because anybody may have written their
        addresses; if a message is of importance, tell its sender in another way.

        \(lines.joined(separator: "\n"))
        """)
    // RFC 3834 §5: nothing shall answer it by itself.
    message.fields = [("Auto-Submitted", "auto-generated")]
    for _ in 0..<2 {
      let told = await commission(message.build(), to: recipient, configuration)
      guard case .notify(let commission) = told else {
        log.warning("a summary for \(displayable(owner.description, limit: 400)) cannot be delivered")
        return try await store.write { try $0.removeUntold(ids) }
      }
      let done = try await store.write { [observers] transaction in
        guard transaction.generation == Int(clamping: commission.plan.configurationGeneration) else { return false }
        try commission.write(in: &transaction, observers: observers)
        try transaction.removeUntold(ids)
        return true
      }
      if done { return }
    }
  }

  private static func line(_ recipient: Recipient, _ envelope: StoredEnvelope) -> String {
    let sender = displayable(envelope.sender ?? "", limit: 400)
    var text = "  From <\(sender)>, \(envelope.at)"
    if let subject = envelope.subject { text += "\n    \(subject.prefix(200))" }
    text +=
      "\n    to <\(displayable(recipient.address, limit: 400))>: \((recipient.said ?? "it failed").prefix(1000))\n"
    return text
  }

  /// Who reads what concerns an address: the first account behind it, else the postmaster of its domain. Not those
  /// elsewhere to whom it is forwarded: that is what failed.
  private func keeper(of owner: EmailAddress, _ configuration: Configuration) async -> EmailAddress? {
    let envelope = Envelope(
      origin: .notification, reversePath: nil, recipients: [EnvelopeRecipient(owner, notify: .never)],
      receivedAt: clock.now())
    let plan = try? await planner.plan(
      PlannedMessage(envelope: envelope, size: 0, deliveredTo: [], verdicts: [.accept]))
    if let kept = plan?.recipients.first.flatMap({ Self.account(in: $0.fate, owner) }) { return kept }
    let domain = configuration.isLocal(domain: owner.domain) ? owner.domain : configuration.domains.first?.name
    return domain.flatMap { EmailAddress(localPart: "postmaster", domain: $0) }
  }

  /// The first address in a fate that ends in a mailbox of ours.
  private static func account(in fate: Fate, _ address: EmailAddress) -> EmailAddress? {
    switch fate {
    case .deliver, .merged: address
    case .expand(let children): children.lazy.compactMap { account(in: $0.fate, $0.address) }.first
    case .queue, .quarantine, .hold, .discard, .reject: nil
    }
  }
}
