/// Finds the parts of a message while its body streams by, in pieces of any size, in linear time.
///
/// It keeps the headers of parts, never a body. What a part is becomes known from its header alone; where it ends,
/// from the delimiter lines of the multiparts that are open.
///
///            ┌───────── delimiter ─────────┐
///            ▼                             │
///     ┌─▶ header ──empty line──▶ body ─────┤
///     │      │                             │
///     └──────┘ message/rfc822              └─ past a limit ──▶ rest
public struct MIMEScanner: Sendable {
  public struct Limits: Sendable {
    /// How deep parts may stand in each other. A part that is deeper is not looked into.
    public var depth = 100
    /// Past this number the rest of the message is one opaque part.
    public var parts = 10_000
    /// One part's header section, in octets. A longer one makes the rest of the message opaque.
    public var partHeader = 256 << 10
    /// All part headers together, in octets.
    public var partHeaders = 4 << 20
    /// The ENVELOPE texts of all embedded messages together, in octets.
    public var envelopes = 8 << 20

    public init() {}
  }

  private var tree: MIMETree
  /// What the octets that come now are.
  private var mode: MIMETree.Next
  /// The header of the part that just began.
  private var header: HeaderCollector

  // Where we are. Offsets count from the start of the body.
  private var offset = 0
  private var lineStart = 0
  private var endsWithCR = false
  /// The length of the line end before the current line: it belongs to a delimiter that follows (RFC 2046 §5.1.1).
  private var lineEnd = 0
  /// The beginning of a line that may be a delimiter, from earlier pieces.
  private var held: [UInt8] = []
  /// The current line began in an earlier piece and is no delimiter.
  private var lineIsOrdinary = false

  private var lines = 0
  private var longestLine = 0
  private var hasNUL = false

  /// Begins a message with this header.
  public init(header: HeaderSection, limits: Limits = Limits()) {
    tree = MIMETree(limits: limits, receivedCount: header.count(of: "Received"))
    mode = tree.begin(header)
    self.header = HeaderCollector(limit: tree.headerLimit)
  }

  /// Takes the next octets of the body.
  public mutating func append(_ piece: UnsafeRawBufferPointer) {
    var position = 0
    /// From here on the octets' 8-bit fact is not yet noted for the innermost part.
    var unnoted = 0
    while let lf = LineScan.find(ASCII.lf, in: piece, from: position, to: piece.count) {
      let end = lf &+ 1
      if mustLook(at: piece[position]) {
        look(at: piece, from: position, to: end, unnoted: &unnoted)
      }
      endLine(at: offset &+ end, hasCR: lf > 0 ? piece[lf &- 1] == ASCII.cr : endsWithCR)
      position = end
    }
    if position < piece.count { hold(UnsafeRawBufferPointer(rebasing: piece[position...])) }
    note8Bit(piece, from: unnoted, to: piece.count)
    if !hasNUL { hasNUL = LineScan.find(ASCII.nul, in: piece, from: 0, to: piece.count) != nil }
    if let last = piece.last { endsWithCR = last == ASCII.cr }
    offset &+= piece.count
  }

  public mutating func append(_ piece: ArraySlice<UInt8>) { piece.withUnsafeBytes { append($0) } }

  /// The structure, after the last octet. The scanner is used up.
  public mutating func finish() -> MIMEStructure {
    if offset > lineStart { longestLine = max(longestLine, offset - lineStart - (endsWithCR ? 1 : 0)) }
    let line = held
    held = []
    if !line.isEmpty {
      // The last line has no line end: it may be a delimiter all the same.
      let match = line.withUnsafeBytes { DelimiterLine.match($0, in: tree.delimiters) }
      if let match {
        act(on: match, next: MIMETree.Place(offset: offset, lines: lines))
      } else if mode == .header {
        takeHeader(line[...])
      }
    }
    endHeaders(at: MIMETree.Place(offset: offset, lines: lines))
    return tree.finish(at: MIMETree.Place(offset: offset, lines: lines), hasNUL: hasNUL, longestLine: longestLine)
  }

  /// Scans a message that is at hand in one piece.
  public static func scan(header: HeaderSection, body: ArraySlice<UInt8>, limits: Limits = Limits()) -> MIMEStructure {
    var scanner = MIMEScanner(header: header, limits: limits)
    scanner.append(body)
    return scanner.finish()
  }

  // MARK: Lines

  /// Whether the line that ends now matters: it belongs to a header, or may be a delimiter.
  @inline(__always)
  private func mustLook(at first: UInt8) -> Bool {
    switch mode {
    case .body: !lineIsOrdinary && (first == UInt8(ascii: "-") || !held.isEmpty) && !tree.delimiters.isEmpty
    case .header: true
    case .rest: false
    }
  }

