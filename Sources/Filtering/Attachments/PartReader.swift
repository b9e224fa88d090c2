internal import MailFlow
internal import Message

/// The decoded bytes of a part, from any offset, without the part ever being held whole.
///
/// Decoding begins anew at the nearest mark before the wanted bytes; marks are kept every ``step`` decoded bytes, a few
/// hundred octets each, so a 25 MiB attachment has a hundred of them.
struct PartReader: Sendable {
  private static let step = 256 << 10
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
  /// What was decoded last.
  private var buffer: (start: Int, bytes: [UInt8]) = (0, [])

  /// `nil` for an encoding that nobody knows.
  init?(_ part: MIMEPart, _ body: ReceivedBody) {
    guard let decoder = TransferDecoder(part.encoding) else { return nil }
    self.body = body
    range = part.body
    marks = [Mark(encoded: part.body.lowerBound, decoded: 0, decoder: decoder)]
  }

  /// Reads to the end of the part to learn its decoded size.
  mutating func measure() async throws -> Int {
    if let size { return size }
    guard let last = marks.last else { return 0 }
    _ = try await decode(from: last, until: .max)
    return size ?? 0
  }

  /// Up to `count` decoded bytes (at most 4 MiB) from an offset; fewer at the end.
  mutating func bytes(from offset: Int, count: Int) async throws -> [UInt8] {
    guard offset >= 0, count > 0 else { return [] }
    let end = offset + min(count, 4 << 20)
    if offset >= buffer.start, end <= buffer.start + buffer.bytes.count {
      return Array(buffer.bytes[(offset - buffer.start)..<(end - buffer.start)])
    }
    let index = marks.lastIndex { $0.decoded <= offset } ?? 0
    buffer = try await decode(from: marks[index], until: end, keeping: offset)
    let from = min(max(offset - buffer.start, 0), buffer.bytes.count)
    return Array(buffer.bytes[from..<min(from + end - offset, buffer.bytes.count)])
  }

  /// Decodes on from a mark. Keeps what comes from an offset on; without one, nothing.
  private mutating func decode(
    from mark: Mark, until end: Int, keeping offset: Int? = nil
  ) async throws -> (start: Int, bytes: [UInt8]) {
    var (position, decoder, done) = (mark.encoded, mark.decoder, mark.decoded)
    var kept: (start: Int, bytes: [UInt8]) = (offset ?? 0, [])
    var output: [UInt8] = []
    while position < range.upperBound, done < end {
      let taken = try await body.bytes(from: position, count: min(Self.piece, range.upperBound - position))
      guard !taken.isEmpty else { break }
      position += taken.count
      output.removeAll(keepingCapacity: true)
      decoder.decode(taken[...], into: &output)
      if position >= range.upperBound { decoder.finish(into: &output) }
      if let offset, done + output.count > offset { kept.bytes += output[max(offset - done, 0)...] }
      done += output.count
      if let last = marks.last, done - last.decoded >= Self.step, position < range.upperBound {
        marks.append(Mark(encoded: position, decoded: done, decoder: decoder))
      }
      try Task.checkCancellation()
    }
    if position >= range.upperBound { size = done }
    return kept
  }
}
