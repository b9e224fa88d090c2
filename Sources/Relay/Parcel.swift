internal import Configuration
internal import MailAuthentication
internal import MailFlow
internal import Message
internal import SMTP
internal import Store

/// A batch made ready for the client machine: envelope in SMTP's terms, and what the content needs.
struct Parcel: Sendable {
  let transaction: ClientTransaction
  let content: OutgoingContent

  /// - Parameter reversePath: in place of the envelope's; see ``returnPath(_:_:_:)``.
  ///
  /// `nil`: a recipient's address cannot be read.
  init?(_ rows: [QueueRow], _ content: OutgoingContent, reversePath: EmailAddress? = nil) {
    var envelope = rows.first.map { Envelope($0) }
    if let reversePath { envelope?.reversePath = reversePath }
    let recipients = rows.compactMap { row in EnvelopeRecipient(row.recipient) }
    guard recipients.count == rows.count else { return nil }
    let addresses = recipients.map(\.address) + [envelope?.reversePath].compactMap { $0 }
    // RFC 6531 §3.2 counts the headers of parts too; whether MAIL said SMTPUTF8 when the message came in does not
    // matter if nothing in it needs that (§3.4).
    let needsSMTPUTF8 =
      addresses.contains { $0.isInternationalized } || content.facts.contains(.eightBitHeaders)
      || content.hasInternationalizedPrefix
    transaction = ClientTransaction(
      reversePath: envelope?.reversePath,
      recipients: recipients.map { recipient in
        ClientTransaction.Recipient(
          recipient.address, notify: recipient.notify.map { NotifyConditions($0) },
          original: recipient.original.map { OriginalAddress(type: $0.type, address: $0.address) })
      },
      size: content.size, needs8BitMIME: content.facts.contains(.eightBitBody), needsSMTPUTF8: needsSMTPUTF8,
      requiresTLS: envelope?.transport == .required,
      returnedContent: envelope?.returnContent.map { $0 == .full ? .full : .headers },
      envelopeID: envelope?.envelopeID)
    self.content = content
  }
}

extension Parcel {
  /// The reverse-path of ours for a message of a stranger's that an alias or group sends elsewhere: with the stranger's own
  /// one, SPF would fail at the next server. `nil`: it leaves as it is.
  static func returnPath(
    _ row: QueueRow, _ configuration: Configuration, _ rewriting: SenderRewriting?
  ) -> EmailAddress? {
    let envelope = Envelope(row)
    guard let rewriting, envelope.origin.isFromOutside, row.forwardedBy != nil, let sender = envelope.reversePath,
      !configuration.isLocal(domain: sender.domain), !configuration.isHostItself(sender.domain)
    else { return nil }
    return rewriting.rewritten(sender)
  }
}

extension NotifyConditions {
  fileprivate init(_ request: NotifyRequest) {
    self = []
    if request.contains(.success) { insert(.success) }
    if request.contains(.failure) { insert(.failure) }
    if request.contains(.delay) { insert(.delay) }
  }
}
