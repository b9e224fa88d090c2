/// The tree of parts while it grows: what is open, and what a delimiter or the end of a header does to it.
///
/// The ``MIMEScanner`` reads lines and tells the tree; the tree answers what comes next.
struct MIMETree: Sendable {
  /// What the octets that follow are.
  enum Next: Sendable { case header, body, rest }

  /// A place in the body: the octets and the line ends before it.
  struct Place: Sendable {
    var offset: Int
    var lines: Int
  }

  private let limits: MIMEScanner.Limits
  private var parts: [MIMEPart] = []
  /// The open parts from the message down, each in the one before it.
  private var open: [(part: Int, linesBefore: Int)] = []
  private(set) var delimiters: [DelimiterLine.Open] = []
  private var headerOctetsLeft: Int
  private var envelopeOctetsLeft: Int
  private var isTruncated = false
  private let receivedCount: Int

  init(limits: MIMEScanner.Limits, receivedCount: Int) {
    self.limits = limits
    self.receivedCount = receivedCount
    headerOctetsLeft = limits.partHeaders
    envelopeOctetsLeft = limits.envelopes
  }

  /// How long the next part header may be.
  var headerLimit: Int { min(limits.partHeader, headerOctetsLeft) }

  // MARK: What the scanner tells

  /// The message itself begins; its header is not part of the body.
  mutating func begin(_ header: HeaderSection) -> Next {
    let start = Place(offset: 0, lines: 0)
    open(at: start)
    return describe(header, bodyStart: start, isEmbeddedMessage: false)
  }

  /// The header of the innermost part ended.
  mutating func endHeader(_ header: HeaderSection, at place: Place) -> Next {
    guard let current = open.last?.part else { return .rest }
    headerOctetsLeft -= header.bytes.count
    // A delimiter may cut a header off, and the line end before it may be that of another delimiter.
    let place = Place(offset: max(place.offset, parts[current].header.lowerBound), lines: place.lines)
    parts[current].header = parts[current].header.lowerBound..<place.offset
    parts[current].has8BitHeader = header.has8Bit
    let isEmbeddedMessage = parts[current].parent.map { parts[$0].kind == .message } ?? false
    if isEmbeddedMessage, !addEnvelope(header, to: current) { return giveUp() }
    return describe(header, bodyStart: place, isEmbeddedMessage: isEmbeddedMessage)
  }

  /// A delimiter line. `end` is where the body before it ends, `next` the place behind the line.
  mutating func delimiter(_ index: Int, _ kind: DelimiterLine.Kind, end: Place, next: Place) -> Next {
    let depth = delimiters[index].depth
    close(downTo: depth + 1, at: end)
    delimiters.removeSubrange((index + 1)...)
    if kind == .close {
      delimiters[index].isClosed = true
      return .body
    }
    open(at: next)
    return parts.count > limits.parts ? giveUp() : .header
  }

  /// Whether the body octets that came have any above 127.
  mutating func note8Bit(_ found: Bool) {
    if found, let current = open.last?.part { parts[current].has8BitBody = true }
  }

  /// A limit was reached: the innermost part takes all that is left.
  mutating func giveUp() -> Next {
    isTruncated = true
    delimiters = []
    if let current = open.last?.part {
      let start = parts[current].header.lowerBound
      parts[current].becomeOpaque(from: parts[current].parent == nil ? 0 : start)
    }
    return .rest
  }

  /// The message ended.
  mutating func finish(at place: Place, hasNUL: Bool, longestLine: Int) -> MIMEStructure {
    close(downTo: 0, at: place)
    for index in parts.indices.reversed() {
      guard let parent = parts[index].parent else { continue }
      if parts[index].has8BitBody || parts[index].has8BitHeader { parts[parent].has8BitBody = true }
    }
    return MIMEStructure(
      parts: parts, bodySize: place.offset, bodyLines: place.lines, has8BitBody: parts[0].has8BitBody, hasNUL: hasNUL,
      longestLine: longestLine, receivedCount: receivedCount, isTruncated: isTruncated)
  }

  // MARK: Parts

