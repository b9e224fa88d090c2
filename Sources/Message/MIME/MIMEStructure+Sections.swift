/// What an IMAP section specifier names, as ranges to be sent one after the other.
public struct MessageSection: Hashable, Sendable {
  /// The message's own header section comes first.
  public var includesHeader: Bool
  /// Then this range of the message's body.
  public var body: Range<Int>
  /// If the range is a header (of a part or of an embedded message): it is to be downgraded for clients without
  /// UTF8=ACCEPT.
  public var isHeader: Bool

  public init(includesHeader: Bool = false, body: Range<Int>, isHeader: Bool = false) {
    (self.includesHeader, self.body, self.isHeader) = (includesHeader, body, isHeader)
  }
}

extension MIMEStructure {
  /// What of a part is asked for (RFC 9051 §6.4.5.1). `HEADER.FIELDS` is taken out of `header`.
  public enum SectionKind: Hashable, Sendable { case whole, header, text, mime }

  /// The part that a section number such as `[1, 2]` names; `[]` is the message itself. nil if there is none.
  public func part(_ path: [Int]) -> MIMEPart? { partIndex(path).map { parts[$0] } }

  /// The same as an index into ``parts``.
  ///
  /// Every message has at least a part 1: in one that is no multipart it is the body, and so it is in an embedded
  /// message.
  public func partIndex(_ path: [Int]) -> Int? {
    var index = 0
    /// Whether the path so far names a message (whose part 1 may be itself), or one part of it.
    var isMessage = true
    for number in path {
      if !isMessage, parts[index].kind == .message {
        guard let embedded = parts[index].children.first else { return nil }
        index = embedded
        isMessage = true
      }
      if parts[index].kind == .multipart {
        guard number >= 1, number <= parts[index].children.count else { return nil }
        index = parts[index].children[number - 1]
      } else if !isMessage || number != 1 {
        return nil
      }
      isMessage = false
    }
    return index
  }

  /// The bytes of a section. nil if there is no such part, or if it is not a message where `HEADER` or `TEXT` needs
  /// one.
  public func section(_ path: [Int], _ kind: SectionKind) -> MessageSection? {
    guard let index = partIndex(path) else { return nil }
    let part = parts[index]
    if path.isEmpty {
      switch kind {
      case .whole: return MessageSection(includesHeader: true, body: part.body)
      case .header: return MessageSection(includesHeader: true, body: 0..<0)
      case .text: return MessageSection(body: part.body)
      case .mime: return nil
      }
    }
    switch kind {
    case .whole: return MessageSection(body: part.body)
    case .mime:
      // Part 1 of a message that is no multipart has that message's header.
      return part.parent == nil
        ? MessageSection(includesHeader: true, body: 0..<0) : MessageSection(body: part.header, isHeader: true)
    case .header, .text:
      guard part.kind == .message, let child = part.children.first else { return nil }
      let embedded = parts[child]
      return kind == .header
        ? MessageSection(body: embedded.header, isHeader: true) : MessageSection(body: embedded.body)
    }
  }

  /// Where in the body headers are that ``HeaderSection/downgraded()`` would change: those of parts and of embedded
  /// messages. In order and apart from each other, so that a body can be sent with these ranges replaced.
  public var headersToDowngrade: [Range<Int>] {
    parts.dropFirst().filter { $0.has8BitHeader && !$0.header.isEmpty }.map(\.header)
  }
}
