/// Walking over bytes that should be UTF-8.
enum UTF8Scan {
  /// The character at `index` and its length, or nil if no well-formed one begins there (RFC 3629 §4).
  static func scalar(in bytes: ArraySlice<UInt8>, at index: Int) -> (scalar: Unicode.Scalar, length: Int)? {
    let first = bytes[index]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let length: Int
    var value: UInt32
    var minimum: UInt32
    switch first {
    case 0xC2...0xDF: (length, value, minimum) = (2, UInt32(first & 0x1F), 0x80)
    case 0xE0...0xEF: (length, value, minimum) = (3, UInt32(first & 0x0F), 0x800)
    case 0xF0...0xF4: (length, value, minimum) = (4, UInt32(first & 0x07), 0x10000)
    default: return nil
    }
    guard length <= bytes.endIndex - index else { return nil }
    for offset in 1..<length {
      let byte = bytes[index + offset]
      guard byte & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    guard value >= minimum, let scalar = Unicode.Scalar(value) else { return nil }
    return (scalar, length)
  }

  static func isValid(_ bytes: some Sequence<UInt8>) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  /// How many octets at the end may be the beginning of a character that is not complete: 0 to 3.
  static func incompleteTail(of bytes: ArraySlice<UInt8>) -> Int {
    var index = bytes.endIndex
    var tail = 0
    while index > bytes.startIndex, tail < 3 {
      index -= 1
      tail += 1
      let byte = bytes[index]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1
      return length > tail ? tail : 0
    }
    return 0
  }
}
