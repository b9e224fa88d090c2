internal import Platform

/// Reads the paths and mailboxes of RFC 5321 §4.1.2 and §4.1.3, with the extensions of RFC 6531 §3.3.
///
/// A cursor over a command's argument. Every function is total: it consumes what it recognises or gives `nil`.
struct PathGrammar {
  /// What a mailbox consists of, quotes and backslashes of a quoted local part taken away.
  struct Mailbox: Equatable {
    var localPart: [UInt8]
    /// A domain name, or an address literal in brackets; `nil` for `Postmaster` alone.
    var domain: [UInt8]?

    var isASCII: Bool { localPart.allSatisfy { $0 < 0x80 } && (domain ?? []).allSatisfy { $0 < 0x80 } }
  }

  private(set) var rest: ArraySlice<UInt8>

  init(_ text: ArraySlice<UInt8>) { rest = text }

  /// `<` [source route `:`] mailbox `>`; the route is recognised and ignored (RFC 5321 §4.1.1.3, Appendix C).
  ///
  /// - Parameter allowsBarePostmaster: `<Postmaster>` without a domain, for RCPT only.
  mutating func path(allowsBarePostmaster: Bool) -> Mailbox? {
    guard take("<") else { return nil }
    if rest.first == UInt8(ascii: "@") {
      guard sourceRoute() else { return nil }
    }
    guard let mailbox = mailbox(allowsBarePostmaster: allowsBarePostmaster), take(">") else { return nil }
    return mailbox
  }

  /// `<>`
  mutating func nullPath() -> Bool {
    guard rest.starts(with: [UInt8(ascii: "<"), UInt8(ascii: ">")]) else { return false }
    rest = rest.dropFirst(2)
    return true
  }

  mutating func mailbox(allowsBarePostmaster: Bool) -> Mailbox? {
    guard let localPart = rest.first == UInt8(ascii: "\"") ? quotedString() : dotString() else { return nil }
    if take("@") {
      guard let domain = rest.first == UInt8(ascii: "[") ? addressLiteral() : domain() else { return nil }
      return Mailbox(localPart: localPart, domain: domain)
    }
    guard allowsBarePostmaster, localPart.lowercased == Array("postmaster".utf8) else { return nil }
    return Mailbox(localPart: localPart, domain: nil)
  }

  /// `@a,@b:`
  private mutating func sourceRoute() -> Bool {
    repeat {
      guard take("@"), domain() != nil else { return false }
    } while take(",")
    return take(":")
  }

  /// Atoms with single dots between them.
  private mutating func dotString() -> [UInt8]? {
    let text = rest.prefix { $0 == UInt8(ascii: ".") || PathGrammar.isAtomText($0) }
    guard !text.isEmpty, text.isUTF8,
      text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy({ !$0.isEmpty })
    else { return nil }
    rest = rest.dropFirst(text.count)
    return Array(text)
  }

  private mutating func quotedString() -> [UInt8]? {
    guard take("\"") else { return nil }
    var result: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""):
        return result[...].isUTF8 ? result : nil
      case UInt8(ascii: "\\"):
        guard let next = rest.popFirst(), (32...126).contains(next) else { return nil }
        result.append(next)
      case 32...126, 0x80...0xff:
        result.append(byte)
      default:
        return nil
      }
    }
    return nil
  }

  /// Labels of letters, digits and inner hyphens, or of UTF-8 (a U-label; IDNA itself is not checked here).
  private mutating func domain() -> [UInt8]? {
    let text = rest.prefix { $0 == UInt8(ascii: ".") || PathGrammar.isLabelText($0) }
    guard !text.isEmpty, text.count <= ProtocolLimits.domain, text.isUTF8 else { return nil }
    for label in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard let first = label.first, let last = label.last, label.count <= 63 else { return nil }
      guard first != UInt8(ascii: "-"), last != UInt8(ascii: "-") else { return nil }
    }
    rest = rest.dropFirst(text.count)
    return Array(text)
  }

  /// `[192.0.2.1]`, `[IPv6:2001:db8::1]`, or a tag with printable text (RFC 5321 §4.1.3). The brackets stay.
  private mutating func addressLiteral() -> [UInt8]? {
    guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return nil }
    let literal = rest[rest.startIndex...end]
    let inner = literal.dropFirst().dropLast()
    guard !inner.isEmpty, literal.count <= ProtocolLimits.domain else { return nil }
    guard inner.allSatisfy({ (33...90).contains($0) || (94...126).contains($0) }) else { return nil }
    let text = String(decoding: inner, as: UTF8.self)
    if let colon = inner.firstIndex(of: UInt8(ascii: ":")) {
      let tag = inner[..<colon]
      guard !tag.isEmpty, colon + 1 < inner.endIndex else { return nil }
      guard tag.allSatisfy({ PathGrammar.isLabelText($0) && $0 < 0x80 }) else { return nil }
      if tag.lowercased == Array("ipv6".utf8) {
        guard text.dropFirst(5).contains(":"), IPAddress(text.dropFirst(5)) != nil else { return nil }
      }
    } else {
      guard let address = IPAddress(text), address.isIPv4 else { return nil }
    }
    rest = rest.dropFirst(literal.count)
    return Array(literal)
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }

  /// `atext` (RFC 5322 §3.2.3) and UTF-8 (RFC 6531 §3.3).
  static func isAtomText(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...0xff:
      true
    case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
      UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "^")...UInt8(ascii: "`"),
      UInt8(ascii: "{")...UInt8(ascii: "~"):
      true
    default:
      false
    }
  }

  private static func isLabelText(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), 0x80...0xff:
      true
    default:
      false
    }
  }
}

extension Collection where Element == UInt8 {
  /// ASCII letters in lower case; other bytes as they are.
  var lowercased: [UInt8] {
    map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
  }

  var uppercased: [UInt8] {
    map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) ? $0 - 32 : $0 }
  }

  /// Well-formed UTF-8, ASCII included.
  var isUTF8: Bool { allSatisfy { $0 < 0x80 } || String(validating: self, as: UTF8.self) != nil }
}
