/// Reads encoded words; see ``EncodedWord/decode(_:)``.
struct EncodedWordDecoder {
  /// Beyond so many words in one field the rest stays as it is: setting up a character set costs more than its octets.
  private static let limit = 2000
  private static let charsetLimit = 64

  private let input: [UInt8]
  private var output: [UInt8] = []
  private var words = 0
  /// Octets of encoded words of one character set, one behind the other: senders split characters between words.
  private var pending: (charset: [UInt8], bytes: [UInt8])?

  private struct Word {
    var charset: [UInt8]
    var bytes: [UInt8]
    var end: Int
  }

  static func decode(_ bytes: [UInt8]) -> String {
    guard bytes.contains(UInt8(ascii: "=")) || bytes.contains(where: { $0 >= 128 }) else {
      return String(decoding: bytes, as: UTF8.self)
    }
    var decoder = EncodedWordDecoder(input: bytes)
    decoder.run()
    return String(decoding: decoder.output, as: UTF8.self)
  }

  private init(input: [UInt8]) { self.input = input }

  private mutating func run() {
    var index = 0
    var blanks: Range<Int>?
    while index < input.count {
      let byte = input[index]
      if let word = word(at: index) {
        // RFC 2047 §6.2: white space between two encoded words is not shown.
        if let between = blanks, pending == nil { output += input[between] }
        blanks = nil
        take(word)
        index = word.end
      } else if ASCII.isSpace(byte) {
        let start = index
        while index < input.count, ASCII.isSpace(input[index]) { index += 1 }
        blanks = start..<index
      } else {
        flush()
        if let between = blanks { output += input[between] }
        blanks = nil
        output.append(byte)
        index += 1
      }
    }
    flush()
    if let between = blanks { output += input[between] }
  }

  private mutating func take(_ word: Word) {
    words += 1
    if let same = pending, same.charset == word.charset {
      pending?.bytes += word.bytes
    } else {
      flush()
      pending = (word.charset, word.bytes)
    }
  }

  private mutating func flush() {
    guard let (charset, bytes) = pending else { return }
    pending = nil
    output += Charset.decode(bytes, as: String(decoding: charset, as: UTF8.self), limit: bytes.count).utf8
  }

  /// The encoded word that begins here: `=?charset*language?B?text?=`.
  private func word(at start: Int) -> Word? {
    guard words < EncodedWordDecoder.limit, start + 8 <= input.count, input[start] == UInt8(ascii: "="),
      input[start + 1] == UInt8(ascii: "?")
    else { return nil }
    var index = start + 2
    let charsetEnd = min(input.count, index + EncodedWordDecoder.charsetLimit)
    while index < charsetEnd, input[index] != UInt8(ascii: "?"), input[index] > 32 { index += 1 }
    guard index > start + 2, index + 3 < input.count, input[index] == UInt8(ascii: "?"),
      input[index + 2] == UInt8(ascii: "?")
    else { return nil }
    // RFC 2231 §5: a language may follow the character set.
    let charset = input[(start + 2)..<index].prefix { $0 != UInt8(ascii: "*") }
    let encoding = ASCII.upper(input[index + 1])
    index += 3
    let textStart = index
    while index < input.count, input[index] != UInt8(ascii: "?"), input[index] != ASCII.lf { index += 1 }
    guard index + 1 < input.count, input[index] == UInt8(ascii: "?"), input[index + 1] == UInt8(ascii: "=") else {
      return nil
    }
    guard let bytes = EncodedWordDecoder.decode(input[textStart..<index], encoding) else { return nil }
    return Word(charset: ASCII.lowercased(charset), bytes: bytes, end: index + 2)
  }

  private static func decode(_ text: ArraySlice<UInt8>, _ encoding: UInt8) -> [UInt8]? {
    switch encoding {
    case UInt8(ascii: "B"):
      var bytes: [UInt8] = []
      var decoder = Base64Decoder()
      decoder.decode(text, into: &bytes)
      _ = decoder.finish(into: &bytes)
      return bytes
    case UInt8(ascii: "Q"): return q(text)
    default: return nil
    }
  }

  /// RFC 2047 §4.2.
  private static func q(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      let byte = text[index]
      if byte == UInt8(ascii: "="), index + 2 < text.endIndex, let high = ASCII.hexValue(text[index + 1]),
        let low = ASCII.hexValue(text[index + 2])
      {
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(byte == UInt8(ascii: "_") ? ASCII.space : byte)
        index += 1
      }
    }
    return bytes
  }
}
