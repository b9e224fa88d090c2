/// What a ``MIMEScanner`` found: the tree of parts, as a list in the order in which they begin, and facts about the
/// whole.
public struct MIMEStructure: Hashable, Sendable {
  /// At least one; the first is the message itself. A parent comes before its children.
  public internal(set) var parts: [MIMEPart]
  /// The size of the body in octets.
  public internal(set) var bodySize: Int
  /// Line ends in the body.
  public internal(set) var bodyLines: Int
  /// Whether the body has octets above 127: it needs 8BITMIME.
  public internal(set) var has8BitBody: Bool
  /// Whether the body has NUL.
  public internal(set) var hasNUL: Bool
  /// The length of the longest line of the body, line end not counted.
  public internal(set) var longestLine: Int
  /// Received fields in the message's header.
  public internal(set) var receivedCount: Int
  /// Limits were reached: there is a part of the kind `opaque`.
  public internal(set) var isTruncated: Bool

  public var top: MIMEPart { parts[0] }

  /// Whether any header, of the message or of a part, has octets above 127: then IMAP texts differ between clients
  /// with and without UTF8=ACCEPT, and the message needs SMTPUTF8 as far as its own header has them.
  public var has8BitHeaders: Bool { parts.contains { $0.has8BitHeader } }

  /// A body without known parts: what is served of a message that must not be parsed again (a crash was recorded
  /// for it).
  public static func opaque(bodySize: Int) -> MIMEStructure {
    MIMEStructure(
      parts: [
        MIMEPart(
          kind: .opaque, parent: nil, header: 0..<0, body: 0..<max(bodySize, 0), lines: 0, type: .octetStream,
          encoding: .binary, has8BitHeader: false, has8BitBody: true)
      ],
      bodySize: max(bodySize, 0), bodyLines: 0, has8BitBody: true, hasNUL: true, longestLine: max(bodySize, 0),
      receivedCount: 0, isTruncated: true)
  }

  /// The parts that a person would call attachments: leaves with a file name or with the disposition `attachment`, and
  /// embedded messages.
  public var attachments: [Attachment] {
    parts.indices.compactMap { index in
      let part = parts[index]
      guard part.kind != .multipart else { return nil }
      let name = part.fileName
      let isAttachment = part.disposition?.isAttachment ?? false
      guard name != nil || isAttachment || part.kind == .message else { return nil }
      return Attachment(part: index, fileName: name, type: part.type.name)
    }
  }

  public struct Attachment: Hashable, Sendable {
    /// The index in ``MIMEStructure/parts``.
    public var part: Int
    /// Decoded by RFC 2231 and RFC 2047. A stranger's text: it may hold any character.
    public var fileName: String?
    /// `type/subtype` in lower case.
    public var type: String
  }
}
