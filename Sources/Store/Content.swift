/// A message to be stored: a header section with what was computed from it, and a body.
///
/// Several header variants of one body are several contents; the body is kept once.
public struct NewContent: Sendable {
  /// The header section, up to and including the empty line's CRLF.
  public var header: [UInt8]
  public var body: NewBody
  /// IMAP's `ENVELOPE` text, ready to be sent.
  public var envelope: [UInt8]
  /// IMAP's `BODYSTRUCTURE` text (with extension data), ready to be sent.
  public var bodyStructure: [UInt8]
  /// The encoded MIME structure, opaque to the store.
  public var structure: [UInt8]
  /// Bits that the owner of the structure understands (8-bit characters occur, NUL occurs, …), opaque to the store.
  public var facts: Int64

  public init(
    header: [UInt8], body: NewBody, envelope: [UInt8] = [], bodyStructure: [UInt8] = [], structure: [UInt8] = [],
    facts: Int64 = 0
  ) {
    self.header = header
    self.body = body
    self.envelope = envelope
    self.bodyStructure = bodyStructure
    self.structure = structure
    self.facts = facts
  }
}

/// Where the body of a new content comes from.
public enum NewBody: Sendable {
  /// Pieces in memory, and the SHA-256 over all of them. Written without a further copy when every piece but the last
  /// has ``Store/chunkSize`` bytes. For bodies up to ``Store/inlineLimit``; larger ones are staged.
  case bytes([[UInt8]], sha256: [UInt8])
  /// A body that was staged and finished before (``StagedBody/finish()``).
  case staged(StagedBody)
  /// A body that is in the database already, as that of another header variant.
  case stored(BodyID)
}

/// What the store says of a content that it has.
public struct StoredContent: Hashable, Sendable {
  public let id: ContentID
  public let body: BodyID
  /// Bytes of the header section.
  public let headerSize: Int
  /// Bytes of the body.
  public let bodySize: Int
  /// See ``NewContent/facts``.
  public let facts: Int64

  /// Bytes of header section and body, without a copy's prefix.
  public var size: Int { headerSize + bodySize }
}

/// The columns that were computed once when a content came in.
public struct ContentColumns: Hashable, Sendable {
  public var header: [UInt8] = []
  public var envelope: [UInt8] = []
  public var bodyStructure: [UInt8] = []
  public var structure: [UInt8] = []
}
