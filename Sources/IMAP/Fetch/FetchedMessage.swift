internal import MailFlow
internal import Message
internal import Store

/// One message of a FETCH, with what has been read of it so far. It belongs to the session that fetches.
final class FetchedMessage {
  let row: FetchedEntry
  let dialect: MailboxName.Encoding
  private let store: Store
  private let body: [UInt8]?
  private var opened: StoredMessage?
  private var decodedStructure: MIMEStructure?
  private var decoded: [[UInt32]: DecodedPart] = [:]

  /// - Parameter body: the body, if it is small and was read together with the row.
  init(_ row: FetchedEntry, body: [UInt8]?, dialect: MailboxName.Encoding, store: Store) {
    self.row = row
    self.body = body
    self.dialect = dialect
    self.store = store
  }

  private var facts: ContentFacts { ContentFacts(rawValue: row.facts) }

  /// Whether headers must be shown otherwise than they are: RFC 6855 §8.
  private var needsDowngrade: Bool { dialect == .modifiedUTF7 && facts.contains(.eightBitHeaders) }

  /// The copy's own fields and the header section.
  lazy var header = HeaderSection(row.prefix + row.columns.header)

  /// Octets of prefix and header section.
  private var headerSize: Int { row.prefix.count + row.headerSize }

  private var bodySize: Int { max(row.entry.size - headerSize, 0) }

  // MARK: Ready-made texts

  var envelopeText: [UInt8] {
    guard dialect == .utf8, facts.contains(.eightBitHeaders) else { return row.columns.envelope }
    return header.envelopeText(.utf8)
  }

  var bodyStructureText: [UInt8] {
    guard dialect == .utf8, facts.contains(.eightBitHeaders) else { return row.columns.bodyStructure }
    return structure.bodyStructureText(extended: true, .utf8)
  }

  var bodyText: [UInt8] {
    structure.bodyStructureText(extended: false, dialect == .utf8 ? .utf8 : .ascii)
  }

  /// A structure that cannot be read is served as one opaque part.
  var structure: MIMEStructure {
    if let decodedStructure { return decodedStructure }
    let structure = MIMEStructure(encoded: row.columns.structure) ?? .opaque(bodySize: bodySize)
    decodedStructure = structure
    return structure
  }

  /// The structure where the plan did not ask for it.
  private func loadStructure() async throws {
    guard decodedStructure == nil, row.columns.structure.isEmpty else { return }
    let content = row.entry.content
    let columns = try await store.read { try $0.columns(of: content, .structure) }
    decodedStructure = columns.flatMap { MIMEStructure(encoded: $0.structure) } ?? .opaque(bodySize: bodySize)
  }

  // MARK: Sections

  /// The octets of a section; nil if the message has no such part, for which the answer is NIL.
  func content(of section: Section) async throws -> SectionContent? {
    guard let located = locate(section) else { return nil }
    let bodyRange = headerSize + located.body.lowerBound..<headerSize + located.body.upperBound
    switch section.text {
    case .fields(let names): return try await fields(located, bodyRange) { $0.fields(names) }
    case .fieldsNot(let names): return try await fields(located, bodyRange) { $0.fieldsNot(names) }
    case .header, .text, .mime, nil: break
    }
    var segments: [SectionContent.Segment] = []
    if located.includesHeader {
      segments.append(.made(needsDowngrade && header.has8Bit ? header.downgraded() : header.bytes))
    }
    segments.append(.stored(bodyRange))
    let content = SectionContent(segments)
    return needsDowngrade ? content.replacing(try await downgradedHeaders(within: bodyRange)) : content
  }

  private func locate(_ section: Section) -> MessageSection? {
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
    guard let located = structure.section(section.part.map { Int($0) }, kind) else { return nil }
    // What was stored is believed only as far as the message reaches.
    let lower = min(max(located.body.lowerBound, 0), bodySize)
    let upper = min(max(located.body.upperBound, lower), bodySize)
    return MessageSection(includesHeader: located.includesHeader, body: lower..<upper)
  }

