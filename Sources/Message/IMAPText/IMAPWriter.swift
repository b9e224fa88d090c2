/// Writes the strings and lists of IMAP responses (RFC 3501 §9, RFC 9051 §9).
struct IMAPWriter {
  private(set) var bytes: [UInt8] = []
  let form: TextForm

  init(_ form: TextForm) { self.form = form }

  mutating func raw(_ text: String) { bytes += text.utf8 }
  mutating func raw(_ text: [UInt8]) { bytes += text }
  mutating func space() { bytes.append(ASCII.space) }
  mutating func number(_ value: Int) { raw(String(Swift.max(value, 0))) }

  mutating func nstring(_ value: [UInt8]?) {
    if let value { string(value) } else { raw("NIL") }
  }

  mutating func string(_ text: String) { string(Array(text.utf8)) }

  /// A quoted string where the grammar allows it, else a literal.
  mutating func string(_ value: [UInt8]) {
    if isQuotable(value) {
      bytes.append(ASCII.quote)
      for byte in value {
        if byte == ASCII.quote || byte == ASCII.backslash { bytes.append(ASCII.backslash) }
        bytes.append(byte)
      }
      bytes.append(ASCII.quote)
    } else {
      raw("{\(value.count)}\r\n")
      // A literal has no NUL (`CHAR8`); the convention is to send 0x80 in its place.
      bytes += value.map { $0 == 0 ? 0x80 : $0 }
    }
  }

  /// A quoted string has no NUL, CR or LF. Beyond ASCII it has valid UTF-8 only, and only for clients that expect it
  /// (RFC 6855 §3, RFC 9051 §9 `QUOTED-CHAR`).
  private func isQuotable(_ value: [UInt8]) -> Bool {
    var has8Bit = false
    for byte in value {
      if byte == 0 || byte == ASCII.cr || byte == ASCII.lf { return false }
      if byte >= 128 { has8Bit = true }
    }
    return !has8Bit || form == .utf8 && UTF8Scan.isValid(value)
  }
}
