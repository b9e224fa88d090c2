/// Reads the answer to one GET (RFC 9112), in any pieces. Any bytes give an answer or an error; what is kept is bounded.
///
///     status ─▶ fields ─┬─▶ body (Content-Length) ──────────────────────▶ finished
///        ▲  1xx  │      ├─▶ chunk size ─▶ chunk ─▶ … ─▶ trailer ────────▶ finished
///        └───────┘      └─▶ rest (to the end of the connection) ── end ─▶ finished
struct HTTPResponseParser: Sendable {
  /// Status line, fields, chunk sizes and trailer together, in octets.
  static let lineBudget = 32 * 1024
  static let fieldLimit = 200
  static let interimLimit = 10

  private enum Stage {
    case status, fields, body(left: Int), chunkSize, chunk(left: Int), chunkEnd, trailer, rest, finished
  }

  private let limit: Int
  private var stage = Stage.status
  private var line: [UInt8] = []
  private var lineOctets = 0
  private var interims = 0
  private var response = HTTPResponse(status: 0, fields: [], body: [])

  /// - Parameter limit: octets of the body.
  init(limit: Int) { self.limit = max(limit, 0) }

  /// The answer, once it is complete.
  var finished: HTTPResponse? { if case .finished = stage { response } else { nil } }

  /// Takes what has arrived. Whatever comes behind the end of the answer is ignored.
  mutating func receive(_ bytes: some Collection<UInt8>) throws(HTTPError) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      switch stage {
      case .finished: return
      case .body(let left):
        try keep(rest.prefix(left))
        let remaining = left - min(left, rest.count)
        rest = rest.dropFirst(left)
        stage = remaining == 0 ? .finished : .body(left: remaining)
      case .chunk(let left):
        try keep(rest.prefix(left))
        let remaining = left - min(left, rest.count)
        rest = rest.dropFirst(left)
        stage = remaining == 0 ? .chunkEnd : .chunk(left: remaining)
      case .rest:
        try keep(rest)
        rest = []
      case .status, .fields, .chunkSize, .chunkEnd, .trailer:
        guard let whole = try takeLine(&rest) else { return }
        try read(whole)
      }
    }
  }

  /// The server ended the connection.
  mutating func end() throws(HTTPError) {
    switch stage {
    case .finished: return
    case .rest: stage = .finished
    default: throw HTTPError(.unreachable, "the server ended the connection in the middle of its answer")
    }
  }

  private mutating func keep(_ bytes: ArraySlice<UInt8>) throws(HTTPError) {
    guard response.body.count + bytes.count <= limit else { throw tooLarge }
    response.body += bytes
  }

  private var tooLarge: HTTPError { HTTPError(.tooLarge, "the answer is larger than \(limit) octets") }

  private func malformed(_ what: String) -> HTTPError { HTTPError(.malformed, "the answer is no HTTP: \(what)") }

  /// A line without its end; `nil`: its end has not come. A bare LF ends one too (RFC 9112 §2.2).
  private mutating func takeLine(_ rest: inout ArraySlice<UInt8>) throws(HTTPError) -> [UInt8]? {
    let end = rest.firstIndex(of: 10)
    let part = rest[..<(end ?? rest.endIndex)]
    lineOctets += part.count + (end == nil ? 0 : 1)
    guard lineOctets <= Self.lineBudget else { throw malformed("its header is too long") }
    line += part
    rest = end.map { rest[($0 + 1)...] } ?? []
    guard end != nil else { return nil }
    defer { line = [] }
    return line.last == 13 ? line.dropLast() : line
  }

  private mutating func read(_ line: [UInt8]) throws(HTTPError) {
    switch stage {
    case .status: try readStatus(line)
    case .fields:
      if line.isEmpty { return try beginBody() }
      response.fields.append(try field(line))
      guard response.fields.count <= Self.fieldLimit else { throw malformed("it has too many fields") }
    case .chunkSize: try readChunkSize(line)
    case .chunkEnd:
      guard line.isEmpty else { throw malformed("a chunk has no end") }
      stage = .chunkSize
    case .trailer: if line.isEmpty { stage = .finished }
    case .body, .chunk, .rest, .finished: break
    }
  }

  /// `HTTP/1.1 200 OK`; the words may be missing.
  private mutating func readStatus(_ line: [UInt8]) throws(HTTPError) {
    let digits = line.dropFirst(9).prefix(3)
    guard line.count >= 12, line.prefix(7).elementsEqual("HTTP/1.".utf8), Self.isDigit(line[7]), line[8] == 0x20,
      digits.allSatisfy(Self.isDigit), line.count == 12 || line[12] == 0x20
    else { throw malformed("its first line is no status line") }
    response.status = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    guard (100...599).contains(response.status) else { throw malformed("its status is \(response.status)") }
    stage = .fields
  }

  private func field(_ line: [UInt8]) throws(HTTPError) -> HTTPResponse.Field {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0, line[..<colon].allSatisfy(Self.isToken)
    else { throw malformed("a line of its header is no field") }
    let value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 9 }
    let end = value.lastIndex { $0 != 0x20 && $0 != 9 }
    // Other control characters have no business in a value (RFC 9110 §5.5).
    guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 9 }) else { throw malformed("a field has NUL or CR") }
    return HTTPResponse.Field(
      name: String(decoding: line[..<colon], as: UTF8.self).lowercased(),
      value: String(decoding: end.map { value[...$0] } ?? [], as: UTF8.self))
  }

  /// The header is complete: how long the body is (RFC 9112 §6.3).
  private mutating func beginBody() throws(HTTPError) {
    if response.status < 200 {
      interims += 1
      guard interims <= Self.interimLimit else { throw malformed("it does not come to the point") }
      response.fields = []
      stage = .status
      return
    }
    let lengths = response.fields.filter { $0.name == "content-length" }
    let codings = response.fields.filter { $0.name == "transfer-encoding" }
    if response.status == 204 || response.status == 304 {
      stage = .finished
    } else if !codings.isEmpty {
      // Both together are how answers are smuggled.
      guard lengths.isEmpty, codings.count == 1, codings[0].value.lowercased() == "chunked" else {
        throw malformed("it cannot be told where it ends")
      }
      stage = .chunkSize
    } else if let length = lengths.first {
      let digits = Array(length.value.utf8)
      guard lengths.count == 1, (1...15).contains(digits.count), digits.allSatisfy(Self.isDigit) else {
        throw malformed("it cannot be told where it ends")
      }
      let size = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
      guard size <= limit else { throw tooLarge }
      stage = size == 0 ? .finished : .body(left: size)
    } else {
      stage = .rest
    }
  }

  /// `1a3;extension`.
  private mutating func readChunkSize(_ line: [UInt8]) throws(HTTPError) {
    let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 9 }
    guard (1...8).contains(digits.count), let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0,
      digits.first != UInt8(ascii: "+")
    else { throw malformed("the size of a chunk is no number") }
    guard response.body.count + size <= limit else { throw tooLarge }
    stage = size == 0 ? .trailer : .chunk(left: size)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// RFC 9110 §5.6.2.
  private static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
