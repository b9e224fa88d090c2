/// Takes HTML apart, in pieces of any size: its text goes to the words, of its markup some things are tokens.
///
///     text ──<──▶ tag ──▶ attributes ──>──▶ text          <!-- comment -->: nothing of it counts but that it is there
///      │
///      └─ & ──▶ entity ; ──▶ its character                <script>, <style>: nothing to their ends
///
/// Any bytes are HTML. Nothing is kept but the name under way and one value (bounded).
struct HTMLScanner {
  private enum State {
    case text, entity
    case open, name, closing
    case between, attribute, afterAttribute, beforeValue, value
    case declaration, comment
  }

  private static let nameLimit = 16
  private static let valueLimit = 400
  private static let entityLimit = 10

  private var state = State.text
  private var words = WordScanner(.text)
  /// The name of the tag under way, in lower case.
  private var tag: [UInt8] = []
  private var isClosing = false
  private var attribute: [UInt8] = []
  private var value: [UInt8] = []
  private var quote: UInt8 = 0
  private var entity: [UInt8] = []
  private var dashes = 0
  /// The element whose content is no text, until it is closed.
  private var silent: [UInt8] = []

  mutating func append(_ bytes: UnsafeRawBufferPointer, into set: inout TokenSet) {
    for byte in bytes { take(byte, into: &set) }
  }

  mutating func append(_ bytes: some Sequence<UInt8>, into set: inout TokenSet) {
    for byte in bytes { take(byte, into: &set) }
  }

  mutating func end(into set: inout TokenSet) {
    if state == .entity { endEntity(into: &set) }
    words.end(into: &set)
  }

  @inline(__always)
  private mutating func take(_ byte: UInt8, into set: inout TokenSet) {
    if state == .text {
      switch byte {
      case UInt8(ascii: "<"): state = .open
      case UInt8(ascii: "&") where silent.isEmpty:
        state = .entity
        entity.removeAll(keepingCapacity: true)
      default: if silent.isEmpty { words.take(byte, into: &set) }
      }
    } else {
      takeMarkup(byte, into: &set)
    }
  }

  private mutating func takeMarkup(_ byte: UInt8, into set: inout TokenSet) {
    switch state {
    case .text: break
    case .entity: takeEntity(byte, into: &set)
    case .open: takeOpen(byte, into: &set)
    case .closing, .name: takeName(byte, into: &set)
    case .between, .attribute, .afterAttribute: takeAttribute(byte, into: &set)
    case .beforeValue: beginValue(byte, into: &set)
    case .value: takeValue(byte, into: &set)
    case .declaration:
      if byte == UInt8(ascii: "-") {
        dashes += 1
        if dashes == 2 { (state, dashes) = (.comment, 0) }
      } else if byte == UInt8(ascii: ">") {
        state = .text
      } else {
        dashes = 0
      }
    case .comment:
      if byte == UInt8(ascii: ">"), dashes >= 2 {
        state = .text
        mark("!--", into: &set)
      }
      dashes = byte == UInt8(ascii: "-") ? dashes + 1 : 0
    }
  }

  // MARK: Tags

  private mutating func takeOpen(_ byte: UInt8, into set: inout TokenSet) {
    isClosing = false
    tag.removeAll(keepingCapacity: true)
    let letter = Token.lowercased(byte)
    switch byte {
    case UInt8(ascii: "/"):
      isClosing = true
      state = .closing
    case UInt8(ascii: "!"): (state, dashes) = (.declaration, 0)
    case UInt8(ascii: "?"): (state, dashes) = (.declaration, -1_000_000)
    case _ where letter &- 97 < 26:
      tag.append(letter)
      state = .name
    default:
      // No tag begins so: it was a character.
      state = .text
      if silent.isEmpty {
        words.take(UInt8(ascii: "<"), into: &set)
        words.take(byte, into: &set)
      }
    }
  }

  private mutating func takeName(_ byte: UInt8, into set: inout TokenSet) {
    switch byte {
    case UInt8(ascii: ">"): endTag(into: &set)
    case 0...32, UInt8(ascii: "/"): if !tag.isEmpty { (state, attribute) = (.between, []) }
    default:
      if tag.count < Self.nameLimit { tag.append(Token.lowercased(byte)) }
      state = .name
    }
  }

  private mutating func endTag(into set: inout TokenSet) {
    state = .text
    if isClosing {
      if tag == silent { silent.removeAll(keepingCapacity: true) }
    } else if silent.isEmpty {
      set.insert(Token.finished(Token.adding(tag, to: Token.Place.markup.rawValue)))
      if tag == Self.script || tag == Self.style { silent = tag }
    }
    // Only what stands inside a line may stand inside a word.
    if silent.isEmpty, !Self.inline.contains(tag) { words.take(UInt8(ascii: " "), into: &set) }
  }

  private static let script = Array("script".utf8)
  private static let style = Array("style".utf8)
  private static let inline = Set(
    ["a", "b", "i", "u", "s", "em", "strong", "font", "span", "big", "small", "sub", "sup", "tt"].map { Array($0.utf8) }
  )

  // MARK: Attributes

  private mutating func takeAttribute(_ byte: UInt8, into set: inout TokenSet) {
    switch byte {
    case UInt8(ascii: ">"): endTag(into: &set)
    case UInt8(ascii: "=") where state != .between: state = .beforeValue
    case 0...32: if state == .attribute { state = .afterAttribute }
    case UInt8(ascii: "/"): state = .between
    default:
      if state != .attribute {
        attribute.removeAll(keepingCapacity: true)
        state = .attribute
      }
      if attribute.count < Self.nameLimit { attribute.append(Token.lowercased(byte)) }
    }
  }

