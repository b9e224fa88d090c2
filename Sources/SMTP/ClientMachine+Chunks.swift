/// What a driver needs to know between the chunks of a content (RFC 3030 §2).
extension ClientMachine {
  /// Commands that the server has not answered yet.
  public var unanswered: Int { expected.count }

  /// The server refused MAIL or a chunk: no more chunks may be sent.
  public var isContentRefused: Bool { refusal != nil }

  /// The recipients, by their places in the transaction, that the server accepted at RCPT: who is at stake when the
  /// end of the content is sent.
  public var acceptedRecipients: Set<Int> { accepted }

  /// The driver stops after a refused chunk, all replies to the earlier ones read, instead of sending the last one.
  public mutating func contentStopped() -> [Action] { settle(with: refusal) }
}