  private func fields(
    _ located: MessageSection, _ range: Range<Int>, _ take: (HeaderSection) -> [UInt8]
  ) async throws -> SectionContent {
    let section = located.includesHeader ? header : HeaderSection(try await octets(range))
    let subset = take(section)
    guard needsDowngrade, section.has8Bit else { return SectionContent([.made(subset)]) }
    return SectionContent([.made(HeaderSection(subset).downgraded())])
  }

  /// The headers of parts and embedded messages in a range that have octets above 127, as RFC 6858 shows them.
  private func downgradedHeaders(within range: Range<Int>) async throws -> [(range: Range<Int>, octets: [UInt8])] {
    try await loadStructure()
    var result: [(range: Range<Int>, octets: [UInt8])] = []
    for part in structure.parts where part.has8BitHeader && !part.header.isEmpty {
      let place = headerSize + part.header.lowerBound..<headerSize + part.header.upperBound
      guard place.lowerBound >= range.lowerBound, place.upperBound <= range.upperBound else { continue }
      result.append((place, HeaderSection(try await octets(place)).downgraded()))
    }
    return result
  }

  // MARK: Octets

  /// Octets of the whole message: prefix, header section and body as one run. Fewer at its end.
  func octets(_ range: Range<Int>) async throws -> [UInt8] {
    if let body, range.lowerBound >= headerSize {
      let lower = min(range.lowerBound - headerSize, body.count)
      return Array(body[lower..<min(max(range.upperBound - headerSize, lower), body.count)])
    }
    let message = try await open()
    var result: [UInt8] = []
    while result.count < range.count {
      let piece = try await message.bytes(from: range.lowerBound + result.count, count: range.count - result.count)
      guard !piece.isEmpty else { break }
      result.append(contentsOf: piece)
    }
    return result
  }

  /// One piece from a place on, at most 64 KiB: what is held in memory at a time.
  func piece(from position: Int, to end: Int) async throws -> [UInt8] {
    try await octets(position..<min(end, position + 65_536))
  }

  private func open() async throws -> StoredMessage {
    if let opened { return opened }
    guard let message = try await store.open(row.entry.content, prefix: row.entry.prefix) else {
      throw StoreError.missing("content of message \(row.entry.uid)")
    }
    opened = message
    return message
  }

  // MARK: Decoded parts

  /// What a BINARY of this part is (RFC 3516 §4.3, RFC 9051 §6.4.5); found out once.
  func decodedPart(_ path: [UInt32]) async throws -> DecodedPart {
    if let known = decoded[path] { return known }
    let part = try await examine(path)
    decoded[path] = part
    return part
  }

  private func examine(_ path: [UInt32]) async throws -> DecodedPart {
    guard !path.isEmpty else { return try await whole() }
    guard let part = structure.part(path.map { Int($0) }) else { return .missing }
    guard part.kind == .leaf || part.kind == .opaque else { return .notLeaf }
    guard var decoder = PartDecoder(part) else { return .unknownEncoding }
    var size = 0
    var hasNUL = false
    try await decode(part, &decoder) { piece in
      size += piece.count
      hasNUL = hasNUL || piece.contains(0)
    }
    return .leaf(part, size: size, hasNUL: hasNUL)
  }

  /// `BINARY[]` is the message itself, which has no transfer encoding of its own.
  private func whole() async throws -> DecodedPart {
    guard let content = try await content(of: Section()) else { return .missing }
    return .message(content, hasNUL: facts.contains(.nul))
  }

  /// Decodes a part from its beginning, a piece at a time.
  func decode(_ part: MIMEPart, _ decoder: inout PartDecoder, _ take: ([UInt8]) async throws -> Void) async throws {
    let size = bodySize
    let end = headerSize + min(max(part.body.upperBound, 0), size)
    var position = headerSize + min(max(part.body.lowerBound, 0), size)
    while position < end {
      let piece = try await piece(from: position, to: end)
      guard !piece.isEmpty else { break }
      position += piece.count
      try await take(decoder.decode(piece))
    }
    try await take(decoder.finish())
  }
}

/// What BINARY finds at a section.
enum DecodedPart {
  case missing
  /// A multipart or an embedded message, which BINARY cannot be asked of.
  case notLeaf
  case unknownEncoding
  case leaf(MIMEPart, size: Int, hasNUL: Bool)
  case message(SectionContent, hasNUL: Bool)
}
