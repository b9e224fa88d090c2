/// Prepares names and passwords, so that the same text typed on two machines gives the same bytes (RFC 4013).
///
/// What is done: spaces beyond ASCII become a space, characters that stand for nothing are dropped (§2.1), and what §2.3
/// to §2.5 forbid is an error. Unicode's normalization form KC (§2.2) is not computed, because that would need tables
/// larger than this program: text that it would change, or might compose, is an error instead, which RFC 5802 §2.2
/// leaves free. Letters as keyboards type them pass unchanged, which is what the normalization would do with them too;
/// what is refused are combining marks, signs that stand for others (`½`, `Ⅸ`, `ａ`), and with them the scripts that
/// cannot be written without marks.
enum SASLprep {
  enum Failure: Error, Equatable {
    case notUTF8
    case empty
    case forbidden(Unicode.Scalar)
    case mixedDirections
  }

  /// - Parameter isStored: for text that is kept: characters that are newer than the profile are errors too (§2.5).
  static func prepare(_ bytes: [UInt8], isStored: Bool) throws(Failure) -> [UInt8] {
    if bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) {
      guard !bytes.isEmpty else { throw .empty }
      return bytes
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
    var prepared = ""
    for scalar in text.unicodeScalars {
      if isNothing(scalar) { continue }
      let mapped = scalar.value > 0x7f && scalar.properties.generalCategory == .spaceSeparator ? " " : scalar
      guard isAllowed(mapped, isStored: isStored) else { throw .forbidden(scalar) }
      prepared.unicodeScalars.append(mapped)
    }
    guard !prepared.isEmpty else { throw .empty }
    guard hasOneDirection(prepared.unicodeScalars) else { throw .mixedDirections }
    return Array(prepared.utf8)
  }

  /// "Commonly mapped to nothing": soft hyphen, joiners, variation selectors and their like.
  private static func isNothing(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0xad, 0x34f, 0x1806, 0x180b...0x180d, 0x200b...0x200d, 0x2060, 0xfe00...0xfe0f, 0xfeff: true
    default: false
    }
  }

  private static func isAllowed(_ scalar: Unicode.Scalar, isStored: Bool) -> Bool {
    if scalar.value < 0x80 { return (0x20..<0x7f).contains(scalar.value) }
    let properties = scalar.properties
    switch properties.generalCategory {
    case .control, .format, .privateUse, .surrogate, .lineSeparator, .paragraphSeparator: return false
    case .unassigned: return false
    case .nonspacingMark, .spacingMark, .enclosingMark:
      // It may compose with the letter before it; what it would become is not known here.
      return false
    default: break
    }
    if properties.isNoncharacterCodePoint || properties.isDefaultIgnorableCodePoint || properties.isDeprecated {
      return false
    }
    // Parts of Korean syllables compose.
    if (0x1100...0x11ff).contains(scalar.value) { return false }
    // Ideographic description characters and the replacement characters (§2.3, C.6 and C.7).
    if (0x2ff0...0x2ffb).contains(scalar.value) || (0xfff9...0xfffd).contains(scalar.value) { return false }
    if isStored {
      guard let age = properties.age, (age.major, age.minor) <= (3, 2) else { return false }
    }
    return isStable(scalar)
  }

  /// Whether normalization form KC leaves the character as it is. Unicode's data in the standard library tell it for
  /// the combination with case folding only: what that leaves alone is stable, and so is a capital whose small letter
  /// it leaves alone.
  private static func isStable(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    if !properties.changesWhenNFKCCaseFolded { return true }
    // Folded for their case alone: ß, ẞ, ς.
    if [0xdf, 0x1e9e, 0x3c2].contains(scalar.value) { return true }
    let small = properties.lowercaseMapping.unicodeScalars
    guard let first = small.first, small.count == 1, first != scalar, !first.properties.changesWhenNFKCCaseFolded else {
      return false
    }
    // A capital of its own goes there and back; a compatibility sign such as ANGSTROM SIGN does not.
    return first.properties.uppercaseMapping.unicodeScalars.elementsEqual([scalar])
  }

  /// §2.4: text with letters that run from right to left has no others, and begins and ends with one.
  private static func hasOneDirection(_ scalars: String.UnicodeScalarView) -> Bool {
    guard scalars.contains(where: runsLeft), let first = scalars.first, let last = scalars.last else { return true }
    let hasOthers = scalars.contains { $0.properties.isAlphabetic && !runsLeft($0) }
    return !hasOthers && runsLeft(first) && runsLeft(last)
  }

  private static func runsLeft(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x590...0x8ff, 0xfb1d...0xfdff, 0xfe70...0xfefc, 0x10800...0x10fff, 0x1e800...0x1efff:
      scalar.properties.isAlphabetic || scalar.properties.generalCategory == .otherPunctuation
    default: false
    }
  }
}
