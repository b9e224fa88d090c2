public import Platform

/// A delivery status notification (RFC 3464 in a multipart/report of RFC 6522; RFC 6533 where addresses are not ASCII).
public struct DeliveryReport: Sendable {
  /// What happened to a recipient (RFC 3464 §2.3.3).
  public enum Action: String, Sendable { case failed, delayed, delivered, relayed, expanded }

  public struct Recipient: Sendable {
    /// The address to which delivery was tried.
    public var final: EmailAddress
    /// ORCPT as it came, decoded from xtext: `rfc822;someone@example.org`. nil if there was none.
    public var original: String?
    public var action: Action
    /// An enhanced status code: `5.1.1`.
    public var status: String
    /// The host that answered. nil if no other host was involved.
    public var remoteMTA: String?
    /// The other side's words, with their code: `550 5.1.1 No such user`.
    public var diagnostic: String?
    public var lastAttempt: Moment?
    /// For `delayed`: until when delivery will be tried.
    public var willRetryUntil: Moment?

    public init(final: EmailAddress, original: String? = nil, action: Action, status: String) {
      (self.final, self.original, self.action, self.status) = (final, original, action, status)
    }
  }

  /// What of the message comes back (RFC 3461 §4.3).
  public enum Returned: Sendable {
    case nothing
    /// The header section, as text/rfc822-headers.
    case header([UInt8])
    /// The whole message, as message/rfc822. The caller decides what is small enough for it.
    case message([UInt8])
  }

  public var from: TextMessage.Mailbox
  /// Whom to tell: the reverse-path of the message.
  public var to: EmailAddress
  public var subject: String
  public var date: HeaderDate
  public var messageID: String
  /// The Message-ID of the message reported on, with angle brackets.
  public var inReplyTo: String?
  /// For people; lines end with `\n`.
  public var text: String
  /// This host's name.
  public var reportingMTA: String
  /// The host that the message came from.
  public var receivedFromMTA: String?
  /// ENVID, decoded from xtext.
  public var originalEnvelopeID: String?
  public var arrival: Moment?
  public var recipients: [Recipient]
  public var returned: Returned

  public init(
    from: TextMessage.Mailbox, to: EmailAddress, subject: String, date: HeaderDate, messageID: String, text: String,
    reportingMTA: String, recipients: [Recipient], returned: Returned
  ) {
    (self.from, self.to, self.subject, self.date, self.messageID) = (from, to, subject, date, messageID)
    (self.text, self.reportingMTA, self.recipients, self.returned) = (text, reportingMTA, recipients, returned)
  }

  /// The report, to be sent with the reverse-path `<>`.
  public func build() -> BuiltMessage { BuiltMessage(header: [], body: []) }
}
