/// What the grammars of mail say about single octets.
enum ASCII {
  static let nul: UInt8 = 0
  static let tab: UInt8 = 9
  static let lf: UInt8 = 10
  static let cr: UInt8 = 13
  static let space: UInt8 = 32
  static let quote: UInt8 = 34
  static let backslash: UInt8 = 92

  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
  @inline(__always) static func isSpace(_ byte: UInt8) -> Bool { isBlank(byte) || byte == cr || byte == lf }
  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
  @inline(__always) static func isLetter(_ byte: UInt8) -> Bool { (byte | 32) &- 97 < 26 }
  @inline(__always) static func lower(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }
  @inline(__always) static func upper(_ byte: UInt8) -> UInt8 { byte &- 97 < 26 ? byte & 0xDF : byte }

  static func equalIgnoringCase(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> Bool {
    var other = b.makeIterator()
    for byte in a {
      guard let next = other.next(), lower(byte) == lower(next) else { return false }
    }
    return other.next() == nil
  }

  /// Text in lower case, A–Z only.
  static func lowercased(_ bytes: some Sequence<UInt8>) -> [UInt8] { bytes.map(lower) }

  /// Without white space and line ends at both ends.
  static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var slice = bytes
    while let first = slice.first, isSpace(first) { slice.removeFirst() }
    while let last = slice.last, isSpace(last) { slice.removeLast() }
    return slice
  }

  /// Whether an octet is above 127, eight at a time.
  static func has8Bit(_ raw: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    var seen: UInt64 = 0
    while index &+ 8 <= raw.count {
      seen |= raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      index &+= 8
    }
    while index < raw.count {
      seen |= UInt64(raw[index])
      index &+= 1
    }
    return seen & 0x8080_8080_8080_8080 != 0
  }

  static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }

  static let hexDigits: [UInt8] = Array("0123456789ABCDEF".utf8)
}
