/// The work behind ``displayable(_:limit:)``.
enum Display {
  static func escape(_ bytes: [UInt8], limit: Int) -> String {
    var result = ""
    var shown = 0
    var index = 0
    while index < bytes.count {
      if shown >= limit { return result + "…" }
      shown += 1
      guard let (scalar, length) = UTF8Scan.scalar(in: bytes[...], at: index) else {
        result += hex(UInt32(bytes[index]), width: 2, before: "\\x", after: "")
        index += 1
        continue
      }
      if let escape = escape(scalar) { result += escape } else { result.unicodeScalars.append(scalar) }
      index += length
    }
    return result
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String? {
    switch scalar.value {
    case 0x0A: "\\n"
    case 0x0D: "\\r"
    case 0x09: "\\t"
    case 0x5C: "\\\\"
    case 0x00...0x1F, 0x7F: hex(scalar.value, width: 2, before: "\\x", after: "")
    case 0x80...0x9F,  // C1
      0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x206F,  // bidirectional and deprecated format controls
      0x200B...0x200D, 0x2060...0x2064, 0xFEFF,  // invisible: two names that look alike would differ
      0x2028, 0x2029, 0xFFF9...0xFFFB, 0xE0000...0xE0FFF:
      hex(scalar.value, width: 4, before: "\\u{", after: "}")
    default: nil
    }
  }

  private static func hex(_ value: UInt32, width: Int, before: String, after: String) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return before + String(repeating: "0", count: max(0, width - digits.count)) + digits + after
  }
}
