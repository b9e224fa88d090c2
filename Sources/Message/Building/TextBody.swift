/// The body of a text part: which encoding it needs, and its octets in it.
struct TextBody {
  var charset: String
  var encoding: TransferEncoding
  var bytes: [UInt8]

  /// Text whose lines end with `\n`, `\r\n` or `\r`. The last line gets its line end.
  init(_ text: String) {
    var lines: [UInt8] = []
    var previous: UInt8 = 0
    for byte in text.utf8 {
      switch byte {
      case ASCII.lf where previous == ASCII.cr: break
      case ASCII.lf, ASCII.cr: lines += [ASCII.cr, ASCII.lf]
      case 0: lines += [0xEF, 0xBF, 0xBD]
      default: lines.append(byte)
      }
      previous = byte
    }
    if !lines.isEmpty, lines.last != ASCII.lf { lines += [ASCII.cr, ASCII.lf] }
    self.init(lines: lines, isText: true)
  }

  /// Octets with CRLF line ends as they came from elsewhere, such as a returned header.
  init(lines: [UInt8], isText: Bool = false) {
    let isASCII = !lines.contains { $0 >= 128 }
    charset = isASCII ? "us-ascii" : "utf-8"
    // RFC 5322 §2.1.1: at most 998 octets in a line; 7bit has no NUL (RFC 2045 §2.7).
    if isASCII, !lines.contains(0), TextBody.longestLine(lines) <= 998 {
      encoding = .sevenBit
      bytes = lines
    } else {
      encoding = .quotedPrintable
      bytes = QuotedPrintable.encode(lines)
    }
  }

  static func longestLine(_ bytes: [UInt8]) -> Int {
    var longest = 0
    var start = 0
    bytes.withUnsafeBytes { raw in
      while start < raw.count {
        let line = LineScan.line(in: raw, from: start)
        longest = max(longest, line.contentEnd - start)
        start = line.end
      }
    }
    return longest
  }

  /// The fields that describe it.
  var fields: [UInt8] {
    HeaderWriter.field(name: "Content-Type", value: "text/plain; charset=\(charset)")
      + HeaderWriter.field(name: "Content-Transfer-Encoding", value: encoding.name.lowercased())
  }
}
