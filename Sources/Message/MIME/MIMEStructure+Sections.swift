/// What an IMAP section specifier names, as ranges to be sent one after the other.
public struct MessageSection: Hashable, Sendable {
  /// The message's own header section comes first.
  public var includesHeader: Bool
  /// Then this range of the message's body.
  public var body: Range<Int>
  /// If the range begins with a header (of a part or of an embedded message), how long that is: so much is to be downgraded
  /// for clients without UTF8=ACCEPT.
  public var leadingHeader: Int

  public init(includesHeader: Bool, body: Range<Int>, leadingHeader: Int = 0) {
    (self.includesHeader, self.body, self.leadingHeader) = (includesHeader, body, leadingHeader)
  }
}

extension MIMEStructure {
  /// What of a part is asked for (RFC 9051 §6.4.5.1). `HEADER.FIELDS` is taken out of `header`.
  public enum SectionKind: Hashable, Sendable { case whole, header, text, mime }

  /// The part that a section number such as `[1, 2]` names; `[]` is the message itself. nil if there is none.
  public func part(_ path: [Int]) -> MIMEPart? { partIndex(path).map { parts[$0] } }

  /// The same as an index into ``parts``.
  public func partIndex(_ path: [Int]) -> Int? { path.isEmpty ? 0 : nil }

  /// The bytes of a section. nil if there is no such part, or it is not a message where `HEADER` or `TEXT` needs one.
  public func section(_ path: [Int], _ kind: SectionKind) -> MessageSection? { nil }
}
