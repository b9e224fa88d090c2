/// The structure as compact bytes, for the store.
///
/// A version, then numbers as LEB128 and strings with their lengths. Readers check everything: what comes out of a
/// damaged database is no structure, never a trap.
extension MIMEStructure {
  private static let version: UInt8 = 1
  /// Writing BODYSTRUCTURE goes as deep as the parts do.
  private static let depthLimit = 250

  public func encoded() -> [UInt8] {
    var writer = CompactWriter()
    writer.byte(MIMEStructure.version)
    writer.number(bodySize)
    writer.number(bodyLines)
    writer.number(longestLine)
    writer.number(receivedCount)
    writer.flags([has8BitBody, hasNUL, isTruncated])
    writer.number(parts.count)
    for part in parts { part.write(to: &writer) }
    return writer.bytes
  }

  /// Reads what ``encoded()`` wrote. nil if it is damaged or of a version that this program does not know: scan
  /// again then.
  public init?(encoded: some Collection<UInt8>) {
    var reader = CompactReader(Array(encoded))
    guard reader.byte() == MIMEStructure.version, let bodySize = reader.number(), let bodyLines = reader.number(),
      let longestLine = reader.number(), let receivedCount = reader.number(), let flags = reader.flags(3),
      let count = reader.number(), count > 0, count <= reader.remaining
    else { return nil }
    var parts: [MIMEPart] = []
    for index in 0..<count {
      guard let part = MIMEPart(from: &reader, bodySize: bodySize) else { return nil }
      if let parent = part.parent {
        guard parent < index, parts[parent].kind == .multipart || parts[parent].kind == .message else { return nil }
        parts[parent].children.append(index)
      } else if index > 0 {
        return nil
      }
      parts.append(part)
    }
    guard reader.remaining == 0, MIMEStructure.isSound(parts) else { return nil }
    self.init(
      parts: parts, bodySize: bodySize, bodyLines: bodyLines, has8BitBody: flags[0], hasNUL: flags[1],
      longestLine: longestLine, receivedCount: receivedCount, isTruncated: flags[2])
  }

  /// What writing IMAP texts relies on: depth is bounded, multiparts have parts, messages have one.
  private static func isSound(_ parts: [MIMEPart]) -> Bool {
    var depths: [Int] = []
    for part in parts {
      let depth = part.parent.map { depths[$0] + 1 } ?? 0
      guard depth <= depthLimit else { return false }
      depths.append(depth)
      switch part.kind {
      case .multipart: if part.children.isEmpty { return false }
      case .message: if part.children.count != 1 { return false }
      case .leaf, .opaque: break
      }
    }
    return true
  }
}

extension MIMEPart {
  fileprivate func write(to writer: inout CompactWriter) {
    writer.byte(kind.rawValue)
    writer.number(parent.map { $0 + 1 } ?? 0)
    writer.range(header)
    writer.range(body)
    writer.number(lines)
    writer.flags([has8BitHeader, has8BitBody])
    writer.string(Array(type.type.utf8))
    writer.string(Array(type.subtype.utf8))
    writer.parameters(type.parameters)
    writer.string(Array(encoding.name.utf8))
    writer.optional(disposition.map { Array($0.kind.utf8) })
    if let disposition { writer.parameters(disposition.parameters) }
    for value in [id, contentDescription, md5, location] { writer.optional(value) }
    writer.number(languages.count)
    for language in languages { writer.string(language) }
    writer.optional(envelope?.ascii)
    if let envelope { writer.optional(envelope.utf8) }
  }

  fileprivate init?(from reader: inout CompactReader, bodySize: Int) {
    guard let kind = reader.byte().flatMap(Kind.init(rawValue:)), let parent = reader.number(),
      let header = reader.range(within: bodySize), let body = reader.range(within: bodySize),
      let lines = reader.number(), let flags = reader.flags(2), let type = reader.text(),
      let subtype = reader.text(), let parameters = reader.parameters(), let encoding = reader.string()
    else { return nil }
    self.init(
      kind: kind, parent: parent == 0 ? nil : parent - 1, header: header, body: body, lines: lines,
      type: ContentType(type: type, subtype: subtype, parameters: parameters), encoding: TransferEncoding(encoding),
      has8BitHeader: flags[0], has8BitBody: flags[1])
    guard readDisposition(&reader), readFields(&reader), readEnvelope(&reader) else { return nil }
  }

  private mutating func readDisposition(_ reader: inout CompactReader) -> Bool {
    guard let kind = reader.optional() else { return false }
    guard let kind else { return true }
    guard let parameters = reader.parameters() else { return false }
    disposition = ContentDisposition(kind: String(decoding: kind, as: UTF8.self), parameters: parameters)
    return true
  }

  private mutating func readFields(_ reader: inout CompactReader) -> Bool {
    guard let id = reader.optional(), let description = reader.optional(), let md5 = reader.optional(),
      let location = reader.optional(), let count = reader.number(), count <= reader.remaining
    else { return false }
    (self.id, contentDescription, self.md5, self.location) = (id, description, md5, location)
    for _ in 0..<count {
      guard let language = reader.string() else { return false }
      languages.append(language)
    }
    return true
  }

  private mutating func readEnvelope(_ reader: inout CompactReader) -> Bool {
    guard let ascii = reader.optional() else { return false }
    guard let ascii else { return true }
    guard let utf8 = reader.optional() else { return false }
    envelope = Envelope(ascii: ascii, utf8: utf8)
    return true
  }
}
