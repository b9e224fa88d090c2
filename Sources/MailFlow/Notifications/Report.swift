internal import Message
internal import Platform

/// What is to be told about one recipient (RFC 3464 §2.3).
struct Report: Sendable {
  var recipient: EmailAddress
  var original: OriginalRecipient?
  var action: DeliveryReport.Action
  /// An enhanced status code.
  var status: String
  /// The other server that said so.
  var remote: String?
  /// Its words, or ours.
  var words: String?
  /// When there was an attempt.
  var attempt: Moment?
  /// For delays: when we give up.
  var retryUntil: Moment?

  var entry: DeliveryReport.Recipient {
    var entry = DeliveryReport.Recipient(
      final: recipient, original: original.map { "\($0.type);\($0.address)" }, action: action, status: status)
    entry.remoteMTA = remote
    // Diagnostic-Code quotes another server; our own words are in the text for people (RFC 3461 §6.3 i).
    entry.diagnostic = remote == nil ? nil : words
    entry.lastAttempt = attempt
    entry.willRetryUntil = retryUntil
    return entry
  }
}
