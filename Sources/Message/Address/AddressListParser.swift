/// Reads address lists as senders really write them; see ``AddressList``.
struct AddressListParser {
  private var text: StructuredText
  private var entries: [AddressList.Entry] = []
  private var count = 0

  /// The group that is open: its name and members so far.
  private var group: (name: [UInt8], members: [HeaderMailbox])?
  /// What came since the last comma.
  private var words: [Word] = []
  private var angle: HeaderMailbox?
  private var comment: [UInt8]?

  /// A run of octets without white space in it, or a quoted string.
  private struct Word {
    var bytes: [UInt8]
    var isQuoted = false
    var followsBlank: Bool
    /// `@` on its own.
    var isAt = false
  }

  init(_ bytes: [UInt8]) { text = StructuredText(bytes) }

  mutating func parse() -> [AddressList.Entry] {
    while count < AddressList.limit {
      let before = text.position
      if let found = text.skipBlanksAndComments() { comment = found }
      guard let byte = text.next else { break }
      switch byte {
      case UInt8(ascii: ","):
        text.advance()
        endMailbox()
      case UInt8(ascii: ";"):
        text.advance()
        endMailbox()
        endGroup()
      case UInt8(ascii: ":"):
        text.advance()
        beginGroup()
      case UInt8(ascii: "<"):
        text.advance()
        // A second address in brackets, with no comma between them, does not take the place of the first.
        if angle != nil { endMailbox() }
        if let found = angleAddress() { angle = found }
      case UInt8(ascii: ">"), UInt8(ascii: ")"), UInt8(ascii: "]"), ASCII.backslash:
        text.advance()
      default: word(byte, followsBlank: text.position > before)
      }
    }
    endMailbox()
    endGroup()
    return entries
  }

  private mutating func word(_ byte: UInt8, followsBlank: Bool) {
    switch byte {
    case ASCII.quote: words.append(Word(bytes: text.quotedString(), isQuoted: true, followsBlank: followsBlank))
    case UInt8(ascii: "@"):
      text.advance()
      words.append(Word(bytes: [byte], followsBlank: followsBlank, isAt: true))
    case UInt8(ascii: "["): words.append(Word(bytes: domainLiteral(), followsBlank: followsBlank))
    default: words.append(Word(bytes: Array(text.take(while: isWordOctet)), followsBlank: followsBlank))
    }
  }

  private func isWordOctet(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "<"), UInt8(ascii: ">"),
      UInt8(ascii: "@"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"), ASCII.quote,
      ASCII.backslash:
      false
    default: !ASCII.isSpace(byte)
    }
  }

  /// At `[`: up to `]`, white space left out.
  private mutating func domainLiteral() -> [UInt8] {
    var literal: [UInt8] = []
    while let byte = text.next, byte != UInt8(ascii: ","), byte != UInt8(ascii: ">") {
      text.advance()
      if !ASCII.isSpace(byte) { literal.append(byte) }
      if byte == UInt8(ascii: "]") { break }
    }
    return literal
  }

  private mutating func beginGroup() {
    // A colon inside a group, or behind nothing, begins nothing; nor does one behind an address, which stays one.
    guard angle == nil, group == nil, !words.contains(where: { $0.isAt }) else { return endMailbox() }
    if !words.isEmpty { group = (phrase(words), []) }
    clear()
  }

  private mutating func endGroup() {
    guard let ended = group else { return }
    entries.append(.group(name: ended.name, members: ended.members))
    group = nil
    count += 1
  }

  private mutating func endMailbox() {
    defer { clear() }
    let mailboxes = mailboxes()
    count += mailboxes.count
    if group != nil { group?.members += mailboxes } else { entries += mailboxes.map { .mailbox($0) } }
  }

  private mutating func clear() {
    words = []
    angle = nil
    comment = nil
  }

  /// What stands between two commas: one mailbox, as a rule. Several addresses without brackets that only white space
  /// parts are all found: what another reader might take for the sender must not be lost.
  private func mailboxes() -> [HeaderMailbox] {
    if var mailbox = angle {
      let name = phrase(words)
      mailbox.name = name.isEmpty ? comment : name
      mailbox.hasBareAt = words.contains { $0.isAt }
      return [mailbox]
    }
    var found: [HeaderMailbox] = []
    var rest = words[...]
    while let at = rest.lastIndex(where: { $0.isAt }) {
      // The local part is what hangs together before the @; words before that are a name without its angle brackets.
      var start = at
      while start > rest.startIndex, start == at || joins(rest[start - 1], rest[start]) { start -= 1 }
      found.append(
        HeaderMailbox(
          localPart: rest[start..<at].flatMap(\.bytes), domain: rest[(at + 1)...].flatMap(\.bytes)))
      rest = rest[..<start]
    }
    guard !found.isEmpty else {
      return words.isEmpty ? [] : [HeaderMailbox(name: comment, localPart: phrase(words), domain: [])]
    }
    let name = phrase(rest)
    found[found.count - 1].name = name.isEmpty ? comment : name
    return found.reversed()
  }

  /// Whether two words belong to one dot-atom, white space between them or not (RFC 5322 §4.4).
  private func joins(_ first: Word, _ second: Word) -> Bool {
    !second.followsBlank || first.bytes.last == UInt8(ascii: ".") || second.bytes.first == UInt8(ascii: ".")
  }

  private func phrase(_ words: some Sequence<Word>) -> [UInt8] {
    var result: [UInt8] = []
    for word in words {
      if !result.isEmpty, word.followsBlank { result.append(ASCII.space) }
      result += word.bytes
    }
    return result
  }

  /// Behind `<`: an obsolete route, then the address, up to `>`. nil for an empty `<>`.
  private mutating func angleAddress() -> HeaderMailbox? {
    var mailbox = HeaderMailbox(localPart: [], domain: [])
    text.skipBlanksAndComments()
    if text.next == UInt8(ascii: "@") { mailbox.route = route() }
    var parts: [UInt8] = []
    var at: Int?
    loop: while true {
      text.skipBlanksAndComments()
      guard let byte = text.next else { break }
      switch byte {
      case UInt8(ascii: ">"):
        text.advance()
        break loop
      case UInt8(ascii: ","): break loop
      case ASCII.quote: parts += text.quotedString()
      case UInt8(ascii: "["): parts += domainLiteral()
      default:
        text.advance()
        if byte == UInt8(ascii: "@") { at = parts.count }
        parts.append(byte)
      }
    }
    if parts.isEmpty { return nil }
    mailbox.localPart = Array(parts[..<(at ?? parts.count)])
    mailbox.domain = at.map { Array(parts[($0 + 1)...]) } ?? []
    return mailbox
  }

  /// At `@`: the route up to its colon, white space left out. Without a colon it was no route, and is dropped.
  private mutating func route() -> [UInt8]? {
    var route: [UInt8] = []
    while let byte = text.next, byte != UInt8(ascii: ">") {
      text.advance()
      if byte == UInt8(ascii: ":") { return route }
      if !ASCII.isSpace(byte) { route.append(byte) }
    }
    return nil
  }
}
