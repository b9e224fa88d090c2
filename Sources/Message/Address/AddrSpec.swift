import Platform

/// The grammar of an address on its own: RFC 5321 §4.1.2 with the UTF-8 of RFC 6531 §3.3.
enum AddrSpec {
  /// RFC 5321 §4.5.3.1.1 says 64; some senders' generated bounce addresses are longer.
  static let localPartLimit = 256
  /// RFC 5321 §4.5.3.1.2.
  static let domainLimit = 255

  static func parse(_ bytes: [UInt8]) -> (local: String, domain: String)? {
    guard bytes.count <= 2 * localPartLimit + domainLimit + 3, let text = localPart(bytes) else { return nil }
    guard text.end < bytes.count, bytes[text.end] == UInt8(ascii: "@") else { return nil }
    let domain = Array(bytes[(text.end + 1)...])
    guard isDomain(domain), let local = String(validating: text.value, as: UTF8.self), isLocalPart(local) else {
      return nil
    }
    return (local, String(decoding: domain, as: UTF8.self))
  }

  /// The local part at the beginning, unquoted, and where it ends.
  private static func localPart(_ bytes: [UInt8]) -> (value: [UInt8], end: Int)? {
    guard bytes.first == ASCII.quote else {
      let end = bytes.firstIndex(of: UInt8(ascii: "@")) ?? bytes.count
      return isDotString(bytes[..<end]) ? (Array(bytes[..<end]), end) : nil
    }
    var value: [UInt8] = []
    var index = 1
    while index < bytes.count {
      var byte = bytes[index]
      if byte == ASCII.quote { return (value, index + 1) }
      if byte == ASCII.backslash {
        index += 1
        guard index < bytes.count else { return nil }
        byte = bytes[index]
      }
      guard byte >= 32, byte != 127 else { return nil }
      value.append(byte)
      index += 1
    }
    return nil
  }

  /// Whether a local part can be written in some form.
  static func isLocalPart(_ text: String) -> Bool {
    let bytes = text.utf8
    return !bytes.isEmpty && bytes.count <= localPartLimit && bytes.allSatisfy { $0 >= 32 && $0 != 127 }
  }

  static func localPartText(_ text: String) -> String {
    if isDotString(Array(text.utf8)[...]) { return text }
    var quoted = "\""
    for character in text.unicodeScalars {
      if character == "\"" || character == "\\" { quoted += "\\" }
      quoted.unicodeScalars.append(character)
    }
    return quoted + "\""
  }

  static func isDotString(_ bytes: ArraySlice<UInt8>) -> Bool {
    var previousIsDot = true
    for byte in bytes {
      if byte == UInt8(ascii: ".") {
        if previousIsDot { return false }
        previousIsDot = true
      } else {
        guard isAtext(byte) else { return false }
        previousIsDot = false
      }
    }
    return !previousIsDot && (bytes.allSatisfy { $0 < 128 } || UTF8Scan.isValid(bytes))
  }

  /// RFC 5322 §3.2.3, and octets of UTF-8 (RFC 6531 §3.3).
  static func isAtext(_ byte: UInt8) -> Bool {
    if ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte >= 128 { return true }
    switch byte {
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "/"),
      UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"),
      UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"), UInt8(ascii: "~"):
      return true
    default: return false
    }
  }

  /// A domain or an address literal.
  static func isDomain(_ bytes: [UInt8]) -> Bool {
    guard let first = bytes.first, bytes.count <= domainLimit else { return false }
    if first == UInt8(ascii: "[") { return isAddressLiteral(bytes) }
    guard bytes.allSatisfy({ $0 < 128 }) || UTF8Scan.isValid(bytes) else { return false }
    return bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy(isLabel)
  }

  /// RFC 5321 §4.1.2 `sub-domain`, with UTF-8 (a U-label), and with `_`, which names of real hosts have.
  private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
    guard let first = label.first, let last = label.last, first != UInt8(ascii: "-"), last != UInt8(ascii: "-") else {
      return false
    }
    // 63 octets in the DNS; a U-label takes up to four octets a character.
    return label.count <= 252
      && label.allSatisfy {
        ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 >= 128
      }
  }

  /// RFC 5321 §4.1.3: an IPv4 address, or `IPv6:` and an IPv6 address. No other tag was ever registered.
  private static func isAddressLiteral(_ bytes: [UInt8]) -> Bool {
    guard bytes.count > 2, bytes.last == UInt8(ascii: "]") else { return false }
    let text = String(decoding: bytes[1..<(bytes.count - 1)], as: UTF8.self)
    if text.utf8.count > 5, ASCII.equalIgnoringCase(text.utf8.prefix(5), "IPv6:".utf8) {
      return IPAddress(text.dropFirst(5)).map { !$0.isIPv4 } ?? false
    }
    return IPAddress(text)?.isIPv4 ?? false
  }
}
