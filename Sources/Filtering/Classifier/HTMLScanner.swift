/// Takes HTML apart, in pieces of any size, as browsers do (HTML, §13.2.5): its text goes to the words, of its markup some things
/// are tokens.
///
///     text ──<──▶ tag ──▶ attributes ──>──▶ text          <!-- comment -->: nothing of it counts but that it is there
///      │                                                  <!x>, <?x>, </ x>: nothing, to the next >
///      └─ & ──▶ reference ; ──▶ its characters            <script>, <style>: nothing, to their own end tags
///
/// What a reader sees must come to the words as it is seen: what vanishes between two letters does not part them, and nothing
/// that a browser shows is taken for something that it hides. Any bytes are HTML. Nothing is kept but one value (bounded).
struct HTMLScanner {
  private enum State {
    case text, raw, reference
    case open, openClosing, name
    case beforeAttribute, attribute, afterAttribute, beforeValue, value
    case declaration, bogus, comment
  }

  private static let nameLimit = 16
  private static let valueLimit = 400

  private var state = State.text
  private var words = WordScanner(.text)
  private var reference = CharacterReference()
  /// The content under way that has no tags in it.
  private var raw: RawText?
  private var isRawText = false
  private var rawHasReferences = false
  /// Once there were other rules for comments and styles, what would be hidden by HTML's own may be text: then it counts.
  private var hasForeign = false

  // The tag under way.
  private var element = HTMLElement.noName
  private var isClosing = false
  private var nameToken: UInt64 = 0
  private var attributeToken: UInt64 = 0
  /// Letters of the name under way.
  private var length = 0
  private var value: [UInt8] = []
  private var quote: UInt8 = 0

  // The comment under way.
  private var dashes = 0
  /// Nothing but dashes have come yet.
  private var isBare = false
  /// `--!`, behind which `>` ends it too.
  private var hasBang = false

  mutating func append(_ bytes: some Sequence<UInt8>, into set: inout TokenSet) {
    for byte in bytes { take(byte, into: &set) }
  }

  /// What is open at the end, a tag or a comment, is not seen.
  mutating func end(into set: inout TokenSet) {
    if state == .reference { endReference(reference.end(), into: &set) }
    words.end(into: &set)
  }

  @inline(__always)
  private mutating func take(_ byte: UInt8, into set: inout TokenSet) {
    if state == .text {
      switch byte {
      case UInt8(ascii: "<"): state = .open
      case UInt8(ascii: "&"): (state, reference) = (.reference, CharacterReference())
      // A NUL is not there.
      case 0: break
      default: words.take(byte, into: &set)
      }
    } else {
      takeMarkup(byte, into: &set)
    }
  }

  private mutating func takeMarkup(_ byte: UInt8, into set: inout TokenSet) {
    switch state {
    case .text: take(byte, into: &set)
    case .raw: takeRaw(byte, into: &set)
    case .reference: takeReference(byte, into: &set)
    case .open: takeOpen(byte, into: &set)
    case .openClosing: takeOpenClosing(byte, into: &set)
    case .name: takeName(byte, into: &set)
    case .beforeAttribute, .attribute, .afterAttribute: takeAttribute(byte, into: &set)
    case .beforeValue: beginValue(byte, into: &set)
    case .value: takeValue(byte, into: &set)
    case .declaration: takeDeclaration(byte, into: &set)
    case .bogus: takeBogus(byte, into: &set)
    case .comment: takeComment(byte, into: &set)
    }
  }

  // MARK: Text

  private mutating func takeReference(_ byte: UInt8, into set: inout TokenSet) {
    guard case .ended(let text, let usesByte) = reference.take(byte) else { return }
    endReference(text, into: &set)
    if !usesByte { take(byte, into: &set) }
  }

  private mutating func endReference(_ text: [UInt8], into set: inout TokenSet) {
    state = raw == nil ? .text : .raw
    for byte in text { words.take(byte, into: &set) }
  }

  private mutating func takeRaw(_ byte: UInt8, into set: inout TokenSet) {
    if raw?.take(byte) != false {
      raw = nil
      // The name of the end tag came as a word, which `<` had parted from the one before.
      if isRawText { words = WordScanner(.text) }
      (state, isClosing) = (.beforeAttribute, true)
      takeAttribute(byte, into: &set)
    } else if rawHasReferences, byte == UInt8(ascii: "&") {
      (state, reference) = (.reference, CharacterReference())
    } else if isRawText {
      words.take(byte, into: &set)
    }
  }

  // MARK: Tags

  private mutating func takeOpen(_ byte: UInt8, into set: inout TokenSet) {
    switch byte {
    case UInt8(ascii: "/"): state = .openClosing
    case UInt8(ascii: "!"): (state, dashes) = (.declaration, 0)
    case UInt8(ascii: "?"): state = .bogus
    case _ where Token.lowercased(byte) &- 97 < 26: beginName(byte, isClosing: false)
    default:
      // No tag begins so: it was a character.
      state = .text
      words.take(UInt8(ascii: "<"), into: &set)
      take(byte, into: &set)
    }
  }

  private mutating func takeOpenClosing(_ byte: UInt8, into set: inout TokenSet) {
    switch byte {
    case UInt8(ascii: ">"): state = .text
    case _ where Token.lowercased(byte) &- 97 < 26: beginName(byte, isClosing: true)
    default:
      state = .bogus
      takeBogus(byte, into: &set)
    }
  }

  private mutating func beginName(_ byte: UInt8, isClosing: Bool) {
    self.isClosing = isClosing
    (state, length) = (.name, 0)
    (element, nameToken) = (HTMLElement.noName, Token.Place.markup.rawValue)
    addToName(Token.lowercased(byte))
  }

