internal import Message

/// A message's tokens, while its content streams by: header, text, HTML without its markup, links, what its parts are.
///
///     header ──▶ begin(part) ──▶ append… ──▶ end ──▶ begin(next part) … ──▶ tokens
///
/// Its memory is that of ``TokenSet`` and one decoded piece, whatever the message's size: ``wanted(in:)`` names the ranges of
/// the body that are looked at, at most ``textLimit`` bytes of them.
struct Tokenizer: ~Copyable {
  /// Bytes of bodies that are looked at, as they stand in the message.
  static let textLimit = 128 << 10
  /// Parts whose text is looked at, and whose types are.
  static let partLimit = 64

  private var found = TokenSet()
  private var text: Text?
  private var decoder: TransferDecoder?
  private var charset: CharsetDecoder?
  private var decoded: [UInt8] = []

  private enum Text {
    case plain(WordScanner)
    case html(HTMLScanner)
  }

  init(header: HeaderSection) { HeaderTokens.insert(header, into: &found) }

  /// The parts that have text, and how much of each is looked at.
  static func wanted(in structure: MIMEStructure) -> [(part: Int, range: Range<Int>)] {
    var wanted: [(part: Int, range: Range<Int>)] = []
    var left = textLimit
    for (index, part) in structure.parts.enumerated() where part.kind == .leaf && part.type.matches("text") {
      guard wanted.count < partLimit, left > 0 else { break }
      let range = part.body.prefix(left)
      left -= range.count
      if !range.isEmpty { wanted.append((index, range)) }
    }
    return wanted
  }

  /// What the parts are, without their content.
  mutating func insert(_ structure: MIMEStructure) {
    let place = Token.Place.part.rawValue
    for part in structure.parts.prefix(Self.partLimit) {
      let type = Token.addingLowercased("\(part.type.type)/\(part.type.subtype)".utf8.prefix(100), to: place)
      found.insert(Token.finished(type))
      if part.kind == .multipart { continue }
      found.insert(Token.finished(Token.addingLowercased(part.encoding.name.utf8, to: type)))
      if let charset = part.type.parameters.plainValue("charset") {
        found.insert(Token.finished(Token.addingLowercased(charset.prefix(40), to: Token.adding(number: 1, to: place))))
      }
      if let name = part.fileName {
        let suffix = name.utf8.suffix(12)
        let ending = suffix.lastIndex(of: UInt8(ascii: ".")).map { suffix[$0...] } ?? suffix.suffix(0)
        found.insert(Token.finished(Token.addingLowercased(ending, to: Token.adding(number: 2, to: place))))
      }
    }
    let shape = min(structure.parts.count, 10)
    found.insert(Token.finished(Token.adding(number: UInt64(shape), to: Token.adding(number: 3, to: place))))
  }

  mutating func begin(_ part: MIMEPart) {
    text = part.type.matches("text", "html") ? .html(HTMLScanner()) : .plain(WordScanner(.text))
    decoder = part.encoding.isIdentity ? nil : TransferDecoder(part.encoding)
    charset = Self.charset(of: part)
  }

  /// A decoder where the text is not ASCII or UTF-8 as it stands.
  private static func charset(of part: MIMEPart) -> CharsetDecoder? {
    guard let name = part.type.charset else {
      return part.has8BitBody ? CharsetDecoder("windows-1252") : nil
    }
    let lower = Token.addingLowercased(name.utf8, to: 0)
    if lower == ascii || lower == utf8 { return nil }
    return CharsetDecoder(name)
  }

  private static let ascii = Token.adding("us-ascii".utf8, to: 0)
  private static let utf8 = Token.adding("utf-8".utf8, to: 0)

  /// The next bytes of the part, as they stand in the message.
  mutating func append(_ piece: ArraySlice<UInt8>) {
    if decoder == nil, charset == nil {
      piece.withUnsafeBytes { scan($0) }
      return
    }
    decoded.removeAll(keepingCapacity: true)
    if decoder != nil {
      decoder?.decode(piece, into: &decoded)
      convertAndScan(decoded[...])
    } else {
      convertAndScan(piece)
    }
  }

  private mutating func convertAndScan(_ bytes: ArraySlice<UInt8>) {
    guard charset != nil else {
      bytes.withUnsafeBytes { scan($0) }
      return
    }
    var converted: [UInt8] = []
    charset?.decode(bytes, into: &converted)
    converted.withUnsafeBytes { scan($0) }
  }

  private mutating func scan(_ bytes: UnsafeRawBufferPointer) {
    guard !found.isFull else { return }
    switch text {
    case .plain(var words):
      text = nil
      words.append(bytes, into: &found)
      text = .plain(words)
    case .html(var html):
      text = nil
      html.append(bytes, into: &found)
      text = .html(html)
    case nil: break
    }
  }

  mutating func end() {
    if decoder != nil {
      decoded.removeAll(keepingCapacity: true)
      decoder?.finish(into: &decoded)
      convertAndScan(decoded[...])
    }
    if charset != nil {
      var rest: [UInt8] = []
      charset?.finish(into: &rest)
      rest.withUnsafeBytes { scan($0) }
    }
    switch text {
    case .plain(var words): words.end(into: &found)
    case .html(var html): html.end(into: &found)
    case nil: break
    }
    text = nil
    decoder = nil
    charset = nil
  }

  /// What was found, each once.
  var tokens: [UInt64] { found.tokens }

  /// The tokens of a message that is at hand in one piece.
  static func tokens(of header: HeaderSection, _ structure: MIMEStructure, body: [UInt8]) -> [UInt64] {
    var tokenizer = Tokenizer(header: header)
    tokenizer.insert(structure)
    for (index, range) in wanted(in: structure) {
      tokenizer.begin(structure.parts[index])
      tokenizer.append(body[range.clamped(to: 0..<body.count)])
      tokenizer.end()
    }
    return tokenizer.tokens
  }
}
