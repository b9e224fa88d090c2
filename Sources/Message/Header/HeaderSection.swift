#if canImport(Glibc)
  import Glibc
#endif

/// The header section of a message or of a MIME part: all bytes up to and including the empty line that ends it.
///
/// Any bytes are a header section. Lines end with CRLF or LF. A line that is neither a field nor a continuation is
/// kept as a field without a name, so that nothing is lost when the section is edited. A collection of its fields,
/// in their order.
public struct HeaderSection: Sendable, RandomAccessCollection {
  /// More fields than this are kept as one last field without a name.
  public static let fieldLimit = 200_000

  struct Offsets: Sendable {
    var start: Int
    var nameEnd: Int
    var bodyStart: Int
    var bodyEnd: Int
    var end: Int
  }

  /// The bytes of the section; nothing behind its empty line.
  public let bytes: [UInt8]
  /// The length of the empty line at the end: 2, 1, or 0 if the section has none (a message without a body).
  public let terminatorLength: Int
  /// Whether any octet is above 127 (RFC 6532, or a sender that ignores the standards).
  public let has8Bit: Bool
  private let offsets: [Offsets]

  /// Takes a section apart. Bytes behind the first empty line are dropped.
  public init(bytes: some Collection<UInt8>) { self.init(Array(bytes)) }

  public init(_ bytes: [UInt8]) {
    var offsets: [Offsets] = []
    var end = bytes.count
    var terminator = 0
    bytes.withUnsafeBytes { raw in
      var position = 0
      while position < raw.count {
        let line = LineScan.line(in: raw, from: position)
        if line.contentEnd == position {
          terminator = line.end - position
          end = line.end
          break
        }
        if let last = offsets.indices.last, ASCII.isBlank(raw[position]) || offsets.count >= HeaderSection.fieldLimit {
          offsets[last].bodyEnd = line.contentEnd
          offsets[last].end = line.end
        } else {
          offsets.append(HeaderSection.offsets(of: line, from: position, in: raw))
        }
        position = line.end
      }
    }
    self.bytes = end == bytes.count ? bytes : Array(bytes[..<end])
    self.terminatorLength = terminator
    self.has8Bit = self.bytes.withUnsafeBytes { ASCII.has8Bit($0) }
    self.offsets = offsets
  }

  private static func offsets(
    of line: LineScan.Line, from start: Int, in raw: UnsafeRawBufferPointer
  ) -> Offsets {
    let name = name(of: line, from: start, in: raw)
    guard !name.isEmpty, let colon = LineScan.find(UInt8(ascii: ":"), in: raw, from: name.endIndex, to: line.contentEnd)
    else {
      return Offsets(start: start, nameEnd: start, bodyStart: start, bodyEnd: line.contentEnd, end: line.end)
    }
    return Offsets(
      start: start, nameEnd: name.endIndex, bodyStart: colon + 1, bodyEnd: line.contentEnd, end: line.end)
  }

  /// The name of the field that begins with a line; empty if the line is no field.
  static func name(
    of line: LineScan.Line, from start: Int, in raw: UnsafeRawBufferPointer
  ) -> Slice<UnsafeRawBufferPointer> {
    var colon = start
    while colon < line.contentEnd, raw[colon] != UInt8(ascii: ":") { colon += 1 }
    guard colon < line.contentEnd else { return raw[start..<start] }
    var end = colon
    // RFC 5322 §4.5 (obsolete fields): white space may stand before the colon.
    while end > start, ASCII.isBlank(raw[end - 1]) { end -= 1 }
    let name = raw[start..<end]
    return name.allSatisfy { $0 > 32 && $0 < 127 } ? name : raw[start..<start]
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { offsets.count }

  public subscript(index: Int) -> HeaderField {
    let at = offsets[index]
    return HeaderField(
      bytes: bytes[at.start..<at.end], name: bytes[at.start..<at.nameEnd], body: bytes[at.bodyStart..<at.bodyEnd])
  }

  /// The first field of this name, in any case.
  public func first(_ name: some StringProtocol) -> HeaderField? {
    for field in self where field.isNamed(name) { return field }
    return nil
  }

  /// All fields of this name, in their order.
  public func all(_ name: some StringProtocol) -> [HeaderField] { filter { $0.isNamed(name) } }

  /// How many fields have this name.
  public func count(of name: some StringProtocol) -> Int { lazy.filter { $0.isNamed(name) }.count }

  /// The first field of this name as a person reads it.
  public func text(_ name: some StringProtocol) -> String? { first(name)?.text }
}
