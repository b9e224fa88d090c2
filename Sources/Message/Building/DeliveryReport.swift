public import Platform

/// A delivery status notification (RFC 3464 in a multipart/report of RFC 6522; RFC 6533 where addresses are not ASCII).
///
/// Built so that it can travel everywhere: what is not ASCII is encoded, so the report needs SMTPUTF8 only if its own
/// recipient does, and 8BITMIME only if a whole message with 8-bit octets comes back.
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
    /// The header section, as text/rfc822-headers, or message/global-headers if it has UTF-8.
    case header([UInt8])
    /// The whole message, as message/rfc822, or message/global if its header has UTF-8. The caller decides what is
    /// small enough for it.
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
  /// What separates the parts. Random, so that no message that comes back can have it.
  public var boundary: String

  public init(
    from: TextMessage.Mailbox, to: EmailAddress, subject: String, date: HeaderDate, messageID: String, text: String,
    reportingMTA: String, recipients: [Recipient], returned: Returned
  ) {
    (self.from, self.to, self.subject, self.date, self.messageID) = (from, to, subject, date, messageID)
    (self.text, self.reportingMTA, self.recipients, self.returned) = (text, reportingMTA, recipients, returned)
    boundary = "=_report_" + randomBytes(16).map { String($0, radix: 16) }.joined()
  }

  /// The report, to be sent with the reverse-path `<>`.
  public func build() -> BuiltMessage {
    let parts = [humanPart, statusPart] + (returnedPart.map { [$0] } ?? [])
    var message = TextMessage(
      from: from, to: [TextMessage.Mailbox(to)], subject: subject, date: date, messageID: messageID, text: "")
    message.inReplyTo = inReplyTo
    // So that nobody's automatic answer answers this.
    message.fields = [("Auto-Submitted", "auto-replied")]
    var header = message.topFields
    header += HeaderWriter.field(
      name: "Content-Type", value: "multipart/report; report-type=delivery-status; boundary=\"\(boundary)\"")
    let encoding: TransferEncoding = parts.contains { $0.needs8Bit } ? .eightBit : .sevenBit
    header += HeaderWriter.field(name: "Content-Transfer-Encoding", value: encoding.name.lowercased())
    var body: [UInt8] = []
    for part in parts {
      body += Array("--\(boundary)\r\n".utf8) + part.fields + [ASCII.cr, ASCII.lf] + part.body + [ASCII.cr, ASCII.lf]
    }
    body += Array("--\(boundary)--\r\n".utf8)
    return BuiltMessage(header: header + [ASCII.cr, ASCII.lf], body: body)
  }
}

extension DeliveryReport {
  private struct Part {
    var fields: [UInt8]
    var body: [UInt8]
    var needs8Bit = false

    init(type: String, encoding: TransferEncoding, body: [UInt8]) {
      fields = HeaderWriter.field(name: "Content-Type", value: type)
      fields += HeaderWriter.field(name: "Content-Transfer-Encoding", value: encoding.name.lowercased())
      needs8Bit = encoding == .eightBit
      self.body = body
    }
  }

  private var humanPart: Part {
    let body = TextBody(text)
    return Part(type: "text/plain; charset=\(body.charset)", encoding: body.encoding, body: body.bytes)
  }

  private var statusPart: Part {
    let status = DeliveryStatus.text(self)
    let body = TextBody(lines: status)
    // RFC 6533 §4.1 where there is UTF-8; §4.4 allows it to be encoded.
    let isGlobal = status.contains { $0 >= 128 }
    return Part(
      type: isGlobal ? "message/global-delivery-status; charset=utf-8" : "message/delivery-status",
      encoding: body.encoding, body: body.bytes)
  }

  private var returnedPart: Part? {
    switch returned {
    case .nothing: return nil
    case .header(let bytes):
      let header = HeaderSection(bytes)
      // RFC 6533 §4.3: all lines before the first blank line.
      let body = TextBody(lines: Array(header.bytes.dropLast(header.terminatorLength)))
      let isGlobal = header.has8Bit && UTF8Scan.isValid(header.bytes)
      return Part(
        type: isGlobal ? "message/global-headers; charset=utf-8" : "text/rfc822-headers", encoding: body.encoding,
        body: body.bytes)
    case .message(let bytes):
      let header = HeaderSection(bytes)
      if header.has8Bit, UTF8Scan.isValid(header.bytes) {
        // RFC 6533 §4.5: encoded, because the way back may not have SMTPUTF8.
        var body: [UInt8] = []
        var encoder = Base64Encoder()
        encoder.encode(bytes[...], into: &body)
        encoder.finish(into: &body)
        return Part(type: "message/global", encoding: .base64, body: body)
      }
      // RFC 2046 §5.2.1: a message/rfc822 cannot be encoded.
      let is8Bit = bytes.withUnsafeBytes { ASCII.has8Bit($0) }
      return Part(type: "message/rfc822", encoding: is8Bit ? .eightBit : .sevenBit, body: bytes)
    }
  }
}
