/// Writes encoded words; see ``EncodedWord/encode(_:)``.
enum EncodedWordEncoder {
  /// RFC 2047 §2: an encoded word has at most 75 characters, 12 of which are `=?utf-8?B?` and `?=`.
  private static let payload = 63
  /// A line may not be longer than 998 octets (RFC 5322 §2.1.1); a word that would come near is split by encoding it.
  private static let wordLimit = 900

  static func unstructured(_ text: String) -> [UInt8] {
    let bytes = withoutControls(text)
    return isPlain(bytes) ? bytes : words(bytes, inPhrase: false)
  }

  static func phrase(_ text: String) -> [UInt8] {
    let bytes = withoutControls(text)
    guard isPlain(bytes) else { return words(bytes, inPhrase: true) }
    let isAtoms = !bytes.isEmpty && bytes.allSatisfy { AddrSpec.isAtext($0) || $0 == ASCII.space }
    if isAtoms, bytes.first != ASCII.space, bytes.last != ASCII.space { return bytes }
    return quoted(bytes)
  }

  static func quoted(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [ASCII.quote]
    for byte in bytes {
      if byte == ASCII.quote || byte == ASCII.backslash { result.append(ASCII.backslash) }
      result.append(byte)
    }
    return result + [ASCII.quote]
  }

  /// Control characters as spaces: nothing in a text may end a field.
  static func withoutControls(_ text: String) -> [UInt8] { text.utf8.map { $0 < 32 || $0 == 127 ? ASCII.space : $0 } }

  /// Printable ASCII that no reader could take for encoded words.
  private static func isPlain(_ bytes: [UInt8]) -> Bool {
    var previous: UInt8 = 0
    var length = 0
    for byte in bytes {
      if byte >= 128 || (previous == UInt8(ascii: "=") && byte == UInt8(ascii: "?")) { return false }
      length = byte == ASCII.space ? 0 : length + 1
      if length > wordLimit { return false }
      previous = byte
    }
    return true
  }

  private static func words(_ bytes: [UInt8], inPhrase: Bool) -> [UInt8] {
    let escapes = bytes.reduce(0) { isLiteral($1, inPhrase: inPhrase) ? $0 : $0 + 1 }
    let usesQ = escapes * 3 <= bytes.count
    var result: [UInt8] = []
    var word: [UInt8] = []
    var width = 0
    func close() {
      if word.isEmpty { return }
      if !result.isEmpty { result.append(ASCII.space) }
      result += Array((usesQ ? "=?utf-8?Q?" : "=?utf-8?B?").utf8)
      result += usesQ ? word : Base64.encode(word)
      result += Array("?=".utf8)
      (word, width) = ([], 0)
    }
    var index = 0
    while index < bytes.count {
      // RFC 2047 §5: a character is never split between two words.
      let length = UTF8Scan.scalar(in: bytes[...], at: index)?.length ?? 1
      let character = bytes[index..<(index + length)]
      let encoded = usesQ ? q(character, inPhrase: inPhrase) : Array(character)
      let limit = usesQ ? payload : payload / 4 * 3
      if width + encoded.count > limit { close() }
      word += encoded
      width += encoded.count
      index += length
    }
    close()
    return result
  }

  private static func q(_ character: ArraySlice<UInt8>, inPhrase: Bool) -> [UInt8] {
    character.flatMap { byte in
      if byte == ASCII.space { return [UInt8(ascii: "_")] }
      return isLiteral(byte, inPhrase: inPhrase) ? [byte] : QuotedPrintable.escaped(byte)
    }
  }

  /// RFC 2047 §4.2, and for phrases the smaller set of §5 (3).
  private static func isLiteral(_ byte: UInt8, inPhrase: Bool) -> Bool {
    if ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == ASCII.space { return true }
    switch byte {
    case UInt8(ascii: "!"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "/"): return true
    case UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "_"): return false
    default: return !inPhrase && byte > 32 && byte < 127
    }
  }
}