  private mutating func beginValue(_ byte: UInt8, into set: inout TokenSet) {
    switch byte {
    case 0...32: return
    case UInt8(ascii: ">"): return endTag(into: &set)
    case UInt8(ascii: "\""), UInt8(ascii: "'"): quote = byte
    default: quote = 0
    }
    value.removeAll(keepingCapacity: true)
    if quote == 0 { value.append(byte) }
    state = .value
  }

  private mutating func takeValue(_ byte: UInt8, into set: inout TokenSet) {
    if quote == 0 ? byte <= 32 || byte == UInt8(ascii: ">") : byte == quote {
      endValue(into: &set)
      state = .between
      if quote == 0, byte == UInt8(ascii: ">") { endTag(into: &set) }
    } else if value.count < Self.valueLimit {
      value.append(byte)
    }
  }

  private mutating func endValue(into set: inout TokenSet) {
    guard silent.isEmpty, !isClosing, !value.isEmpty else { return }
    let bytes = value[...]
    if let place = bytes.firstRange(of: Self.schemeEnd), place.lowerBound < 8 {
      LinkScanner.tokens(of: bytes[place.upperBound...], into: &set)
    } else if bytes.count > 7, bytes.prefix(7).map(Token.lowercased) == Self.mailto {
      mark("mailto", into: &set)
      if let at = bytes.firstIndex(of: UInt8(ascii: "@")) {
        let domain = bytes[(at + 1)...].prefix { $0 != UInt8(ascii: "?") }
        LinkScanner.hostTokens(of: domain, place: Token.Place.link.rawValue, into: &set)
      }
    } else if bytes.count <= 40 {
      var hash = Token.adding(attribute, to: Token.Place.markup.rawValue)
      hash = Token.adding(UInt8(ascii: "="), to: hash)
      set.insert(Token.finished(Token.addingLowercased(bytes, to: hash)))
    }
  }

  private static let schemeEnd = Array("://".utf8)
  private static let mailto = Array("mailto:".utf8)

  private func mark(_ name: StaticString, into set: inout TokenSet) {
    let hash = name.withUTF8Buffer { Token.adding($0, to: Token.Place.markup.rawValue) }
    set.insert(Token.finished(Token.adding(number: 7, to: hash)))
  }

  // MARK: Entities

  private mutating func takeEntity(_ byte: UInt8, into set: inout TokenSet) {
    let letter = Token.lowercased(byte)
    if letter &- 97 < 26 || byte &- 48 < 10 || byte == UInt8(ascii: "#"), entity.count < Self.entityLimit {
      entity.append(byte)
      return
    }
    endEntity(into: &set)
    if byte != UInt8(ascii: ";") { take(byte, into: &set) }
  }

  private mutating func endEntity(into set: inout TokenSet) {
    state = .text
    guard let scalar = Self.scalar(entity) else {
      // Not known: as it stands.
      words.take(UInt8(ascii: "&"), into: &set)
      for byte in entity { words.take(byte, into: &set) }
      return
    }
    if let encoded = UTF8.encode(scalar) { for byte in encoded { words.take(byte, into: &set) } }
  }

  private static func scalar(_ entity: [UInt8]) -> Unicode.Scalar? {
    if entity.first == UInt8(ascii: "#") {
      let isHex = entity.count > 1 && Token.lowercased(entity[1]) == UInt8(ascii: "x")
      let digits = String(decoding: entity.dropFirst(isHex ? 2 : 1), as: UTF8.self)
      return UInt32(digits, radix: isHex ? 16 : 10).flatMap(Unicode.Scalar.init)
    }
    return named[entity]
  }

  /// Those that stand for more than decoration.
  private static let named: [[UInt8]: Unicode.Scalar] = {
    let names: [(String, Unicode.Scalar)] = [
      ("nbsp", " "), ("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("euro", "€"),
      ("rsquo", "'"), ("lsquo", "'"), ("shy", "\u{AD}"), ("zwnj", "\u{200C}"), ("zwj", "\u{200D}"),
      ("auml", "ä"), ("ouml", "ö"), ("uuml", "ü"), ("Auml", "Ä"), ("Ouml", "Ö"), ("Uuml", "Ü"), ("szlig", "ß"),
      ("eacute", "é"), ("egrave", "è"), ("ecirc", "ê"), ("agrave", "à"), ("aacute", "á"), ("acirc", "â"),
      ("ccedil", "ç"), ("ntilde", "ñ"), ("oacute", "ó"), ("iacute", "í"), ("uacute", "ú"), ("ocirc", "ô"),
      ("icirc", "î"), ("ugrave", "ù"), ("oslash", "ø"), ("aring", "å"), ("aelig", "æ"),
    ]
    return Dictionary(uniqueKeysWithValues: names.map { (Array($0.0.utf8), $0.1) })
  }()
}

extension ArraySlice<UInt8> {
  /// Where the bytes first stand.
  fileprivate func firstRange(of bytes: [UInt8]) -> Range<Int>? {
    guard let first = bytes.first, count >= bytes.count else { return nil }
    for start in startIndex...(endIndex - bytes.count)
    where self[start] == first && self[start..<(start + bytes.count)].elementsEqual(bytes) {
      return start..<(start + bytes.count)
    }
    return nil
  }
}
