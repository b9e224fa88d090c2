internal import Message
internal import Store

/// The octets of a section, as runs of the stored message and octets made for the occasion. Nothing is read before it is
/// sent, except what must be known to tell the size.
struct SectionContent {
  enum Segment: Equatable {
    /// A range of prefix, header section and body as one run.
    case stored(Range<Int>)
    case made([UInt8])

    var size: Int {
      switch self {
      case .stored(let range): range.count
      case .made(let octets): octets.count
      }
    }
  }

  private(set) var segments: [Segment]

  init(_ segments: [Segment]) { self.segments = segments.filter { $0.size > 0 } }

  var size: Int { segments.reduce(0) { $0 + $1.size } }

  /// The octets that a partial FETCH asks for: none if it begins behind the end (RFC 9051 §6.4.5).
  func part(_ partial: Partial?) -> SectionContent {
    guard let partial else { return self }
    var skip = Int(clamping: partial.first)
    var rest = Int(clamping: partial.count)
    var result: [Segment] = []
    for segment in segments where rest > 0 {
      let start = min(skip, segment.size)
      skip -= start
      let count = min(rest, segment.size - start)
      rest -= count
      switch segment {
      case .stored(let range):
        let lower = range.lowerBound + start
        result.append(.stored(lower..<lower + count))
      case .made(let octets): result.append(.made(Array(octets[start..<start + count])))
      }
    }
    return SectionContent(result)
  }

  /// The content with some ranges of the stored message shown otherwise: headers for clients that take no UTF-8.
  /// - Parameter replacements: ascending, without overlap. One that does not lie within a segment as a whole is left out.
  func replacing(_ replacements: [(range: Range<Int>, octets: [UInt8])]) -> SectionContent {
    var result: [Segment] = []
    for segment in segments {
      guard case .stored(let range) = segment else {
        result.append(segment)
        continue
      }
      var position = range.lowerBound
      for replacement in replacements
      where replacement.range.lowerBound >= position && replacement.range.upperBound <= range.upperBound {
        result.append(.stored(position..<replacement.range.lowerBound))
        result.append(.made(replacement.octets))
        position = replacement.range.upperBound
      }
      result.append(.stored(position..<range.upperBound))
    }
    return SectionContent(result)
  }
}
