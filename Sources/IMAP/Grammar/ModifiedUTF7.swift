/// The encoding of mailbox names in IMAP4rev1 (RFC 3501 §5.1.3; RFC 9051 appendix A.1).
///
/// Only the one right form of a name is accepted: no printable ASCII inside the shifted part, no null shift, no
/// superfluous shift, no half of a surrogate pair, no left-over bits.
enum ModifiedUTF7 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

  private static func isDirect(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x20 && scalar.value <= 0x7E }

  static func encode(_ name: String) -> [UInt8] {
    var result: [UInt8] = []
    var pending: [UInt16] = []
    for scalar in name.unicodeScalars {
      if isDirect(scalar) {
        shift(&pending, into: &result)
        result.append(UInt8(truncatingIfNeeded: scalar.value))
        if scalar == "&" { result.append(UInt8(ascii: "-")) }
      } else {
        pending.append(contentsOf: UTF16.encode(scalar) ?? .init())
      }
    }
    shift(&pending, into: &result)
    return result
  }

  private static func shift(_ units: inout [UInt16], into result: inout [UInt8]) {
    guard !units.isEmpty else { return }
    result.append(UInt8(ascii: "&"))
    var bits: UInt32 = 0
    var count = 0
    for unit in units {
      bits = bits << 16 | UInt32(unit)
      count += 16
      while count >= 6 {
        count -= 6
        result.append(alphabet[Int(bits >> UInt32(count) & 0x3F)])
      }
      bits &= (1 << UInt32(count)) - 1
    }
    if count > 0 { result.append(alphabet[Int(bits << UInt32(6 - count) & 0x3F)]) }
    result.append(UInt8(ascii: "-"))
    units.removeAll(keepingCapacity: true)
  }

  /// The name that the octets encode; nil if they are not the one right form of a name.
  static func decode(_ octets: some Collection<UInt8>) -> String? {
    var scalars = String.UnicodeScalarView()
    var index = octets.startIndex
    var justShifted = false
    while index < octets.endIndex {
      let octet = octets[index]
      octets.formIndex(after: &index)
      guard octet >= 0x20, octet <= 0x7E else { return nil }
      guard octet == UInt8(ascii: "&") else {
        scalars.append(Unicode.Scalar(octet))
        justShifted = false
        continue
      }
      guard let end = octets[index...].firstIndex(of: UInt8(ascii: "-")) else { return nil }
      let shifted = octets[index..<end]
      index = octets.index(after: end)
      if shifted.isEmpty {
        scalars.append("&")
        justShifted = false
        continue
      }
      guard !justShifted, let decoded = decodeShifted(shifted) else { return nil }
      scalars.append(contentsOf: decoded)
      justShifted = true
    }
    return String(scalars)
  }

  private static func decodeShifted(_ digits: some Collection<UInt8>) -> String.UnicodeScalarView? {
    var units: [UInt16] = []
    var bits: UInt32 = 0
    var count: UInt32 = 0
    for digit in digits {
      guard let value = value(of: digit) else { return nil }
      bits = bits << 6 | value
      count += 6
      if count >= 16 {
        count -= 16
        units.append(UInt16(truncatingIfNeeded: bits >> count))
        bits &= (1 << count) - 1
      }
    }
    guard count < 6, bits == 0, !units.isEmpty else { return nil }
    var scalars = String.UnicodeScalarView()
    var decoder = UTF16()
    var iterator = units.makeIterator()
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar):
        guard !isDirect(scalar) else { return nil }
        scalars.append(scalar)
      case .emptyInput: return scalars
      case .error: return nil
      }
    }
  }

  private static func value(of digit: UInt8) -> UInt32? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: ","): 63
    default: nil
    }
  }
}
