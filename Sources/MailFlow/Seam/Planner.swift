public import Message

/// What is known of a recipient when it is named (RCPT).
public enum Resolution: Sendable, Hashable {
  /// Ends in mailboxes of this house (perhaps among others, for a group), or goes back to the sender of a message that was
  /// forwarded.
  case local
  /// Another server's; the domain for the queue.
  case remote(domain: String)
  /// Refused, with the answer to give: unknown user, mailbox full, relaying denied…
  case refused(Answer)

  public var answer: Answer? {
    if case .refused(let answer) = self { answer } else { nil }
  }
}

/// What planning needs to know about a message.
public struct PlannedMessage: Sendable {
  public var envelope: Envelope
  /// Bytes of the content as received.
  public var size: Int
  /// Delivered-To addresses that the content already carries: one of our own among them is a loop.
  public var deliveredTo: [EmailAddress]
  /// One verdict for each recipient.
  public var verdicts: [Verdict]

  public init(envelope: Envelope, size: Int, deliveredTo: [EmailAddress], verdicts: [Verdict]) {
    self.envelope = envelope
    self.size = size
    self.deliveredTo = deliveredTo
    self.verdicts = verdicts
  }
}

/// Addresses to accounts, and the plan. Delivery implements it. It reads and never writes.
public protocol Planner: Sendable {
  /// Decides about one recipient at RCPT.
  ///
  /// - Parameters:
  ///   - address: as the client gave it.
  ///   - sender: the envelope so far (origin, account, device, reverse-path); its recipients are those
  ///     accepted before.
  ///   - declaredSize: of MAIL's SIZE, if it was given.
  func resolve(_ address: EmailAddress, for sender: Envelope, declaredSize: Int?) async -> Resolution

  /// The plan for a whole message.
  ///
  /// - Throws: when nothing can be planned now (the store does not answer); the client then gets 451 4.3.0.
  func plan(_ message: PlannedMessage) async throws -> Plan
}
