/// The announcement of a literal at the end of a line: `{n}`, `{n+}` (RFC 7888 §3), `~{n}` or `~{n+}` (RFC 3516 §7).
struct LiteralAnnouncement: Equatable {
  /// Octets that follow the line.
  var size: Int
  /// Whether the client waits for a continuation request before it sends the octets.
  var isSynchronising: Bool
  /// Whether it is a literal8, which may contain NUL.
  var isBinary: Bool

  init(size: Int, isSynchronising: Bool = true, isBinary: Bool = false) {
    self.size = size
    self.isSynchronising = isSynchronising
    self.isBinary = isBinary
  }

  /// Reads the announcement that ends a line (given without its CRLF), if there is one.
  ///
  /// This looks at the end alone, as RFC 7888 §3 demands: even in a line that is no good command the announced octets
  /// belong to that command, or what they contain would be obeyed as commands. A number beyond what an `Int` holds is
  /// taken as the largest, for the same reason.
  init?(endOf line: some BidirectionalCollection<UInt8>) {
    var rest = line[...]
    guard rest.popLast() == UInt8(ascii: "}") else { return nil }
    isSynchronising = true
    if rest.last == UInt8(ascii: "+") {
      isSynchronising = false
      rest.removeLast()
    }
    var power = 1
    var value = 0
    var digits = 0
    var isHuge = false
    while let digit = rest.last, CharacterClass.isDigit(digit) {
      rest.removeLast()
      digits += 1
      if digit != 0x30 {
        let (product, overflow) = power.multipliedReportingOverflow(by: Int(digit - 0x30))
        let (sum, carry) = value.addingReportingOverflow(product)
        isHuge = isHuge || overflow || carry || power == 0
        value = isHuge ? 0 : sum
      }
      let (next, overflow) = power.multipliedReportingOverflow(by: 10)
      power = overflow ? 0 : next
    }
    guard digits > 0, rest.popLast() == UInt8(ascii: "{") else { return nil }
    size = isHuge ? Int.max : value
    isBinary = rest.last == UInt8(ascii: "~")
  }
}
