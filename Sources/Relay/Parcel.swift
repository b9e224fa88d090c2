internal import MailFlow
internal import SMTP
internal import Store

/// A batch made ready for the client machine: envelope in SMTP's terms, and what the content needs.
struct Parcel: Sendable {
  let transaction: ClientTransaction
  let content: OutgoingContent

  /// `nil`: a recipient's address cannot be read.
  init?(_ rows: [QueueRow], _ content: OutgoingContent) {
    let envelope = rows.first.map { Envelope($0) }
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

extension NotifyConditions {
  fileprivate init(_ request: NotifyRequest) {
    self = []
    if request.contains(.success) { insert(.success) }
    if request.contains(.failure) { insert(.failure) }
    if request.contains(.delay) { insert(.delay) }
  }
}