  @inline(__always)
  private mutating func endLine(at end: Int, hasCR: Bool) {
    lineEnd = hasCR ? 2 : 1
    let length = end &- lineStart &- lineEnd
    if length > longestLine { longestLine = length }
    lines &+= 1
    lineStart = end
    lineIsOrdinary = false
  }

  /// A line ends at `end`; what came of it with this piece begins at `start`.
  private mutating func look(at piece: UnsafeRawBufferPointer, from start: Int, to end: Int, unnoted: inout Int) {
    let tail = UnsafeRawBufferPointer(rebasing: piece[start..<end])
    if let match = match(tail) {
      note8Bit(piece, from: unnoted, to: start)
      held = []
      act(on: match, next: MIMETree.Place(offset: offset + end, lines: lines + 1))
      unnoted = end
      return
    }
    if mode == .header {
      takeHeader(held[...])
      takeHeader(tail)
      if header.isComplete {
        // The line end of the empty line is not yet counted.
        endHeader(at: MIMETree.Place(offset: offset + end, lines: lines + 1))
      }
      if mode != .header { unnoted = end }
    }
    held = []
  }

  private func match(_ tail: UnsafeRawBufferPointer) -> (index: Int, kind: DelimiterLine.Kind)? {
    if lineIsOrdinary || held.count + tail.count > DelimiterLine.limit { return nil }
    if held.isEmpty { return DelimiterLine.match(tail.dropLF, in: tree.delimiters) }
    let line = held + tail.dropLF
    return line.withUnsafeBytes { DelimiterLine.match($0, in: tree.delimiters) }
  }

  /// The beginning of a line came whose end did not.
  private mutating func hold(_ tail: UnsafeRawBufferPointer) {
    if mode == .rest { return }
    if !lineIsOrdinary, !tree.delimiters.isEmpty, mayBecomeDelimiter(tail) {
      held += tail
      return
    }
    lineIsOrdinary = true
    if mode == .header {
      takeHeader(held[...])
      takeHeader(tail)
    }
    held = []
  }

  private func mayBecomeDelimiter(_ tail: UnsafeRawBufferPointer) -> Bool {
    let dash = UInt8(ascii: "-")
    if held.count + tail.count > DelimiterLine.limit { return false }
    switch held.count {
    case 0: return tail[0] == dash && (tail.count == 1 || tail[1] == dash)
    case 1: return tail[0] == dash
    default: return true
    }
  }

  // MARK: Parts

  private mutating func act(on match: (index: Int, kind: DelimiterLine.Kind), next: MIMETree.Place) {
    let end = MIMETree.Place(offset: lineStart - lineEnd, lines: lineEnd > 0 ? lines - 1 : lines)
    endHeaders(at: end)
    // A header may have been more than the limits allow.
    guard match.index < tree.delimiters.count else { return }
    mode = tree.delimiter(match.index, match.kind, end: end, next: next)
    header = HeaderCollector(limit: tree.headerLimit)
  }

  private mutating func takeHeader(_ bytes: UnsafeRawBufferPointer) {
    if mode != .header || bytes.isEmpty { return }
    _ = header.append(bytes)
    if header.isTooLarge {
      mode = tree.giveUp()
      // The octets are gone; they may have been above 127.
      tree.note8Bit(true)
    }
  }

  private mutating func takeHeader(_ bytes: ArraySlice<UInt8>) { bytes.withUnsafeBytes { takeHeader($0) } }

  private mutating func endHeader(at place: MIMETree.Place) {
    mode = tree.endHeader(HeaderSection(header.bytes), at: place)
    header = HeaderCollector(limit: tree.headerLimit)
  }

  /// Ends a header that has no empty line. An embedded message that begins with it ends with it too.
  private mutating func endHeaders(at place: MIMETree.Place) {
    while mode == .header { endHeader(at: place) }
  }

  /// Header octets are noted by their own section.
  private mutating func note8Bit(_ piece: UnsafeRawBufferPointer, from start: Int, to end: Int) {
    if mode == .header || start >= end { return }
    tree.note8Bit(ASCII.has8Bit(UnsafeRawBufferPointer(rebasing: piece[start..<end])))
  }
}

extension UnsafeRawBufferPointer {
  fileprivate var dropLF: UnsafeRawBufferPointer {
    last == ASCII.lf ? UnsafeRawBufferPointer(rebasing: self[..<(count - 1)]) : self
  }
}
