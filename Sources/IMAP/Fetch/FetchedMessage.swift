internal import MailFlow
internal import Message
internal import Store

/// One message of a FETCH, with what has been read of it so far. It lives inside one read transaction.
struct FetchedMessage {
  private(set) var row: FetchedEntry
  private let mailbox: MailboxID
  private let dialect: MailboxName.Encoding
  /// The process has ended twice while it read this message: nothing of it is looked at any more, it is one opaque part.
  private let isOpaque: Bool
  private var decodedStructure: MIMEStructure?
  private var headerOctets: [UInt8]?
  private var section: HeaderSection?
  private var decoded: [[UInt32]: DecodedPart] = [:]
  /// Octets of the body that were read: a slice of a FETCH ends where it has read enough.
  private(set) var octetsRead = 0

  init(_ row: FetchedEntry, mailbox: MailboxID, dialect: MailboxName.Encoding, isOpaque: Bool) {
    self.row = row
    self.mailbox = mailbox
    self.dialect = dialect
    self.isOpaque = isOpaque
  }

  private var facts: ContentFacts { ContentFacts(rawValue: row.facts) }

  var hasNUL: Bool { facts.contains(.nul) || facts.contains(.unparsed) }

  /// Whether headers must be shown otherwise than they are: RFC 6855 §8.
  private var needsDowngrade: Bool { !isOpaque && dialect == .modifiedUTF7 && facts.contains(.eightBitHeaders) }

  /// Octets of prefix and header section.
  private var headerSize: Int { row.prefix.count + row.headerSize }

  private var bodySize: Int { max(row.entry.size - headerSize, 0) }

  private mutating func load(_ columns: FetchColumns, _ reader: borrowing Reader) throws {
    try reader.complete(&row, columns, in: mailbox)
  }

  /// The copy's own fields and the header section, as they lie there.
  mutating func headerOctets(_ reader: borrowing Reader) throws -> [UInt8] {
    if let headerOctets { return headerOctets }
    try load(.header, reader)
    let octets = row.prefix + row.columns.header
    headerOctets = octets
    return octets
  }

  private mutating func header(_ reader: borrowing Reader) throws -> HeaderSection {
    if let section { return section }
    let made = HeaderSection(isOpaque ? [] : try headerOctets(reader))
    section = made
    return made
  }

  /// A structure that cannot be read is served as one opaque part.
  private mutating func structure(_ reader: borrowing Reader) throws -> MIMEStructure {
    if let decodedStructure { return decodedStructure }
    // With the header: without it the size of the body is not known.
    try load(isOpaque ? .header : [.structure, .header], reader)
    let stored = isOpaque ? nil : MIMEStructure(encoded: row.columns.structure)
    let made = stored ?? .opaque(bodySize: bodySize)
    decodedStructure = made
    return made
  }

  // MARK: Ready-made texts

  mutating func envelopeText(_ reader: borrowing Reader) throws -> [UInt8] {
    guard isOpaque || (dialect == .utf8 && facts.contains(.eightBitHeaders)) else { return row.columns.envelope }
    return try header(reader).envelopeText(.utf8)
  }

  mutating func bodyStructureText(_ reader: borrowing Reader) throws -> [UInt8] {
    guard isOpaque || (dialect == .utf8 && facts.contains(.eightBitHeaders)) else { return row.columns.bodyStructure }
    return try structure(reader).bodyStructureText(extended: true, .utf8)
  }

  mutating func bodyText(_ reader: borrowing Reader) throws -> [UInt8] {
    try structure(reader).bodyStructureText(extended: false, dialect == .utf8 ? .utf8 : .ascii)
  }

  // MARK: Sections

  /// The octets of a section; nil if the message has no such part, for which the answer is NIL.
  /// - Parameter filter: the fields that are wanted of it.
  mutating func content(
    of section: Section, _ filter: HeaderFieldFilter?, _ reader: borrowing Reader
  ) throws -> SectionContent? {
    if isOpaque, filter != nil { return SectionContent([.made([13, 10])]) }
    if section.part.isEmpty, let filter {
      return SectionContent([.made(downgraded(filter.fields(of: row.prefix + row.columns.header)))])
    }
    guard let located = try locate(section, reader) else { return nil }
    let bodyRange = headerSize + located.body.lowerBound..<headerSize + located.body.upperBound
    if let filter {
      let octets = try located.includesHeader ? headerOctets(reader) : octets(bodyRange, reader)
      return SectionContent([.made(downgraded(filter.fields(of: octets)))])
    }
    var segments: [SectionContent.Segment] = []
    if located.includesHeader { segments.append(.made(downgraded(try headerOctets(reader)))) }
    segments.append(.stored(bodyRange))
    let content = SectionContent(segments)
    return needsDowngrade ? content.replacing(try downgradedHeaders(within: bodyRange, reader)) : content
  }

  /// Header fields as this client may see them.
  private func downgraded(_ octets: [UInt8]) -> [UInt8] {
    needsDowngrade ? HeaderSection(octets).downgraded() : octets
  }