  private mutating func addToName(_ byte: UInt8) {
    element = Token.adding(byte, to: element)
    if length < Self.nameLimit { nameToken = Token.adding(byte, to: nameToken) }
    length += 1
  }

  private mutating func takeName(_ byte: UInt8, into set: inout TokenSet) {
    if byte == UInt8(ascii: ">") {
      endTag(into: &set)
    } else if HTMLElement.isBlank(byte) || byte == UInt8(ascii: "/") {
      state = .beforeAttribute
    } else {
      addToName(Token.lowercased(byte))
    }
  }

  private mutating func endTag(into set: inout TokenSet) {
    state = .text
    let kind = HTMLElement.named(element)
    if !isClosing {
      set.insert(Token.finished(nameToken))
      if kind.contains(.isForeign) { hasForeign = true }
      if kind.contains(.isRaw) {
        (state, raw) = (.raw, RawText(element))
        isRawText = kind.contains(.isText) || hasForeign
        rawHasReferences = kind.contains(.hasReferences)
      }
    }
    if kind.contains(.separates) { words.take(UInt8(ascii: " "), into: &set) }
  }

  // MARK: Attributes

  private mutating func takeAttribute(_ byte: UInt8, into set: inout TokenSet) {
    switch byte {
    case UInt8(ascii: ">"): endTag(into: &set)
    case UInt8(ascii: "=") where state != .beforeAttribute: state = .beforeValue
    case UInt8(ascii: "/"): state = .beforeAttribute
    case _ where HTMLElement.isBlank(byte): if state == .attribute { state = .afterAttribute }
    default:
      if state != .attribute { (state, length, attributeToken) = (.attribute, 0, Token.Place.markup.rawValue) }
      if length < Self.nameLimit { attributeToken = Token.adding(Token.lowercased(byte), to: attributeToken) }
      length += 1
    }
  }

  private mutating func beginValue(_ byte: UInt8, into set: inout TokenSet) {
    if HTMLElement.isBlank(byte) { return }
    if byte == UInt8(ascii: ">") { return endTag(into: &set) }
    value.removeAll(keepingCapacity: true)
    state = .value
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
      quote = byte
    } else {
      quote = 0
      value.append(byte)
    }
  }

  private mutating func takeValue(_ byte: UInt8, into set: inout TokenSet) {
    if quote == 0 ? HTMLElement.isBlank(byte) || byte == UInt8(ascii: ">") : byte == quote {
      endValue(into: &set)
      state = .beforeAttribute
      if quote == 0, byte == UInt8(ascii: ">") { endTag(into: &set) }
    } else if value.count < Self.valueLimit {
      value.append(byte)
    }
  }

  private mutating func endValue(into set: inout TokenSet) {
    guard !isClosing, !value.isEmpty else { return }
    if value.contains(UInt8(ascii: "&")) { value = CharacterReference.decoded(value) }
    if let colon = value.prefix(8).firstIndex(of: UInt8(ascii: ":")), value[colon...].starts(with: Self.schemeEnd) {
      // Line ends and tabs are no part of a link, wherever they stand.
      value.removeAll { $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
      let start = value.firstIndex(of: UInt8(ascii: ":")) ?? 0
      LinkScanner.tokens(of: value[min(start + Self.schemeEnd.count, value.count)...], into: &set)
    } else if value.count > 7, value.prefix(7).map(Token.lowercased) == Self.mailto {
      mark("mailto", into: &set)
      if let at = value.firstIndex(of: UInt8(ascii: "@")) {
        let domain = value[(at + 1)...].prefix { $0 != UInt8(ascii: "?") }
        LinkScanner.hostTokens(of: domain, place: Token.Place.link.rawValue, into: &set)
      }
    } else if value.count <= 40 {
      let hash = Token.adding(UInt8(ascii: "="), to: attributeToken)
      set.insert(Token.finished(Token.addingLowercased(value, to: hash)))
    }
  }

  private static let schemeEnd = Array("://".utf8)
  private static let mailto = Array("mailto:".utf8)

  private func mark(_ name: StaticString, into set: inout TokenSet) {
    let hash = name.withUTF8Buffer { Token.adding($0, to: Token.Place.markup.rawValue) }
    set.insert(Token.finished(Token.adding(number: 7, to: hash)))
  }

  // MARK: Comments

  private mutating func takeDeclaration(_ byte: UInt8, into set: inout TokenSet) {
    if byte != UInt8(ascii: "-") {
      state = .bogus
      takeBogus(byte, into: &set)
    } else if dashes == 0 {
      dashes = 1
    } else {
      (state, dashes, isBare, hasBang) = (.comment, 0, true, false)
    }
  }

  /// `<!--`, and at once or anywhere behind it its end: `>` where there are but dashes, else `-->` or `--!>`.
  private mutating func takeComment(_ byte: UInt8, into set: inout TokenSet) {
    if byte == UInt8(ascii: ">"), isBare || dashes >= 2 || hasBang {
      state = .text
      mark("!--", into: &set)
      return
    }
    hasBang = byte == UInt8(ascii: "!") && dashes >= 2
    isBare = isBare && byte == UInt8(ascii: "-")
    dashes = byte == UInt8(ascii: "-") ? dashes + 1 : 0
  }

  /// A declaration, a processing instruction, or an end tag that is none: all a comment up to the next `>`.
  private mutating func takeBogus(_ byte: UInt8, into set: inout TokenSet) {
    if byte == UInt8(ascii: ">") {
      state = .text
    } else if hasForeign {
      words.take(byte, into: &set)
    }
  }
}
