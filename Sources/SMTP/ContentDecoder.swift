#if canImport(Glibc)
  import Glibc
#endif

/// Takes the content of a message from the wire: finds its end, takes out the dots of RFC 5321 §4.5.2, and
/// watches over the line ends.
///
/// Only a CRLF that was received ends a line, and only CRLF.CRLF (or the last chunk) ends the content. Everything
/// that another server might take for a line end, a lone CR or LF, is what message smuggling is made of. The
/// ``Discipline`` says what becomes of it. NUL and bytes over 127 pass.
///
/// It can be fed in any pieces; after each piece the driver hands on what is in `output`.
public struct ContentDecoder: Sendable {
  /// How the content is delimited.
  public enum Framing: Sendable, Equatable {
    /// DATA: up to CRLF.CRLF, with doubled dots (RFC 5321 §4.5.2).
    case dot
    /// BDAT: the driver counts the bytes of each chunk (RFC 3030 §2) and calls ``finish(into:)`` after the last.
    case counted
  }

  /// What is done about a CR or an LF that stands alone.
  public enum Discipline: Sendable, Equatable {
    /// It is a ``fault``: for servers of strangers.
    case strict
    /// A bare LF becomes CRLF, a bare CR is removed: for clients that are known.
    case normalizing
  }

  /// Why the content cannot be accepted.
  public enum Fault: Sendable, Equatable {
    case bareCarriageReturn
    case bareLineFeed
    /// A line of more than the limit.
    case lineTooLong
  }

  public let framing: Framing
  public let discipline: Discipline
  /// The first thing that was wrong. Once set, no more content is put out, but the end is still looked for.
  public private(set) var fault: Fault?
  /// The end has been read (or, for `counted`, declared).
  public private(set) var isComplete = false
  /// Bytes of content put out so far.
  public private(set) var size = 0

  /// Where in a line the next byte stands.
  private enum Position: Sendable, Equatable {
    /// After a CRLF that was received, or at the very start.
    case start
    /// After a dot at the start, which has not been put out.
    case dot
    /// After a dot at the start and a CR, neither put out.
    case dotReturn
    /// Within a line.
    case inside
    /// After a CR, which has not been put out.
    case carriageReturn
  }

  private var position = Position.start
  private var lineLength = 0
  private let lineLimit: Int

  /// - Parameter lineLimit: octets of the longest line, its CRLF not counted.
  public init(framing: Framing, discipline: Discipline, lineLimit: Int = ProtocolLimits.textLine) {
    self.framing = framing
    self.discipline = discipline
    self.lineLimit = lineLimit
  }

  /// Reads content. Stops right after the end, if that is reached.
  ///
  /// - Parameters:
  ///   - input: bytes as they came; for `counted` no more than belong to the chunk.
  ///   - output: what is content is appended here.
  /// - Returns: how many bytes of `input` were used; fewer than all only when ``isComplete``.
  public mutating func decode(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) -> Int {
    var index = 0
    while index < input.count, !isComplete {
      if position == .inside || position == .start && !isSpecialAtStart(input[index]) {
        position = .inside
        index = decodeRun(input, from: index, into: &output)
      } else {
        step(input[index], into: &output)
        index += 1
      }
    }
    return index
  }

  /// The last chunk has been read: a CR that still waits for its LF stands alone.
  public mutating func finish(into output: inout [UInt8]) {
    guard !isComplete else { return }
    if position == .carriageReturn { loneReturn() }
    isComplete = true
  }

  private func isSpecialAtStart(_ byte: UInt8) -> Bool {
    byte == 0x0d || byte == 0x0a || byte == 0x2e && framing == .dot
  }

  /// The inside of a line: everything up to the next CR or LF at once, with the CRLF where that is what comes.
  private mutating func decodeRun(
    _ input: UnsafeRawBufferPointer, from start: Int, into output: inout [UInt8]
  ) -> Int {
    let rest = UnsafeRawBufferPointer(rebasing: input[start...])
    guard let base = rest.baseAddress else { return input.count }
    let lineFeed = memchr(base, 0x0a, rest.count).map { base.distance(to: UnsafeRawPointer($0)) }
    let line = lineFeed ?? rest.count
    let carriageReturn = memchr(base, 0x0d, line).map { base.distance(to: UnsafeRawPointer($0)) }
    if let lineFeed, let carriageReturn, lineFeed == carriageReturn + 1 {
      putLine(UnsafeRawBufferPointer(rebasing: rest[...lineFeed]), into: &output)
      position = .start
      return start + lineFeed + 1
    }
    put(UnsafeRawBufferPointer(rebasing: rest[..<(carriageReturn ?? line)]), into: &output)
    if let carriageReturn {
      position = .carriageReturn
      return start + carriageReturn + 1
    }
    guard let lineFeed else { return input.count }
    loneLineFeed(into: &output)
    return start + lineFeed + 1
  }

  /// One byte where the position matters.
  private mutating func step(_ byte: UInt8, into output: inout [UInt8]) {
    switch (position, byte) {
    case (.start, 0x2e) where framing == .dot:
      position = .dot
    case (.start, 0x0d), (.inside, 0x0d):
      position = .carriageReturn
    case (.dot, 0x0d):
      position = .dotReturn
    case (.dotReturn, 0x0a):
      isComplete = true
    case (.carriageReturn, 0x0a):
      endLine(into: &output)
    case (.carriageReturn, 0x0d):
      loneReturn()
    case (.dotReturn, 0x0d):
      // The dot was one too many, as on any line that has more on it; the first CR stands alone.
      loneReturn()
      position = .carriageReturn
    case (.carriageReturn, _), (.dotReturn, _):
      loneReturn()
      position = .inside
      put(byte, into: &output)
    case (_, 0x0a):
      loneLineFeed(into: &output)
    default:
      position = .inside
      put(byte, into: &output)
    }
  }

  private mutating func endLine(into output: inout [UInt8]) {
    putLineEnd(into: &output)
    position = .start
  }

  /// No line begins after it: a dot that follows is neither an end nor doubled.
  private mutating func loneLineFeed(into output: inout [UInt8]) {
    position = .inside
    if discipline == .strict { fail(.bareLineFeed) } else { putLineEnd(into: &output) }
  }

  private mutating func loneReturn() {
    if discipline == .strict { fail(.bareCarriageReturn) }
  }

  private mutating func fail(_ what: Fault) {
    if fault == nil { fault = what }
  }

  private mutating func putLineEnd(into output: inout [UInt8]) {
    lineLength = 0
    guard fault == nil else { return }
    output.append(0x0d)
    output.append(0x0a)
    size &+= 2
  }

  /// The rest of a line with its CRLF, in one piece.
  private mutating func putLine(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) {
    guard fault == nil else { return }
    guard lineLength + bytes.count - 2 <= lineLimit else { return fail(.lineTooLong) }
    lineLength = 0
    output.append(contentsOf: bytes)
    size &+= bytes.count
  }

  private mutating func put(_ byte: UInt8, into output: inout [UInt8]) {
    withUnsafeBytes(of: byte) { put($0, into: &output) }
  }

  private mutating func put(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) {
    guard bytes.count > 0, fault == nil else { return }
    lineLength += bytes.count
    if lineLength > lineLimit {
      fail(.lineTooLong)
      return
    }
    output.append(contentsOf: bytes)
    size &+= bytes.count
  }
}