  private mutating func locate(_ section: Section, _ reader: borrowing Reader) throws -> MessageSection? {
    let kind: MIMEStructure.SectionKind =
      switch section.text {
      case .header, .fields, .fieldsNot: .header
      case .text: .text
      case .mime: .mime
      case nil: .whole
      }
    if section.part.isEmpty {
      switch kind {
      case .whole: return MessageSection(includesHeader: true, body: 0..<bodySize)
      case .header: return MessageSection(includesHeader: true, body: 0..<0)
      case .text: return MessageSection(includesHeader: false, body: 0..<bodySize)
      case .mime: return nil
      }
    }
    guard let located = try structure(reader).section(section.part.map { Int($0) }, kind) else { return nil }
    // What was stored is believed only as far as the message reaches.
    let lower = min(max(located.body.lowerBound, 0), bodySize)
    let upper = min(max(located.body.upperBound, lower), bodySize)
    return MessageSection(includesHeader: located.includesHeader, body: lower..<upper)
  }

  /// The headers of parts and embedded messages in a range that have octets above 127, as RFC 6858 shows them.
  private mutating func downgradedHeaders(
    within range: Range<Int>, _ reader: borrowing Reader
  ) throws -> [(range: Range<Int>, octets: [UInt8])] {
    var result: [(range: Range<Int>, octets: [UInt8])] = []
    for part in try structure(reader).parts where part.has8BitHeader && !part.header.isEmpty {
      let place = headerSize + part.header.lowerBound..<headerSize + part.header.upperBound
      guard place.lowerBound >= range.lowerBound, place.upperBound <= range.upperBound else { continue }
      result.append((place, HeaderSection(try octets(place, reader)).downgraded()))
    }
    return result
  }

  // MARK: Octets

  /// Octets of the whole message: prefix, header section and body as one run. Fewer at its end.
  private mutating func octets(_ range: Range<Int>, _ reader: borrowing Reader) throws -> [UInt8] {
    var result: [UInt8] = []
    try read(range, reader) { result.append(contentsOf: $0) }
    return result
  }

  /// Hands octets on as they lie there, without a copy.
  mutating func read(
    _ range: Range<Int>, _ reader: borrowing Reader, _ take: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    if range.lowerBound < headerSize {
      try headerOctets(reader).withUnsafeBytes { raw in
        let end = min(range.upperBound, raw.count)
        if range.lowerBound < end { try take(UnsafeRawBufferPointer(rebasing: raw[range.lowerBound..<end])) }
      }
    }
    let start = max(range.lowerBound - headerSize, 0)
    let end = min(range.upperBound - headerSize, bodySize)
    guard start < end, let body = row.content?.body else { return }
    octetsRead += end - start
    try reader.body(body, from: start, count: end - start, take)
  }

  // MARK: Decoded parts

  /// What a BINARY of this part is (RFC 3516 §4.3, RFC 9051 §6.4.5); found out once.
  mutating func decodedPart(_ path: [UInt32], _ reader: borrowing Reader) throws -> DecodedPart {
    if let known = decoded[path] { return known }
    let part = try examine(path, reader)
    decoded[path] = part
    return part
  }

  private mutating func examine(_ path: [UInt32], _ reader: borrowing Reader) throws -> DecodedPart {
    guard !path.isEmpty else {
      guard let content = try content(of: Section(), nil, reader) else { return .missing }
      // The message itself has no transfer encoding of its own.
      return .message(content, hasNUL: facts.contains(.nul))
    }
    guard let part = try structure(reader).part(path.map { Int($0) }) else { return .missing }
    guard part.kind == .leaf || part.kind == .opaque else { return .notLeaf }
    guard var decoder = PartDecoder(part) else { return .unknownEncoding }
    let lower = min(max(part.body.lowerBound, 0), bodySize)
    let place = headerSize + lower..<headerSize + min(max(part.body.upperBound, lower), bodySize)
    var leaf = DecodedLeaf(part: part, place: place)
    try read(place, reader) { leaf.add(decoder.decode(Array($0))) }
    leaf.add(decoder.finish())
    return .leaf(leaf)
  }
}

/// What BINARY finds at a section.
enum DecodedPart {
  case missing
  /// A multipart or an embedded message, which BINARY cannot be asked of.
  case notLeaf
  case unknownEncoding
  case leaf(DecodedLeaf)
  case message(SectionContent, hasNUL: Bool)
}

/// A part out of its transfer encoding: what is known of it before it is sent.
struct DecodedLeaf {
  let part: MIMEPart
  /// Where it lies in the message, encoded.
  let place: Range<Int>
  private(set) var size = 0
  private(set) var hasNUL = false
  /// Its octets, unless they are too many to be kept.
  private(set) var octets: [UInt8]? = []

  init(part: MIMEPart, place: Range<Int>) {
    self.part = part
    self.place = place
  }

  fileprivate mutating func add(_ piece: [UInt8]) {
    size += piece.count
    hasNUL = hasNUL || piece.contains(0)
    if size <= FetchResponder.small { octets?.append(contentsOf: piece) } else { octets = nil }
  }
}
