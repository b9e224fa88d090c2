#if canImport(Glibc)
  import Glibc
#endif

/// Collects the octets of responses (RFC 9051 §9 `response`), in the dialect that the client has chosen.
struct ResponseWriter {
  private(set) var octets: [UInt8] = []
  /// Whether the client takes UTF-8 in quoted strings: after ENABLE UTF8=ACCEPT or IMAP4rev2.
  let dialect: MailboxName.Encoding

  init(_ dialect: MailboxName.Encoding) { self.dialect = dialect }

  // MARK: Pieces

  mutating func raw(_ text: StaticString) { text.withUTF8Buffer { octets.append(contentsOf: $0) } }

  mutating func raw(_ bytes: some Collection<UInt8>) { octets.append(contentsOf: bytes) }

  /// Text of the server's own, such as a number or an attribute.
  mutating func text(_ text: String) { octets.append(contentsOf: text.utf8) }

  mutating func number(_ number: some FixedWidthInteger) {
    if number < 0 { octets.append(UInt8(ascii: "-")) }
    // By hand: FETCH writes tens of thousands of numbers, and each would be a string of its own.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var start = digits.count
      var rest = UInt64(number.magnitude)
      repeat {
        start -= 1
        digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      octets.append(contentsOf: UnsafeMutableBufferPointer(rebasing: digits[start...]))
    }
  }

  /// Octets that are there for a moment only, such as a column of a row.
  mutating func raw(_ bytes: UnsafeRawBufferPointer) { octets.append(contentsOf: bytes) }

  mutating func endLine() { raw("\r\n") }

  /// `string`: quoted if the octets may stand in a quoted string of this dialect, else a literal.
  mutating func string(_ bytes: some Collection<UInt8>) {
    guard isQuotable(bytes) else { return literal(bytes) }
    octets.append(UInt8(ascii: "\""))
    for octet in bytes {
      if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") { octets.append(UInt8(ascii: "\\")) }
      octets.append(octet)
    }
    octets.append(UInt8(ascii: "\""))
  }

  /// `astring`: bare where it may be.
  mutating func astring(_ bytes: [UInt8]) {
    if !bytes.isEmpty, bytes.allSatisfy(CharacterClass.isAString) { raw(bytes) } else { string(bytes) }
  }

  mutating func nstring(_ bytes: (some Collection<UInt8>)?) {
    if let bytes { string(bytes) } else { raw("NIL") }
  }

  /// A literal with all its octets. NUL goes out as 0x80, as no literal can contain it (RFC 9051 §9 `CHAR8`).
  mutating func literal(_ bytes: some Collection<UInt8>) {
    literalHead(size: bytes.count)
    withoutNUL { $0.raw(bytes) }
  }

  /// The beginning of a literal whose octets follow by other ways.
  mutating func literalHead(size: Int) {
    octets.append(UInt8(ascii: "{"))
    number(size)
    raw("}\r\n")
  }

  /// The beginning of a literal8 (RFC 3516 §7), which may contain NUL.
  mutating func literal8Head(size: Int) {
    octets.append(UInt8(ascii: "~"))
    literalHead(size: size)
  }

  mutating func mailbox(_ name: MailboxName) { string(name.encoded(dialect)) }

  /// Ready-made text of the Message room, such as an ENVELOPE.
  mutating func ready(_ bytes: [UInt8]) { withoutNUL { $0.raw(bytes) } }

  /// Writes something in which NUL goes out as 0x80.
  mutating func withoutNUL<T>(_ write: (inout ResponseWriter) throws -> T) rethrows -> T {
    let start = octets.count
    defer { replaceNUL(from: start) }
    return try write(&self)
  }

  /// The same for what was written from a place on.
  mutating func replaceNUL(from start: Int) { octets.replaceNUL(from: start) }

  /// Gives all octets away.
  mutating func take() -> [UInt8] {
    defer { octets = [] }
    return octets
  }

  private func isQuotable(_ bytes: some Collection<UInt8>) -> Bool {
    // Long strings are cheaper to read as literals.
    guard bytes.count <= 1024 else { return false }
    var hasHighBit = false
    for octet in bytes {
      if octet == 0 || octet == 0x0A || octet == 0x0D { return false }
      hasHighBit = hasHighBit || octet >= 0x80
    }
    return !hasHighBit || (dialect == .utf8 && isUTF8(bytes))
  }

  // MARK: Whole responses

  /// `* n NAME`, for EXISTS, RECENT and EXPUNGE.
  mutating func messageData(_ number: Int, _ name: StaticString) {
    raw("* ")
    self.number(number)
    raw(" ")
    raw(name)
    endLine()
  }

  /// `* OK [CODE] text`.
  mutating func untagged(_ status: Completion) {
    raw("* ")
    line(status)
  }

  mutating func tagged(_ tag: some Collection<UInt8>, _ status: Completion) {
    raw(tag)
    raw(" ")
    line(status)
  }

  mutating func bye(_ text: String, code: String? = nil) {
    raw("* BYE ")
    if let code { self.text("[\(code)] ") }
    self.text(printable(text))
    endLine()
  }

  private mutating func line(_ status: Completion) {
    text(status.kind.rawValue)
    raw(" ")
    if let code = status.code { text("[\(code)] ") }
    text(printable(status.text))
    endLine()
  }
}

/// How a command ended, or an untagged remark: a condition, perhaps a response code, and a sentence.
struct Completion: Equatable, Sendable {
  enum Kind: String, Sendable {
    case ok = "OK"
    case no = "NO"
    case bad = "BAD"
  }

  var kind: Kind
  /// What stands in the brackets.
  var code: String?
  var text: String

  static func ok(_ text: String, code: String? = nil) -> Completion { Completion(kind: .ok, code: code, text: text) }
  static func no(_ text: String, code: String? = nil) -> Completion { Completion(kind: .no, code: code, text: text) }
  static func bad(_ text: String, code: String? = nil) -> Completion { Completion(kind: .bad, code: code, text: text) }
}

/// A sentence as one line of printable ASCII, whatever has been put into it: nobody's octets can end the line.
private func printable(_ text: String) -> String {
  String(
    String.UnicodeScalarView(text.unicodeScalars.prefix(500).map { $0.value >= 0x20 && $0.value < 0x7F ? $0 : "?" }))
}

extension [UInt8] {
  /// Turns NUL into 0x80.
  mutating func replaceNUL(from start: Int = 0) {
    guard start < count else { return }
    let hasNUL = withUnsafeBytes { raw in
      raw.baseAddress.map { memchr($0 + start, 0, raw.count - start) != nil } ?? false
    }
    guard hasNUL else { return }
    for index in start..<count where self[index] == 0 { self[index] = 0x80 }
  }
}
