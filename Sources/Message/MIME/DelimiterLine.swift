#if canImport(Glibc)
  import Glibc
#endif

/// Recognises the lines that part a multipart (RFC 2046 §5.1.1).
enum DelimiterLine {
  /// Longer lines are none: `--`, a boundary, `--`, and some white space that transports may have added.
  static let limit = PartHeader.boundaryLimit + 100

  enum Kind { case next, close }

  /// A multipart whose end was not seen yet.
  struct Open: Sendable {
    /// Its place in the list of open parts.
    var depth: Int
    var boundary: [UInt8]
    /// Its close delimiter came: all that follows inside of it is epilogue.
    var isClosed = false
  }

  /// To which open multipart a line (without its LF) belongs, innermost first; nil if it is an ordinary line.
  ///
  /// The boundary must be the whole line but for white space at its end. RFC 2046 lets a reader take a line that
  /// only begins with the boundary; but boundaries that are prefixes of each other do occur, and then that reading
  /// tears the inner multipart apart.
  static func match(_ line: UnsafeRawBufferPointer, in open: [Open]) -> (index: Int, kind: Kind)? {
    guard line.count > 2, line[0] == UInt8(ascii: "-"), line[1] == UInt8(ascii: "-") else { return nil }
    var end = line.count
    while end > 2, ASCII.isBlank(line[end - 1]) || line[end - 1] == ASCII.cr { end -= 1 }
    let text = UnsafeRawBufferPointer(rebasing: line[2..<end])
    // In place: a hostile message has a hundred multiparts open, and nothing but short lines that begin with `--`.
    return open.withUnsafeBufferPointer { open in
      var index = open.count
      while index > 0 {
        index -= 1
        let length = open[index].boundary.count
        let isNext = text.count == length
        guard isNext || text.count == length + 2, !open[index].isClosed, begins(text, open[index].boundary) else {
          continue
        }
        if isNext { return (index, .next) }
        if text[length] == UInt8(ascii: "-"), text[length + 1] == UInt8(ascii: "-") { return (index, .close) }
      }
      return nil
    }
  }

  private static func begins(_ text: UnsafeRawBufferPointer, _ boundary: [UInt8]) -> Bool {
    boundary.withUnsafeBytes { boundary in
      guard let a = text.baseAddress, let b = boundary.baseAddress, text.count >= boundary.count else { return false }
      return memcmp(a, b, boundary.count) == 0
    }
  }
}
