internal import MailFlow
internal import SMTP

/// A mail transaction under way: its envelope, and its content as far as it has come in.
struct Transaction {
  var envelope: Envelope
  /// MAIL's SIZE.
  var declaredSize: Int?
  /// Open from the first octet of content on, not before: while it is open this session is one of those over whose
  /// content the process may end.
  var intake: Intake?
  /// Of the message in chunks that is under way.
  var decoder: ContentDecoder?
  /// Decoded bytes on their way to the intake; reused.
  var buffer: [UInt8] = []

  /// Octets of content taken from the connection so far, and since when.
  var taken = 0
  var began: ContinuousClock.Instant?

  func abandon() { intake?.abandon() }
}
