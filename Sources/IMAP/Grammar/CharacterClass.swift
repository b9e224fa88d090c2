/// The character classes of the formal syntax (RFC 9051 §9), as questions about one octet.
enum CharacterClass {
  /// `ATOM-CHAR`: any CHAR except `( ) { SP CTL % * " \ ]`.
  static func isAtom(_ octet: UInt8) -> Bool { isAString(octet) && octet != UInt8(ascii: "]") }

  /// `ASTRING-CHAR`: an `ATOM-CHAR` or `]`.
  static func isAString(_ octet: UInt8) -> Bool {
    switch octet {
    case 0x00...0x20, 0x7F...0xFF: false
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "*"),
      UInt8(ascii: "\""), UInt8(ascii: "\\"):
      false
    default: true
    }
  }

  /// `list-char`: an `ASTRING-CHAR` or a wildcard.
  static func isList(_ octet: UInt8) -> Bool {
    isAString(octet) || octet == UInt8(ascii: "%") || octet == UInt8(ascii: "*")
  }

  /// What a tag is made of: any `ASTRING-CHAR` except `+`.
  static func isTag(_ octet: UInt8) -> Bool { isAString(octet) && octet != UInt8(ascii: "+") }

  static func isDigit(_ octet: UInt8) -> Bool { octet >= 0x30 && octet <= 0x39 }

  static func uppercased(_ octet: UInt8) -> UInt8 { octet >= 0x61 && octet <= 0x7A ? octet & 0xDF : octet }

  static func lowercased(_ octet: UInt8) -> UInt8 { octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet }
}

/// Whether two octet strings are equal when the case of ASCII letters is disregarded.
func equalIgnoringCase<A: Collection<UInt8>, B: Collection<UInt8>>(_ a: A, _ b: B) -> Bool {
  guard a.count == b.count else { return false }
  return zip(a, b).allSatisfy { CharacterClass.lowercased($0) == CharacterClass.lowercased($1) }
}
