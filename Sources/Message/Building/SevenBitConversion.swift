/// How a message is made fit for a server without 8BITMIME (RFC 6152 §3 allows it): each part with octets above 127 is encoded,
/// text as quoted-printable, anything else as base64, and its header says so. Everything else stays octet for octet.
///
/// A plan: it holds the new headers and says which ranges of the body are copied or encoded, so that a message of any size is
/// converted piece by piece (``SevenBitWriter``).
public struct SevenBitConversion: Sendable, Hashable {
  enum Segment: Sendable, Hashable {
    /// These octets of the body as they are.
    case copy(Range<Int>)
    /// New octets.
    case text([UInt8])
    case quotedPrintable(Range<Int>)
    case base64(Range<Int>)
  }

  /// The message's header section.
  public let header: [UInt8]
  let segments: [Segment]

  /// - Parameters:
  ///   - partHeader: gives the octets of a part's header, by its range in the body.
  /// - Returns: `nil` if it cannot be converted: its structure is not known, an encoding is not what it says, or the octets
  ///   of a part are signed (RFC 1847 §2.1), so that every change would break it.
  public init?(
    header: HeaderSection, structure: MIMEStructure, partHeader: (Range<Int>) throws -> [UInt8]
  ) rethrows {
    guard !structure.isTruncated, !header.has8Bit else { return nil }
    var pieces: [(at: Range<Int>, new: Segment)] = []
    for (index, part) in structure.parts.enumerated() where part.has8BitBody {
      guard part.kind != .opaque, !part.has8BitHeader, part.encoding.isIdentity else { return nil }
      guard part.kind != .multipart || part.type.name != "multipart/signed" else { return nil }
      let encoding = Self.encoding(of: part)
      if part.kind == .leaf {
        pieces.append((part.body, encoding == .base64 ? .base64(part.body) : .quotedPrintable(part.body)))
      }
      if index > 0 {
        let old = HeaderSection(try partHeader(part.header))
        let isMessage = part.parent.map { structure.parts[$0].kind == .message } ?? false
        pieces.append((part.header, .text(Self.edited(old, encoding, isMessage: isMessage))))
      }
    }
    self.header = Self.edited(
      header, structure.top.has8BitBody ? Self.encoding(of: structure.top) : nil, isMessage: true)
    // Headers come before their bodies, and parts do not overlap but as parents, which are copied around them.
    pieces.sort { ($0.at.lowerBound, $0.at.upperBound) < ($1.at.lowerBound, $1.at.upperBound) }
    var segments: [Segment] = []
    var end = 0
    for piece in pieces {
      guard piece.at.lowerBound >= end else { return nil }
      if piece.at.lowerBound > end { segments.append(.copy(end..<piece.at.lowerBound)) }
      segments.append(piece.new)
      end = piece.at.upperBound
    }
    if end < structure.bodySize { segments.append(.copy(end..<structure.bodySize)) }
    self.segments = segments
  }

  private static func encoding(of part: MIMEPart) -> TransferEncoding {
    guard part.kind == .leaf else { return .sevenBit }
    return part.type.type.lowercased() == "text" && part.encoding != .binary ? .quotedPrintable : .base64
  }

  /// - Parameter isMessage: the header is a message's, and not only a part's.
  private static func edited(_ header: HeaderSection, _ encoding: TransferEncoding?, isMessage: Bool) -> [UInt8] {
    guard let encoding else { return header.bytes }
    var bytes = header.replacing(name: "Content-Transfer-Encoding", value: encoding.name.lowercased())
    guard isMessage else { return bytes }
    // Octets of nobody knows which characters (RFC 1428 §3).
    if header.first("Content-Type") == nil {
      bytes = HeaderSection(bytes).replacing(name: "Content-Type", value: "text/plain; charset=unknown-8bit")
    }
    if header.first("MIME-Version") == nil {
      bytes = HeaderSection(bytes).replacing(name: "MIME-Version", value: "1.0")
    }
    return bytes
  }

  /// How many octets of the body each step of a writer looks at.
  public static let step = 64 << 10
}

/// Writes a converted message piece by piece, its header first.
///
/// Ask ``wanted`` which octets of the old body come next, and hand them to ``convert(_:)``, until ``isDone``.
public struct SevenBitWriter: Sendable {
  private let conversion: SevenBitConversion
  private var segment = -1
  /// How far the present segment has been taken.
  private var position = 0
  private var base64 = Base64Encoder()
  /// Text behind the last line end of a quoted-printable part.
  private var pending: [UInt8] = []
  /// A line longer than this is broken up where it stands.
  private let longestPending: Int

  public init(_ conversion: SevenBitConversion) { self.init(conversion, longestPending: 64 << 10) }

  init(_ conversion: SevenBitConversion, longestPending: Int) {
    self.conversion = conversion
    self.longestPending = longestPending
  }

  public var isDone: Bool { segment >= conversion.segments.count }

  /// The octets of the old body that the next step needs; empty: none.
  public var wanted: Range<Int> {
    guard segment >= 0, !isDone else { return 0..<0 }
    switch conversion.segments[segment] {
    case .text: return 0..<0
    case .copy(let range), .quotedPrintable(let range), .base64(let range):
      let start = range.lowerBound + position
      return start..<min(range.upperBound, start + SevenBitConversion.step)
    }
  }

  /// The next octets of the new message.
  /// - Parameter bytes: what ``wanted`` asked for.
  public mutating func convert(_ bytes: [UInt8]) -> [UInt8] {
    guard segment >= 0 else {
      next()
      return conversion.header
    }
    guard !isDone else { return [] }
    var output: [UInt8] = []
    switch conversion.segments[segment] {
    case .text(let text):
      next()
      return text
    case .copy(let range):
      position += bytes.count
      output = bytes
      if position >= range.count { next() }
    case .base64(let range):
      position += bytes.count
      base64.encode(bytes[...], into: &output)
      if position >= range.count {
        base64.finish(into: &output)
        next()
      }
    case .quotedPrintable(let range):
      position += bytes.count
      let isLast = position >= range.count
      pending += bytes
      // Whole lines, because a blank at the end of one must be known as such (RFC 2045 §6.7 rule 3).
      let end = isLast ? pending.count : (pending.lastIndex(of: ASCII.lf).map { $0 + 1 } ?? 0)
      output = QuotedPrintable.encode(pending[..<end])
      pending.removeFirst(end)
      if !isLast, pending.count >= longestPending {
        // A CR at the cut may be the first half of a line end.
        let cut = pending.last == ASCII.cr ? pending.count - 1 : pending.count
        if cut > 0 { output += QuotedPrintable.encode(pending[..<cut]) + [UInt8(ascii: "="), ASCII.cr, ASCII.lf] }
        pending.removeFirst(cut)
      }
      if isLast { next() }
    }
    return output
  }

  private mutating func next() {
    segment += 1
    position = 0
    base64 = Base64Encoder()
    pending = []
    // A segment without octets would never be asked for.
    while !isDone, case .copy(let range) = conversion.segments[segment], range.isEmpty { segment += 1 }
  }
}
