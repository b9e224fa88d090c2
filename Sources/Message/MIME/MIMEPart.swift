/// One part of a message: where it is, and what its header says.
///
/// Ranges are relative to the start of the top message's body. The top part has no header range of its own: its
/// header is the message's header section.
public struct MIMEPart: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable {
    /// A part with a body of data. Also a multipart without any delimiter line, which is text then.
    case leaf
    /// A multipart; its children are its parts.
    case multipart
    /// A message/rfc822 or message/global that is not encoded: its one child is the embedded message, whose header
    /// range is that message's header section.
    case message
    /// The rest of a message that exceeds the scanner's limits. Its type is application/octet-stream.
    case opaque
  }

  public internal(set) var kind: Kind
  /// The index of the parent in ``MIMEStructure/parts``; nil for the top part.
  public internal(set) var parent: Int?
  /// The indices of the children.
  public internal(set) var children: [Int] = []

  /// The header of this part, its empty line included. Empty for the top part.
  public internal(set) var header: Range<Int>
  /// The body, without the line end that belongs to the delimiter after it (RFC 2046 §5.1.1).
  public internal(set) var body: Range<Int>
  /// How many line ends the body has.
  public internal(set) var lines: Int

  /// What the part is, with defaults filled in.
  public internal(set) var type: ContentType
  public internal(set) var encoding: TransferEncoding
  public internal(set) var disposition: ContentDisposition?
  /// Content-ID, Content-Description, Content-MD5, Content-Location: unfolded, not decoded.
  public internal(set) var id: [UInt8]?
  public internal(set) var contentDescription: [UInt8]?
  public internal(set) var md5: [UInt8]?
  public internal(set) var location: [UInt8]?
  /// The tags of Content-Language.
  public internal(set) var languages: [[UInt8]] = []
  /// Whether this part's header (for the top part: the message's) has octets above 127.
  public internal(set) var has8BitHeader: Bool
  /// Whether the body has octets above 127, parts inside included.
  public internal(set) var has8BitBody: Bool
  /// For an embedded message's own part: its ENVELOPE in both forms (they are equal if its header is ASCII).
  public internal(set) var envelope: Envelope?

  public struct Envelope: Hashable, Sendable {
    public var ascii: [UInt8]
    /// nil if it is the same.
    public var utf8: [UInt8]?

    public func text(_ form: TextForm) -> [UInt8] { form == .utf8 ? utf8 ?? ascii : ascii }
  }

  /// The file name that the header gives, decoded: `filename` of the disposition, else `name` of the type.
  public var fileName: String? {
    disposition?.parameters.decodedValue("filename") ?? type.parameters.decodedValue("name")
  }
}
