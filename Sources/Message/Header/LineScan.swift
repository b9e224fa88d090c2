#if canImport(Glibc)
  import Glibc
#endif

/// Finding line ends with the C library's `memchr`, which reads 16 to 32 bytes at a time.
enum LineScan {
  struct Line {
    /// Where the line's content ends, before CRLF or LF.
    var contentEnd: Int
    /// Where the next line begins.
    var end: Int
  }

  /// The position of the next `byte`, or nil.
  @inline(__always)
  static func find(_ byte: UInt8, in raw: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
    guard start < end, let base = raw.baseAddress, let hit = memchr(base + start, Int32(byte), end - start) else {
      return nil
    }
    return UnsafeRawPointer(hit) - base
  }

  /// The line that begins at `start`. At the end of the bytes a line may have no line end.
  static func line(in raw: UnsafeRawBufferPointer, from start: Int) -> Line {
    guard let lf = find(ASCII.lf, in: raw, from: start, to: raw.count) else {
      return Line(contentEnd: raw.count, end: raw.count)
    }
    let contentEnd = lf > start && raw[lf - 1] == ASCII.cr ? lf - 1 : lf
    return Line(contentEnd: contentEnd, end: lf + 1)
  }
}
