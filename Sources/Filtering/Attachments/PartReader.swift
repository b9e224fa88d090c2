internal import MailFlow
internal import Message

/// The decoded bytes of a part, from any offset, without the part ever being held whole.
///
/// Decoding goes on where it was, or begins anew at the nearest mark before the wanted bytes; marks are kept every ``markDistance`` decoded bytes, a few
/// hundred octets each, so a 25 MiB attachment has a hundred of them.
struct PartReader: Sendable {
  private static let markDistance = 256 << 10
  private static let piece = 48 << 10

  private struct Mark: Sendable {
    /// Where in the body the decoder goes on.
    var encoded: Int
    var decoded: Int
    var decoder: TransferDecoder
  }

  private let body: ReceivedBody
  private let range: Range<Int>
  private var marks: [Mark]
  /// The decoded size, once all of the part has been seen.
  private(set) var size: Int?
  /// What was decoded last, and where it goes on.
  private var buffer: (start: Int, bytes: [UInt8])
  private var cursor: Mark

  /// `nil` for an encoding that nobody knows.
  init?(_ part: MIMEPart, _ body: ReceivedBody) {
    guard let decoder = TransferDecoder(part.encoding) else { return nil }
    self.body = body
    range = part.body
    cursor = Mark(encoded: part.body.lowerBound, decoded: 0, decoder: decoder)
    marks = [cursor]
    buffer = (0, [])
  }

  /// Reads to the end of the part to learn its decoded size.
  mutating func measure() async throws -> Int {
    if let size { return size }
    if let last = marks.last { cursor = last }
    buffer = (cursor.decoded, [])
    while try await step(keeping: .max) {}
    return size ?? 0
  }

  /// Up to `count` decoded bytes (at most 4 MiB) from an offset; fewer at the end.
  mutating func bytes(from offset: Int, count: Int) async throws -> [UInt8] {
    // What lies behind the end need not be looked for.
    guard offset >= 0, count > 0, offset < size ?? .max else { return [] }
    let end = offset + min(count, 4 << 20)
    let mark = marks[marks.lastIndex { $0.decoded <= offset } ?? 0]
    if offset < buffer.start || mark.decoded > cursor.decoded {
      cursor = mark
      buffer = (mark.decoded, [])
    }
    while cursor.decoded < end, try await step(keeping: offset) {}
    let from = min(max(offset - buffer.start, 0), buffer.bytes.count)
    return Array(buffer.bytes[from..<min(from + end - offset, buffer.bytes.count)])
  }

  /// Decodes the next piece of the part, and never more than the part. What is decoded before an offset is let go of.
  ///
  /// - Returns: `false` at the end.
  private mutating func step(keeping offset: Int) async throws -> Bool {
    try Task.checkCancellation()
    let left = range.upperBound - cursor.encoded
    guard left > 0 else {
      size = cursor.decoded
      return false
    }
    let taken = try await body.bytes(from: cursor.encoded, count: min(Self.piece, left)).prefix(left)
    guard !taken.isEmpty else { return false }
    var output: [UInt8] = []
    cursor.decoder.decode(taken, into: &output)
    cursor.encoded += taken.count
    if taken.count == left { cursor.decoder.finish(into: &output) }
    cursor.decoded += output.count
    let past = min(max(offset - buffer.start, 0), buffer.bytes.count)
    buffer.bytes.removeFirst(past)
    buffer.start += past
    // All of it may lie before the offset.
    if buffer.bytes.isEmpty, cursor.decoded <= offset {
      buffer.start = cursor.decoded
    } else {
      buffer.bytes += output
    }
    if let last = marks.last, cursor.decoded - last.decoded >= Self.markDistance, taken.count < left {
      marks.append(cursor)
    }
    return true
  }
}
