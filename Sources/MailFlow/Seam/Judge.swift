public import Configuration
public import Message

/// A message as a judge sees it: envelope, content, and how long there is.
public struct JudgedMessage: Sendable {
  public var envelope: Envelope
  /// The header section as it will be delivered: what a policy adds is there, what only this house may write is not.
  public var header: HeaderSection
  /// The content as received.
  public var content: ReceivedContent
  /// The configuration in force when the message came in.
  public var configuration: Configuration
  /// When the answer is given without the judge. Work that is not done by then should stop.
  public var deadline: ContinuousClock.Instant
  /// Who sent it, as far as that is known; `nil` for mail from inside, and where nobody found out.
  public var sender: SenderFacts?
  /// Somebody only wants to know what would become of it: nothing may be remembered of it.
  public var isTrial = false

  public init(
    envelope: Envelope, header: HeaderSection, content: ReceivedContent, configuration: Configuration,
    deadline: ContinuousClock.Instant, sender: SenderFacts? = nil
  ) {
    self.sender = sender
    self.envelope = envelope
    self.header = header
    self.content = content
    self.configuration = configuration
    self.deadline = deadline
  }
}

/// The gateway: facts into verdicts. Filtering implements it.
public protocol Judge: Sendable {
  /// One verdict for each recipient of the envelope, in its order.
  ///
  /// It reads and never writes. It may be late (then ``Verdict/unknown(_:)`` counts), and its task is
  /// cancelled at the deadline.
  func judge(_ message: JudgedMessage) async -> [Verdict]

  /// The verdicts, where they need neither work nor waiting, as when there is no rule: then no task and no timer are made
  /// for the judge. `nil`: ask ``judge(_:)``.
  func verdictsAtOnce(_ message: JudgedMessage) -> [Verdict]?
}

extension Judge {
  public func verdictsAtOnce(_ message: JudgedMessage) -> [Verdict]? { nil }
}

/// Lets everything pass: the gateway of an embedder or a test that has none.
public struct OpenGate: Judge {
  public init() {}
  public func judge(_ message: JudgedMessage) async -> [Verdict] {
    message.envelope.recipients.map { _ in .accept }
  }
  public func verdictsAtOnce(_ message: JudgedMessage) -> [Verdict]? {
    message.envelope.recipients.map { _ in .accept }
  }
}
