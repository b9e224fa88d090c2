/// Reads the lexical units of structured header fields (RFC 5322 §3.2, with §4.1 and §4.2): comments, quoted
/// strings, atoms.
///
/// It only moves forward, so everything built on it is linear in the length of the field.
struct StructuredText {
  let bytes: [UInt8]
  var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func advance() { position += 1 }

  /// Takes this octet if it comes next.
  mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  /// Skips white space, line ends and comments; returns the text of the last comment.
  @discardableResult
  mutating func skipBlanksAndComments() -> [UInt8]? {
    var last: [UInt8]?
    while let byte = next {
      if ASCII.isSpace(byte) {
        position += 1
      } else if byte == UInt8(ascii: "(") {
        last = comment()
      } else {
        break
      }
    }
    return last
  }

  /// At `(`: the comment's text, its quoted pairs resolved, nested comments with their parentheses. One that is not
  /// closed reaches to the end.
  mutating func comment() -> [UInt8] {
    var text: [UInt8] = []
    var depth = 0
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "("):
        if depth > 0 { text.append(byte) }
        depth += 1
      case UInt8(ascii: ")"):
        depth -= 1
        if depth == 0 { return text }
        text.append(byte)
      case ASCII.backslash:
        if let quoted = quotedOctet() { text.append(quoted) }
      case ASCII.cr, ASCII.lf: break
      default: text.append(byte)
      }
    }
    return text
  }

  /// At `"`: the string's content, its quoted pairs resolved, line ends dropped. One that is not closed reaches to
  /// the end.
  mutating func quotedString() -> [UInt8] {
    var text: [UInt8] = []
    position += 1
    while let byte = next {
      position += 1
      switch byte {
      case ASCII.quote: return text
      case ASCII.backslash:
        if let quoted = quotedOctet() { text.append(quoted) }
      case ASCII.cr, ASCII.lf: break
      default: text.append(byte)
      }
    }
    return text
  }

  /// Behind a backslash: the octet that it quotes. A line end ends the field's line all the same, and is no text.
  private mutating func quotedOctet() -> UInt8? {
    guard let quoted = next, quoted != ASCII.cr, quoted != ASCII.lf else { return nil }
    position += 1
    return quoted
  }

  /// The octets up to the first that is not wanted.
  mutating func take(while isWanted: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    let start = position
    while let byte = next, isWanted(byte) { position += 1 }
    return bytes[start..<position]
  }

  /// A token of MIME (RFC 2045 §5.1); empty if none is next.
  mutating func token() -> ArraySlice<UInt8> { take(while: StructuredText.isTokenOctet) }

  static func isTokenOctet(_ byte: UInt8) -> Bool {
    guard byte > 32, byte < 127 else { return false }
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "@"),
      UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "\\"), UInt8(ascii: "\""),
      UInt8(ascii: "/"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "?"), UInt8(ascii: "="):
      return false
    default: return true
    }
  }
}
