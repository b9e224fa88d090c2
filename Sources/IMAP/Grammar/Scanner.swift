/// Reads the elements of the formal syntax (RFC 9051 §9) from the octets of one whole command.
///
/// The octets are as they came, a literal being `{n}` CRLF and its n octets. Nothing is copied but what is returned,
/// no octet is read twice, and any octets give a value or a ``SyntaxError``.
struct Scanner {
  private let octets: [UInt8]
  private(set) var position: Int

  init(_ octets: [UInt8], from position: Int = 0) {
    self.octets = octets
    self.position = min(max(position, 0), octets.count)
  }

  var isAtEnd: Bool { position >= octets.count }

  /// What has not been read yet.
  var rest: ArraySlice<UInt8> { octets[position...] }

  func peek(_ distance: Int = 0) -> UInt8? {
    let index = position + distance
    return index < octets.count ? octets[index] : nil
  }

  // MARK: Single characters

  /// Reads `character` if it comes next.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard let next = peek(), next == UInt8(truncatingIfNeeded: character.value) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar, _ what: @autoclosure () -> String) throws(SyntaxError) {
    guard take(character) else { throw .malformed("Expected \(what())") }
  }

  /// `SP`: exactly one space (RFC 9051 §9, rule 2).
  mutating func space() throws(SyntaxError) { try expect(" ", "one space") }

  func end() throws(SyntaxError) {
    guard isAtEnd else { throw .malformed("There is more after the end of the command") }
  }

  // MARK: Words and numbers

  mutating func take(while matches: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    let start = position
    while position < octets.count, matches(octets[position]) { position += 1 }
    return octets[start..<position]
  }

  mutating func atom(_ what: @autoclosure () -> String = "an atom") throws(SyntaxError) -> [UInt8] {
    let word = take(while: CharacterClass.isAtom)
    guard !word.isEmpty else { throw .malformed("Expected \(what())") }
    return Array(word)
  }

  /// An atom that names something of the protocol, in upper case: such names are case-insensitive.
  mutating func keyword(_ what: @autoclosure () -> String = "a word") throws(SyntaxError) -> String {
    let word = take(while: CharacterClass.isAtom)
    guard !word.isEmpty else { throw .malformed("Expected \(what())") }
    return String(decoding: word.map(CharacterClass.uppercased), as: UTF8.self)
  }

  /// Letters, digits, `.` and `-` in upper case, up to what cannot be part of the name of a FETCH item.
  mutating func itemName() throws(SyntaxError) -> String {
    let word = take { octet in
      CharacterClass.isAtom(octet) && octet != UInt8(ascii: "[") && octet != UInt8(ascii: "<")
    }
    guard !word.isEmpty else { throw .malformed("Expected the name of a data item") }
    return String(decoding: word.map(CharacterClass.uppercased), as: UTF8.self)
  }

  /// Reads `word` (upper case) and gives true, if it comes next and is followed by what ends a word.
  mutating func take(word: StaticString) -> Bool {
    let end = position + word.utf8CodeUnitCount
    guard end <= octets.count else { return false }
    let matches = word.withUTF8Buffer { wanted in
      zip(wanted, octets[position..<end]).allSatisfy { $0 == CharacterClass.uppercased($1) }
    }
    guard matches, end == octets.count || !CharacterClass.isAtom(octets[end]) else { return false }
    position = end
    return true
  }

  /// `number64`: at most 2^63 - 1.
  mutating func number64(_ what: @autoclosure () -> String = "a number") throws(SyntaxError) -> Int64 {
    let digits = take(while: CharacterClass.isDigit)
    guard !digits.isEmpty else { throw .malformed("Expected \(what())") }
    var value: Int64 = 0
    for digit in digits {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int64(digit - 0x30))
      guard !overflow, !carry else { throw .malformed("A number is too large") }
      value = sum
    }
    return value
  }

  /// `number`: at most 2^32 - 1.
  mutating func number(_ what: @autoclosure () -> String = "a number") throws(SyntaxError) -> UInt32 {
    guard let value = UInt32(exactly: try number64(what())) else { throw .malformed("A number is too large") }
    return value
  }

  /// `nz-number`: 1 to 2^32 - 1, with no leading zero.
  mutating func nonZeroNumber(_ what: @autoclosure () -> String = "a number") throws(SyntaxError) -> UInt32 {
    guard peek() != 0x30 else { throw .malformed("Expected \(what()) that does not begin with 0") }
    return try number(what())
  }

  // MARK: Strings

  /// `astring`: an atom that may contain `]`, or a string.
  mutating func astring(_ what: @autoclosure () -> String = "an atom or a string") throws(SyntaxError) -> [UInt8] {
    if let string = try stringIfPresent() { return string }
    let word = take(while: CharacterClass.isAString)
    guard !word.isEmpty else { throw .malformed("Expected \(what())") }
    return Array(word)
  }

  mutating func string(_ what: @autoclosure () -> String = "a string") throws(SyntaxError) -> [UInt8] {
    guard let string = try stringIfPresent() else { throw .malformed("Expected \(what())") }
    return string
  }

  /// `nstring`: a string, or NIL for nil.
  mutating func nstring() throws(SyntaxError) -> [UInt8]? {
    if take(word: "NIL") { return nil }
    return try string("a string or NIL")
  }

  /// `list-mailbox`: like an astring, but wildcards need no quoting.
  mutating func listMailbox() throws(SyntaxError) -> [UInt8] {
    if let string = try stringIfPresent() { return string }
    let word = take(while: CharacterClass.isList)
    guard !word.isEmpty else { throw .malformed("Expected a mailbox name or pattern") }
    return Array(word)
  }

  private mutating func stringIfPresent() throws(SyntaxError) -> [UInt8]? {
    switch peek() {
    case UInt8(ascii: "\""): return try quoted()
    case UInt8(ascii: "{"): return try literal()
    default: return nil
    }
  }

  /// `quoted`. Octets above 127 must be UTF-8 (RFC 6855 §3: BAD otherwise).
  private mutating func quoted() throws(SyntaxError) -> [UInt8] {
    position += 1
    var value: [UInt8] = []
    var hasHighBit = false
    while let octet = peek() {
      position += 1
      switch octet {
      case UInt8(ascii: "\""):
        guard !hasHighBit || isUTF8(value) else { throw .malformed("A quoted string is not valid UTF-8") }
        return value
      case UInt8(ascii: "\\"):
        guard let escaped = peek(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\") else {
          throw .malformed("In a quoted string, \\ must be followed by \\ or \"")
        }
        position += 1
        value.append(escaped)
      case 0x00, 0x0A, 0x0D: throw .malformed("A quoted string cannot contain NUL, CR or LF: use a literal")
      default:
        hasHighBit = hasHighBit || octet >= 0x80
        value.append(octet)
      }
    }
    throw .malformed("A quoted string has no end")
  }

  private mutating func literal() throws(SyntaxError) -> [UInt8] {
    let announcement = try literalAnnouncement()
    guard !announcement.isBinary else { throw .malformed("A literal8 is only allowed in APPEND") }
    guard !isAtEnd else { throw .awaitingLiteral }
    guard peek() == 0x0D, peek(1) == 0x0A else { throw .malformed("A literal must begin on a new line") }
    position += 2
    guard announcement.size <= octets.count - position else { throw .awaitingLiteral }
    let value = octets[position..<position + announcement.size]
    position += announcement.size
    guard !value.contains(0) else { throw .malformed("A literal cannot contain NUL") }
    return Array(value)
  }

  /// `{n}`, `{n+}`, `~{n}` or `~{n+}` without what follows.
  mutating func literalAnnouncement() throws(SyntaxError) -> LiteralAnnouncement {
    let isBinary = take("~")
    try expect("{", "a literal")
    let size = try number64("the size of a literal")
    let isSynchronising = !take("+")
    try expect("}", "} after the size of a literal")
    guard let size = Int(exactly: size) else { throw .malformed("A number is too large") }
    return LiteralAnnouncement(size: size, isSynchronising: isSynchronising, isBinary: isBinary)
  }
}

/// Whether octets are well-formed UTF-8 (RFC 3629 §4).
func isUTF8(_ octets: some Collection<UInt8>) -> Bool {
  var decoder = UTF8()
  var iterator = octets.makeIterator()
  while true {
    switch decoder.decode(&iterator) {
    case .scalarValue: continue
    case .emptyInput: return true
    case .error: return false
    }
  }
}
