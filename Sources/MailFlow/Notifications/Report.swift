internal import Message
internal import Platform

/// What is to be told about one recipient (RFC 3464 §2.3).
struct Report: Sendable {
  var recipient: EmailAddress
  var original: OriginalRecipient?
  var action: DeliveryReport.Action
  /// An enhanced status code.
  var status: String
  /// The other server that said so, `host:port`. What the trace tells after a comma, such as the cipher, is nothing for
  /// the sender.
  var remote: String? {
    didSet { remote = remote.flatMap { $0.split(separator: ",").first.map(String.init) } }
  }
  /// Its words, or ours.
  var words: String?
  /// When there was an attempt.
  var attempt: Moment?
  /// For delays: when we give up.
  var retryUntil: Moment?

  var entry: DeliveryReport.Recipient {
    var entry = DeliveryReport.Recipient(
      final: recipient, original: original.map { "\($0.type);\($0.address)" }, action: action, status: status)
    entry.remoteMTA = remote.map(Self.nameOfServer)
    // Diagnostic-Code quotes another server; our own words are in the text for people (RFC 3461 §6.3 i).
    entry.diagnostic = remote == nil ? nil : words
    entry.lastAttempt = attempt
    entry.willRetryUntil = retryUntil
    return entry
  }

  /// Of `mx.example.net:25` and the like: a domain name or a domain literal, as the field of the report has it.
  private static func nameOfServer(_ remote: String) -> String {
    let host = HostPort(remote)?.host ?? remote
    guard let address = IPAddress(host) else { return host }
    return address.isIPv4 ? "[\(address)]" : "[IPv6:\(address)]"
  }
}
