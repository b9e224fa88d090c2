/// Puts a parameter together that RFC 2231 allows to be in pieces and in other character sets.
enum ParameterDecoder {
  /// More pieces of one parameter than this are ignored.
  private static let pieceLimit = 100

  /// One `name*2*=value`.
  private struct Piece {
    var index: Int
    var isEncoded: Bool
    var value: [UInt8]
  }

  static func decode(_ parameters: [MIMEParameter], name: [UInt8]) -> String? {
    var plain: [UInt8]?
    var whole: [UInt8]?
    var pieces: [Piece] = []
    for parameter in parameters {
      guard let suffix = suffix(of: Array(parameter.name.utf8), after: name) else { continue }
      switch suffix {
      case []: plain = plain ?? parameter.value
      case ["*"]: whole = whole ?? parameter.value
      default:
        let isEncoded = suffix.last == "*" && suffix.count > 2
        if let index = index(of: isEncoded ? suffix.dropLast() : suffix[...]), pieces.count < pieceLimit {
          pieces.append(Piece(index: index, isEncoded: isEncoded, value: parameter.value))
        }
      }
    }
    if let whole { return join([Piece(index: 0, isEncoded: true, value: whole)]) }
    let ordered = continuous(pieces)
    if !ordered.isEmpty { return join(ordered) }
    return plain.map { EncodedWord.decode($0) }
  }

  /// What follows the name: nothing, `*`, `*1` or `*1*`. nil if it is another parameter.
  private static func suffix(of full: [UInt8], after name: [UInt8]) -> [Character]? {
    guard full.count >= name.count, ASCII.equalIgnoringCase(full[..<name.count], name) else { return nil }
    let rest = full[name.count...]
    guard rest.isEmpty || rest.first == UInt8(ascii: "*") else { return nil }
    return rest.map { Character(Unicode.Scalar($0)) }
  }

  /// `*12` → 12
  private static func index(of suffix: ArraySlice<Character>) -> Int? {
    guard suffix.count < 6 else { return nil }
    return Int(String(suffix.dropFirst()))
  }

  /// The pieces 0, 1, 2, … as far as none is missing (RFC 2231 §3). The first of two equal numbers counts.
  private static func continuous(_ pieces: [Piece]) -> [Piece] {
    var result: [Piece] = []
    for piece in pieces.sorted(by: { $0.index < $1.index }) where piece.index == result.count { result.append(piece) }
    return result
  }

  private static func join(_ pieces: [Piece]) -> String {
    var charset = ""
    var bytes: [UInt8] = []
    for (position, piece) in pieces.enumerated() {
      var value = piece.value[...]
      // RFC 2231 §4.1: only the first piece says charset'language'.
      if position == 0, piece.isEncoded, let (name, rest) = split(value) {
        charset = name
        value = rest
      }
      bytes += piece.isEncoded ? percentDecoded(value) : Array(value)
    }
    return Charset.decode(bytes, as: charset.isEmpty ? "utf-8" : charset, limit: bytes.count)
  }

  private static func split(_ value: ArraySlice<UInt8>) -> (charset: String, rest: ArraySlice<UInt8>)? {
    let quote = UInt8(ascii: "'")
    guard let first = value.firstIndex(of: quote), let second = value[(first + 1)...].firstIndex(of: quote) else {
      return nil
    }
    return (String(decoding: value[..<first], as: UTF8.self), value[(second + 1)...])
  }

  private static func percentDecoded(_ value: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var index = value.startIndex
    while index < value.endIndex {
      if value[index] == UInt8(ascii: "%"), index + 2 < value.endIndex, let high = ASCII.hexValue(value[index + 1]),
        let low = ASCII.hexValue(value[index + 2])
      {
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(value[index])
        index += 1
      }
    }
    return result
  }
}
