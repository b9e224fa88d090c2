extension WordScanner {
  /// Puts a character together. A byte that does not belong where it stands separates.
  mutating func takeUTF8(_ byte: UInt8, into set: inout TokenSet) {
    if byte < 0xC0 {
      guard missing > 0 else { return endWord(into: &set) }
      scalar = scalar << 6 | UInt32(byte & 0x3F)
      missing -= 1
      if missing == 0 { take(scalar: scalar, into: &set) }
      return
    }
    switch byte {
    case 0xC2...0xDF: (scalar, missing) = (UInt32(byte & 0x1F), 1)
    case 0xE0...0xEF: (scalar, missing) = (UInt32(byte & 0x0F), 2)
    case 0xF0...0xF4: (scalar, missing) = (UInt32(byte & 0x07), 3)
    default:
      missing = 0
      endWord(into: &set)
    }
  }

  private mutating func take(scalar: UInt32, into set: inout TokenSet) {
    switch scalar {
    case 0xAD, 0x034F, 0x061C, 0x115F...0x1160, 0x180B...0x180F, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F,
      0x3164,
      0xFE00...0xFE0F, 0xFEFF, 0xFFA0, 0xE0000...0xE0FFF:
      // Invisible: inside a word it is there to hide the word, which is worth a token.
      insert(0x1CE, into: &set)
    case 0xAA, 0xB5, 0xBA: letter(scalar, into: &set)
    case 0x80...0xBF, 0xD7, 0xF7, 0x2000...0x2010, 0x2012...0x2018, 0x201A...0x206F, 0x3000...0x303F, 0xFFF0...0xFFFF:
      endWord(into: &set)
    case 0x2011: takeASCII(UInt8(ascii: "-"), into: &set)
    case 0x2019: takeASCII(UInt8(ascii: "'"), into: &set)
    case 0x0E00...0x0EFF, 0x1780...0x17FF, 0x3040...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF:
      unspaced(scalar, into: &set)
    case 0xFF01...0xFF5E: takeASCII(UInt8(truncatingIfNeeded: scalar - 0xFEE0), into: &set)
    case 0x2100...0x2BFF, 0x1F000...0x1FAFF:
      // Arrows, signs, pictures.
      endWord(into: &set)
      insert(UInt64(scalar), into: &set)
    default: letter(scalar, into: &set)
    }
  }

  private mutating func letter(_ scalar: UInt32, into set: inout TokenSet) {
    grow(UInt8(truncatingIfNeeded: scalar >> 8), into: &set)
    grow(UInt8(truncatingIfNeeded: scalar), into: &set)
  }

  /// A character of a script without spaces: each pair of neighbours is a token.
  private mutating func unspaced(_ scalar: UInt32, into set: inout TokenSet) {
    endWord(into: &set)
    if unspaced != 0 { insert(UInt64(unspaced) << 32 | UInt64(scalar), into: &set) }
    unspaced = scalar
  }
}
