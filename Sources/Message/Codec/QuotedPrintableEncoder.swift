/// Encodes text as quoted-printable (RFC 2045 §6.7).
public enum QuotedPrintable {
  /// Text with CRLF (or LF) line ends; the result has CRLF and no line over 76 characters.
  public static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count * 5 / 4)
    var column = 0
    let input = Array(bytes)
    for index in input.indices {
      let byte = input[index]
      let next = index + 1 < input.count ? input[index + 1] : nil
      if byte == ASCII.lf || byte == ASCII.cr && next == ASCII.lf {
        if byte == ASCII.lf {
          output += [ASCII.cr, ASCII.lf]
          column = 0
        }
        continue
      }
      let endsLine = next == nil || next == ASCII.lf || next == ASCII.cr
      let literal = byte > 32 && byte < 127 && byte != UInt8(ascii: "=") || ASCII.isBlank(byte) && !endsLine
      let width = literal ? 1 : 3
      if column + width > 75 {
        output += [UInt8(ascii: "="), ASCII.cr, ASCII.lf]
        column = 0
      }
      output += literal ? [byte] : escaped(byte)
      column += width
    }
    return output
  }

  static func escaped(_ byte: UInt8) -> [UInt8] {
    [UInt8(ascii: "="), ASCII.hexDigits[Int(byte >> 4)], ASCII.hexDigits[Int(byte & 15)]]
  }
}
