/// A message of plain text that the appliance writes: notices, replies, digests.
public struct TextMessage: Sendable {
  public var from: Mailbox
  public var to: [Mailbox]
  public var subject: String
  public var date: HeaderDate
  /// With angle brackets: ``MessageIdentifier/make(host:at:random:)``.
  public var messageID: String
  /// The identifier of the message that this one answers, with angle brackets.
  public var inReplyTo: String?
  /// Further fields, such as Auto-Submitted: names and values as ``HeaderSection/field(name:value:)`` takes them.
  public var fields: [(name: String, value: String)] = []
  /// Lines end with `\n`.
  public var text: String

  /// A name (may be nil) and an address.
  public struct Mailbox: Hashable, Sendable {
    public var name: String?
    public var address: EmailAddress

    public init(name: String? = nil, _ address: EmailAddress) { (self.name, self.address) = (name, address) }
  }

  public init(from: Mailbox, to: [Mailbox], subject: String, date: HeaderDate, messageID: String, text: String) {
    (self.from, self.to, self.subject, self.date) = (from, to, subject, date)
    (self.messageID, self.text) = (messageID, text)
  }

  /// The message: 7bit if the text is ASCII, else UTF-8 as quoted-printable. It is 8-bit only in addresses that are.
  public func build() -> BuiltMessage {
    let body = TextBody(text)
    return BuiltMessage(header: topFields + body.fields + [ASCII.cr, ASCII.lf], body: body.bytes)
  }

  /// Everything but what describes the body.
  var topFields: [UInt8] {
    var header = HeaderWriter.field(name: "Date", value: date.text)
    header += HeaderWriter.field(name: "From", mailboxes: [from])
    header += HeaderWriter.field(name: "To", mailboxes: to)
    header += HeaderWriter.field(name: "Subject", text: subject)
    header += HeaderWriter.field(name: "Message-ID", value: messageID)
    if let inReplyTo {
      header += HeaderWriter.field(name: "In-Reply-To", value: inReplyTo)
      header += HeaderWriter.field(name: "References", value: inReplyTo)
    }
    for field in fields { header += HeaderWriter.field(name: field.name, value: field.value) }
    return header + HeaderWriter.field(name: "MIME-Version", value: "1.0")
  }
}

/// A message that is ready: CRLF line ends, a header section with its empty line, and the body.
public struct BuiltMessage: Sendable {
  public var header: [UInt8]
  public var body: [UInt8]

  public var bytes: [UInt8] { header + body }
}
