internal import Message

/// What is worth knowing of a content at a glance; the `facts` column of the store.
public struct ContentFacts: OptionSet, Sendable, Hashable {
  public let rawValue: Int64
  public init(rawValue: Int64) { self.rawValue = rawValue }

  /// Octets above 127 in the message's header section or in a part's: IMAP texts differ with UTF8=ACCEPT.
  public static let eightBitHeaders = ContentFacts(rawValue: 1)
  /// Octets above 127 in the message's own header section: it needs SMTPUTF8 on its way.
  public static let eightBitHeaderSection = ContentFacts(rawValue: 2)
  /// Octets above 127 in the body: it needs 8BITMIME on its way.
  public static let eightBitBody = ContentFacts(rawValue: 4)
  /// NUL somewhere: IMAP sends it as 0x80 outside literal8.
  public static let nul = ContentFacts(rawValue: 8)
  /// Not parsed: served as one opaque part.
  public static let unparsed = ContentFacts(rawValue: 16)
  /// A person would say that it has attachments.
  public static let attachments = ContentFacts(rawValue: 32)

  init(header: HeaderSection, structure: MIMEStructure) {
    var facts: ContentFacts = []
    if structure.has8BitHeaders || header.has8Bit { facts.insert(.eightBitHeaders) }
    if header.has8Bit { facts.insert(.eightBitHeaderSection) }
    if structure.has8BitBody { facts.insert(.eightBitBody) }
    if structure.hasNUL || header.bytes.contains(0) { facts.insert(.nul) }
    if !structure.attachments.isEmpty { facts.insert(.attachments) }
    self = facts
  }
}
