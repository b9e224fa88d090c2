/// `xtext` (RFC 3461 §4): printable ASCII in which `+`, `=` and everything else is written `+HH`.
public enum Xtext {
  /// The octets that an xtext stands for; `nil` where it is malformed.
  public static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var rest = text
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+") {
        guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
          return nil
        }
        result.append(high << 4 | low)
      } else if (33...126).contains(byte), byte != UInt8(ascii: "=") {
        result.append(byte)
      } else {
        return nil
      }
    }
    return result
  }

  /// Octets as xtext, with upper-case hexadecimal digits as the grammar demands.
  public static func encode(_ octets: some Sequence<UInt8>) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for octet in octets {
      if (33...126).contains(octet), octet != UInt8(ascii: "+"), octet != UInt8(ascii: "=") {
        result.append(octet)
      } else {
        result += [UInt8(ascii: "+"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
      }
    }
    return result
  }

  /// Lower-case digits are not in the grammar, but harmless: they are read too.
  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