  private mutating func open(at place: Place) {
    let parent = open.last?.part
    let index = parts.count
    if let parent { parts[parent].children.append(index) }
    parts.append(
      MIMEPart(
        kind: .leaf, parent: parent, header: place.offset..<place.offset, body: place.offset..<place.offset, lines: 0,
        type: .plainText, encoding: .sevenBit, has8BitHeader: false, has8BitBody: false))
    open.append((index, place.lines))
  }

  /// Closes the innermost parts until only `count` are open.
  private mutating func close(downTo count: Int, at end: Place) {
    var end = end
    while open.count > count, let (index, linesBefore) = open.popLast() {
      let start = parts[index].body.lowerBound
      if end.offset > start {
        parts[index].body = start..<end.offset
        parts[index].lines = max(0, end.lines - linesBefore)
      } else if end.offset < start {
        // The line end before a delimiter is the one that ended the header: then there is no body, and the parts around
        // end where this one does.
        end = Place(offset: start, lines: end.lines + 1)
      }
      if parts[index].kind == .multipart, parts[index].children.isEmpty {
        // No delimiter ever came. Shown as text, nothing of it is hidden.
        parts[index].kind = .leaf
        parts[index].type = .plainText
      }
    }
  }

  /// Takes over what the header says about the innermost part, and answers what its body is.
  private mutating func describe(_ header: HeaderSection, bodyStart: Place, isEmbeddedMessage: Bool) -> Next {
    guard let current = open.indices.last else { return .rest }
    let index = open[current].part
    open[current].linesBefore = bodyStart.lines
    let isInDigest = parts[index].parent.map { parts[$0].type.matches("multipart", "digest") } ?? false
    let found = PartHeader(header, default: isInDigest && !isEmbeddedMessage ? .embeddedMessage : .plainText)
    parts[index].take(found)
    parts[index].body = bodyStart.offset..<bodyStart.offset
    if let boundary = found.boundary { return beginMultipart(index, boundary) }
    if found.isEmbeddedMessage { return beginMessage(index, at: bodyStart) }
    parts[index].settleAsLeaf()
    return .body
  }

  private mutating func beginMultipart(_ index: Int, _ boundary: [UInt8]) -> Next {
    guard isDeepEnough(index) else { return .body }
    parts[index].kind = .multipart
    delimiters.append(DelimiterLine.Open(depth: open.count - 1, boundary: boundary))
    return .body
  }

  private mutating func beginMessage(_ index: Int, at place: Place) -> Next {
    guard isDeepEnough(index) else { return .body }
    guard parts.count < limits.parts else { return giveUp() }
    parts[index].kind = .message
    open(at: place)
    return .header
  }

  /// Whether a part may have parts; if it is too deep for that, it becomes opaque.
  private mutating func isDeepEnough(_ index: Int) -> Bool {
    if open.count <= limits.depth { return true }
    isTruncated = true
    parts[index].becomeOpaque(from: parts[index].body.lowerBound)
    return false
  }

  /// False if embedded messages have taken all the room that ENVELOPE texts may take.
  private mutating func addEnvelope(_ header: HeaderSection, to index: Int) -> Bool {
    let ascii = header.envelopeText(.ascii)
    let utf8 = header.has8Bit ? header.envelopeText(.utf8) : nil
    envelopeOctetsLeft -= ascii.count + (utf8?.count ?? 0)
    parts[index].envelope = MIMEPart.Envelope(ascii: ascii, utf8: utf8)
    return envelopeOctetsLeft >= 0
  }
}

extension MIMEPart {
  fileprivate mutating func take(_ header: PartHeader) {
    type = header.type
    encoding = header.encoding
    disposition = header.disposition
    id = header.id
    contentDescription = header.description
    md5 = header.md5
    location = header.location
    languages = header.languages
    has8BitHeader = header.has8Bit
  }

  /// A part that says it has parts, but shows none, is something else.
  fileprivate mutating func settleAsLeaf() {
    if type.matches("multipart") {
      type = .plainText
    } else if type.matches("message", "rfc822") || type.matches("message", "global") {
      // Encoded, which RFC 2046 §5.2.1 forbids: to be saved as a file, its name kept.
      type = ContentType(type: "application", subtype: "octet-stream", parameters: type.parameters)
    }
  }

  fileprivate mutating func becomeOpaque(from start: Int) {
    kind = .opaque
    type = .octetStream
    body = start..<start
    if body.lowerBound < header.upperBound { header = start..<start }
  }
}
