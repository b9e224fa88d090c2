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
  /// Further fields, such as Auto-Submitted: names and values.
  public var fields: [(name: String, value: String)] = []
  /// Lines end with `\n`.
  public var text: String

  /// A name (may be nil) and an address.
  public struct Mailbox: Hashable, Sendable {
    public var name: String?
    public var address: EmailAddress

    public init(name: String? = nil, _ address: EmailAddress) { (self.name, self.address) = (name, address) }
  }

  public init(
    from: Mailbox, to: [Mailbox], subject: String, date: HeaderDate, messageID: String, text: String
  ) {
    (self.from, self.to, self.subject, self.date) = (from, to, subject, date)
    (self.messageID, self.text) = (messageID, text)
  }

  /// The message: 7bit if the text is ASCII in short lines, else UTF-8 as quoted-printable.
  public func build() -> BuiltMessage { BuiltMessage(header: [], body: []) }
}

/// A message that is ready: CRLF line ends, header section with its empty line, and the body.
public struct BuiltMessage: Sendable {
  public var header: [UInt8]
  public var body: [UInt8]

  public var bytes: [UInt8] { header + body }
}
