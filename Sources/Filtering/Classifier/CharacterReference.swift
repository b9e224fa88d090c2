/// A character reference of HTML (`&amp;`, `&#x41;`) on its way, byte by byte, as browsers read it in text.
///
///     & ──▶ # ──▶ digits ──▶ a character        & ──▶ name ; ──▶ its characters, or as it stands
///                                               & ──▶ name without ; ──▶ an old name at its beginning, and the rest as it stands
///
/// Only names are known that stand for letters, blanks or nothing that is seen; a sign tells words apart in any case.
struct CharacterReference {
  enum Step {
    /// The byte belongs to it.
    case taken
    /// It has ended: these bytes stand for it. What comes behind it is no longer part of it.
    case ended([UInt8], usesByte: Bool)
  }

  private enum State { case start, name, number, digits, hex, hexDigits }
  private var state = State.start
  private var name: [UInt8] = []
  private var number: UInt32 = 0
  /// The `x` of a hexadecimal number as it was written.
  private var mark: UInt8 = 0

  private static let nameLimit = 22

  /// In attributes a name without its semicolon is none: `&copy=1` in a link.
  private let isInText: Bool

  init(isInText: Bool = true) { self.isInText = isInText }

  /// The next byte behind the `&`.
  mutating func take(_ byte: UInt8) -> Step {
    let isDigit = byte &- 48 < 10
    switch state {
    case .start:
      if byte == UInt8(ascii: "#") {
        state = .number
        return .taken
      }
      state = .name
      return take(byte)
    case .name:
      if Token.lowercased(byte) &- 97 < 26 || isDigit, name.count < Self.nameLimit {
        name.append(byte)
        return .taken
      }
    case .number:
      if Token.lowercased(byte) == UInt8(ascii: "x") {
        (state, mark) = (.hex, byte)
        return .taken
      }
      guard isDigit else { break }
      state = .digits
      return take(byte)
    case .digits:
      if isDigit { return add(byte &- 48, 10) }
    case .hex, .hexDigits:
      let letter = Token.lowercased(byte)
      if isDigit || letter &- 97 < 6 {
        state = .hexDigits
        return add(isDigit ? byte &- 48 : letter &- 87, 16)
      }
    }
    let isClosed = byte == UInt8(ascii: ";")
    return .ended(value(isClosed: isClosed), usesByte: isClosed)
  }

  /// The text ended behind it.
  func end() -> [UInt8] { value(isClosed: false) }

  private mutating func add(_ digit: UInt8, _ radix: UInt32) -> Step {
    // However many digits there are; beyond Unicode it stays beyond it.
    number = min(number * radix + UInt32(digit), 0x11_0000)
    return .taken
  }

  /// The value of an attribute, with what its references stand for.
  static func decoded(_ value: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var reference: CharacterReference?
    for byte in value {
      if case .ended(let bytes, let usesByte)? = reference?.take(byte) {
        reference = nil
        result += bytes
        if usesByte { continue }
      }
      if reference != nil { continue }
      if byte == UInt8(ascii: "&") { reference = CharacterReference(isInText: false) } else { result.append(byte) }
    }
    return result + (reference?.end() ?? [])
  }

  // MARK: What it stands for

  private func value(isClosed: Bool) -> [UInt8] {
    let closing: [UInt8] = isClosed ? [UInt8(ascii: ";")] : []
    switch state {
    case .start: return [UInt8(ascii: "&")] + closing
    case .number: return Array("&#".utf8) + closing
    case .hex: return Array("&#".utf8) + [mark] + closing
    case .digits, .hexDigits: return Self.character(number)
    case .name:
      if isClosed, let found = Self.named[name] ?? Self.old[name] { return found }
      // Those that HTML 2 and 3 had are known without their semicolon, whatever follows.
      for length in stride(from: isInText ? min(name.count, Self.oldLimit) : 0, to: 1, by: -1) {
        if let found = Self.old[Array(name[..<length])] { return found + name[length...] + closing }
      }
      return [UInt8(ascii: "&")] + name + closing
    }
  }

  /// Numbers of the C1 controls mean what Windows has there; impossible ones are one replacement character.
  private static func character(_ number: UInt32) -> [UInt8] {
    if (0x80...0x9F).contains(number), let scalar = Unicode.Scalar(windows[Int(number) - 0x80]) {
      return Array(String(Character(scalar)).utf8)
    }
    let scalar = number == 0 ? nil : Unicode.Scalar(number)
    return Array(String(Character(scalar ?? "\u{FFFD}")).utf8)
  }

  private static let windows: [UInt32] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D,
    0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,
    0x017E, 0x0178,
  ]

  /// Length of the longest of ``old``.
  private static let oldLimit = 6

  /// Latin-1 from U+00A0 on in its order, and what HTML itself needs.
  private static let old: [[UInt8]: [UInt8]] = {
    let latin = """
      nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro \
      para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil \
      Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
      Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml \
      igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute \
      thorn yuml
      """
    var table: [[UInt8]: [UInt8]] = [:]
    for (index, name) in latin.split(separator: " ").enumerated() {
      table[Array(name.utf8)] = character(UInt32(0xA0 + index))
    }
    for (name, text) in [("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\"")] {
      table[Array(name.utf8)] = Array(text.utf8)
      table[Array(name.uppercased().utf8)] = Array(text.utf8)
    }
    return table
  }()

  private static let named: [[UInt8]: [UInt8]] = {
    let names: [(String, String)] = [
      ("apos", "'"), ("rsquo", "\u{2019}"), ("lsquo", "\u{2018}"), ("euro", "€"), ("hyphen", "\u{2010}"),
      ("dash", "\u{2010}"), ("period", "."), ("comma", ","), ("lowbar", "_"), ("UnderBar", "_"), ("dollar", "$"),
      ("percnt", "%"), ("excl", "!"), ("colon", ":"), ("sol", "/"), ("commat", "@"), ("Tab", "\t"), ("NewLine", "\n"),
      // What is not seen.
      ("zwnj", "\u{200C}"), ("zwj", "\u{200D}"), ("lrm", "\u{200E}"), ("rlm", "\u{200F}"), ("NoBreak", "\u{2060}"),
      ("af", "\u{2061}"), ("ApplyFunction", "\u{2061}"), ("it", "\u{2062}"), ("InvisibleTimes", "\u{2062}"),
      ("ic", "\u{2063}"), ("InvisibleComma", "\u{2063}"), ("ZeroWidthSpace", "\u{200B}"),
      ("NegativeMediumSpace", "\u{200B}"), ("NegativeThickSpace", "\u{200B}"), ("NegativeThinSpace", "\u{200B}"),
      ("NegativeVeryThinSpace", "\u{200B}"),
      // Letters.
      ("OElig", "Œ"), ("oelig", "œ"), ("Scaron", "Š"), ("scaron", "š"), ("Zcaron", "Ž"), ("zcaron", "ž"), ("Yuml", "Ÿ"),
      ("imath", "ı"), ("inodot", "ı"), ("fflig", "ff"), ("filig", "fi"), ("fllig", "fl"), ("ffilig", "ffi"),
      ("ffllig", "ffl"), ("fjlig", "fj"),
    ]
    return Dictionary(uniqueKeysWithValues: names.map { (Array($0.0.utf8), Array($0.1.utf8)) })
  }()
}
