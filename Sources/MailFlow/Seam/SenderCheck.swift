/// What was found out about who sent a message from outside, before it is judged.
public struct SenderFacts: Sendable {
  /// What follows for recipients without wishes of their own.
  public enum Consequence: Sendable, Hashable {
    case none
    /// Into Junk, for this reason.
    case junk(String)
    /// Refused with this answer; into Junk where the recipient keeps the list that the message came through.
    case refuse(Answer)
  }

  /// Ready header fields, each ending in CRLF, to stand on top of the message.
  public var fields: [UInt8]
  /// What each method came to, in the standards' words: `spf=pass`.
  public var words: String
  /// Whether the reverse-path is proven, so that its owner may be told what became of the message.
  public var isSenderProven: Bool
  public var consequence: Consequence
  /// The List-Id of the message, in lower case, without its brackets.
  public var listID: String?
  /// For whoever found it out: what a seal of ours needs when the message is passed on.
  public var evidence: (any Sendable)?

  public init(
    fields: [UInt8], words: String, isSenderProven: Bool, consequence: Consequence, listID: String? = nil,
    evidence: (any Sendable)? = nil
  ) {
    self.fields = fields
    self.words = words
    self.isSenderProven = isSenderProven
    self.consequence = consequence
    self.listID = listID
    self.evidence = evidence
  }
}

/// Finds out who sent a message from outside (SPF, DKIM, DMARC, ARC). Filtering implements it.
public protocol SenderCheck: Sendable {
  /// It reads and never writes, sees the message as received, and ends well before the message's deadline.
  ///
  /// - Returns: `nil`: the configuration does not want to know.
  func check(_ message: JudgedMessage) async -> SenderFacts?
}
