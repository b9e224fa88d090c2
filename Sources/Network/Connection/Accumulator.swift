internal import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// The bytes that have arrived on a connection and that nobody has asked for yet.
///
/// A pure value. Linear: a byte is searched for a line end once, however the input is split. When it is empty it holds
/// no storage, because an office has many idle connections.
struct Accumulator: Sendable {
  private var buffer = ByteBuffer()
  /// Readable bytes from the front that are known to hold no LF.
  private var searched = 0
  /// The beginning of a line that is over its limit and that is being thrown away.
  private var overlong: [UInt8]?
  /// Bytes of that line thrown away so far.
  private(set) var discarded = 0

  /// What of an overlong line is kept.
  static let overlongPrefix = 512
  private static let lineFeed: Int32 = 10
  private static let carriageReturn: UInt8 = 13

  var count: Int { buffer.readableBytes }
  /// The storage it holds, in bytes.
  var capacity: Int { buffer.capacity }

  mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      // Moves what is left to the front when that costs no more than what was consumed: else a stream that never
      // quite empties the buffer would make it grow for ever.
      if buffer.readerIndex >= buffer.readableBytes { buffer.discardReadBytes() }
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// Takes everything out, for a change to TLS: nothing of it may be obeyed afterwards.
  /// - Returns: how many bytes were thrown away.
  mutating func drop() -> Int {
    let dropped = buffer.readableBytes
    self = Accumulator()
    return dropped
  }

  /// Whether ``takeLine(limit:)`` would give a line. Throws away what is over the limit as it looks.
  mutating func hasLine(limit: Int) -> Bool { lineEnd(limit: limit) != nil }

  /// The next line, if it is complete.
  mutating func takeLine(limit: Int) -> Line? {
    guard let end = lineEnd(limit: limit) else { return nil }
    if let prefix = overlong {
      overlong = nil
      discarded = 0
      consume(end + 1)
      return Line(bytes: prefix, ending: .tooLong)
    }
    let line = buffer.withUnsafeReadableBytes { bytes -> Line in
      let strict = end > 0 && bytes[end - 1] == Self.carriageReturn
      let length = strict ? end - 1 : end
      guard length <= limit else {
        return Line(bytes: Array(bytes.prefix(min(limit, Self.overlongPrefix))), ending: .tooLong)
      }
      return Line(bytes: Array(bytes.prefix(length)), ending: strict ? .crlf : .lf)
    }
    consume(end + 1)
    return line
  }

  /// Whatever has arrived, at most `limit` bytes; `nil` if nothing has.
  mutating func takeBytes(upTo limit: Int) -> ByteBuffer? {
    let length = min(limit, buffer.readableBytes)
    guard length > 0 else { return nil }
    if length == buffer.readableBytes {
      let all = buffer
      buffer = ByteBuffer()
      searched = 0
      return all
    }
    let slice = buffer.getSlice(at: buffer.readerIndex, length: length)
    consume(length)
    return slice
  }

  /// Puts bytes back that were taken last and belong to what comes next.
  mutating func putBack(_ bytes: ByteBuffer) {
    guard bytes.readableBytes > 0 else { return }
    var whole = bytes
    if buffer.readableBytes > 0 { whole.writeImmutableBuffer(buffer) }
    buffer = whole
    searched = 0
  }

  /// Exactly `length` bytes, if they have arrived.
  mutating func takeExactly(_ length: Int) -> [UInt8]? {
    guard length >= 0, let bytes = buffer.getBytes(at: buffer.readerIndex, length: length) else { return nil }
    consume(length)
    return bytes
  }

  /// The offset of the LF that ends the current line.
  private mutating func lineEnd(limit: Int) -> Int? {
    let length = buffer.readableBytes
    let from = searched
    let found = buffer.withUnsafeReadableBytes { bytes -> Int? in
      guard let base = bytes.baseAddress, from < length else { return nil }
      guard let hit = memchr(base + from, Self.lineFeed, length - from) else { return nil }
      return UnsafeRawPointer(hit) - base
    }
    if let found {
      searched = found
      return found
    }
    searched = length
    if overlong != nil {
      throwAway(length)
    } else if length > limit + 1 {
      // One more than the limit may be the CR of a line that is just long enough.
      overlong = buffer.getBytes(at: buffer.readerIndex, length: max(min(limit, Self.overlongPrefix), 0)) ?? []
      throwAway(length)
    }
    return nil
  }

  private mutating func throwAway(_ length: Int) {
    discarded += length
    consume(length)
  }

  private mutating func consume(_ length: Int) {
    buffer.moveReaderIndex(forwardBy: length)
    searched = max(searched - length, 0)
    if buffer.readableBytes == 0 { buffer = ByteBuffer() }
  }
}
