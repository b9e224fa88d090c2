import NIOPosix
import Platform
import Synchronization
import Testing

@testable import Network

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(5))) struct HTTPSClientTests {
  /// A server on loopback that answers every request with these bytes, and a client that trusts it.
  func serving(
    _ names: [String] = ["mta-sts.example.net"], trusted: Bool = true, closes: Bool = true,
    answer: @escaping @Sendable (Connection, [String]) async throws -> Void,
    _ body: (HTTPSClient) async throws -> Void
  ) async throws {
    let own = try SelfMadeCertificate(names: names, now: Clock.system.now())
    let contexts = try TLSContexts([try own.certificate()])
    var template = Array("/tmp/postroom-https-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    _ = own.certificatePEM.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    let trust = try ClientTrust(roots: trusted ? path : nil)
    try await Loopback.serve({ $0.implicitTLS = contexts }) { connection in
      var request: [String] = []
      while let line = try await connection.text(), !line.isEmpty { request.append(line) }
      try await answer(connection, request)
      if closes { await connection.close() }
    } _: { loopback in
      try await body(HTTPSClient(connector: loopback.connector, trust: trust, port: loopback.port))
    }
  }

  static let loopback = [IPAddress("127.0.0.1")].compactMap { $0 }

  func get(
    _ client: HTTPSClient, host: String = "mta-sts.example.net", limit: Int = 65_536, within: Duration = .seconds(30)
  ) async throws(HTTPError) -> HTTPResponse {
    try await client.get(
      host: host, path: "/.well-known/mta-sts.txt", addresses: Self.loopback, limit: limit, within: within)
  }

  @Test func aDocumentIsFetched() async throws {
    let seen = Mutex<[String]>([])
    let body = "version: STSv1\r\n"
    try await serving { connection, request in
      seen.withLock { $0 = request }
      try await connection.write(
        "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
      )
    } _: { client in
      let response = try await get(client)
      #expect(response.status == 200 && response.body == Array(body.utf8) && response.mediaType == "text/plain")
    }
    let request = seen.withLock { $0 }
    #expect(request.first == "GET /.well-known/mta-sts.txt HTTP/1.1")
    #expect(request.contains("Host: mta-sts.example.net") && request.contains("Connection: close"))
  }

  @Test func aRedirectIsAnAnswerLikeAnyOther() async throws {
    try await serving { connection, _ in
      try await connection.write("HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 0\r\n\r\n")
    } _: { client in
      let response = try await get(client)
      #expect(response.status == 302 && response.field("Location") == "https://example.org/")
    }
  }

  @Test func whoeverCannotProveTheNameIsNotAsked() async throws {
    let asked = Atomic(0)
    try await serving(["other.example"]) { _, _ in
      asked.add(1, ordering: .relaxed)
    } _: { client in
      let error = await #expect(throws: HTTPError.self) { _ = try await get(client) }
      #expect(error?.kind == .certificate(.nameMismatch))
    }
    try await serving(trusted: false) { _, _ in
      asked.add(1, ordering: .relaxed)
    } _: { client in
      let error = await #expect(throws: HTTPError.self) { _ = try await get(client) }
      #expect(error?.kind == .certificate(.untrusted))
    }
    #expect(asked.load(ordering: .relaxed) == 0)
  }

  @Test func whatIsTooLargeIsNotKept() async throws {
    try await serving { connection, _ in
      try await connection.write("HTTP/1.1 200 OK\r\n\r\n")
      let piece = [UInt8](repeating: 120, count: 8192)
      for _ in 0..<1000 { try await connection.write(piece) }
    } _: { client in
      let error = await #expect(throws: HTTPError.self) { _ = try await get(client) }
      #expect(error?.kind == .tooLarge)
    }
  }

  @Test func aSilentServerIsGivenUp() async throws {
    try await serving { connection, _ in
      try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
      _ = try await connection.line(limit: 100, within: patience)
    } _: { client in
      let error = await #expect(throws: HTTPError.self) { _ = try await get(client, within: .milliseconds(400)) }
      #expect(error?.kind == .timedOut)
    }
  }

  /// Takes connections and never says a word, on another address of loopback.
  private final class DeadHost: Sendable {
    private let descriptor: Int32
    let address: IPAddress

    init(port: Int) throws {
      address = try #require(IPAddress("127.0.0.2"))
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = in_port_t(port).bigEndian
      name.sin_addr.s_addr = inet_addr("127.0.0.2")
      let descriptor = descriptor
      let isBound = withUnsafePointer(to: &name) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      try #require(isBound && listen(descriptor, 8) == 0)
    }

    deinit { close(descriptor) }
  }

  @Test func aDeadAddressDoesNotTakeTheTimeOfTheNext() async throws {
    try await serving { connection, _ in
      try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    } _: { client in
      let dead = try DeadHost(port: client.port)
      var client = client
      client.connectTimeLimit = .seconds(2)
      let response = try await client.get(
        host: "mta-sts.example.net", path: "/", addresses: [dead.address] + Self.loopback, limit: 100, within: patience)
      #expect(response.status == 200)
      withExtendedLifetime(dead) {}
    }
  }

  @Test func anAnswerThatBreaksOffIsNone() async throws {
    try await serving { connection, _ in
      try await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    } _: { client in
      let error = await #expect(throws: HTTPError.self) { _ = try await get(client) }
      #expect(error?.kind == .unreachable)
    }
  }

  @Test func nobodyThereIsToldApart() async throws {
    let connector = Connector(on: Loopback.group, resolverThreads: 1)
    let client = HTTPSClient(connector: connector, trust: try ClientTrust(), port: 1)
    let error = await #expect(throws: HTTPError.self) { _ = try await get(client, within: .seconds(5)) }
    #expect(error?.kind == .unreachable)
    await connector.shutDown()
  }
}

@Suite struct HTTPResponseParserTests {
  /// Parses in pieces of a size, then ends.
  func parse(_ text: String, step: Int, limit: Int = 1000) throws -> HTTPResponse? {
    var parser = HTTPResponseParser(limit: limit)
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: step) {
      try parser.receive(bytes[start..<min(start + step, bytes.count)])
    }
    if parser.finished == nil { try parser.end() }
    return parser.finished
  }

  static let good: [(String, Int, String)] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcGARBAGE", 200, "abc"),
    ("HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", 200, "abc"),
    ("HTTP/1.0 404\r\n\r\nnot here", 404, "not here"),
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
    (
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nlate", 200, "late"
    ),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
      200,
      "abc0123456789"
    ),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""),
  ]

  @Test(arguments: good.indices, [1, 2, 7, 1000]) func anAnswerInAnyPieces(_ index: Int, step: Int) throws {
    let (text, status, body) = Self.good[index]
    let response = try parse(text, step: step)
    #expect(response?.status == status && response?.body == Array(body.utf8))
  }

  static let bad = [
    "", "HTTP/1.1 200 OK\r\n", "HTTP/2 200 OK\r\n\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 999 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", "HTTP/1.1 200 OK\r\n folded\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: \u{0}\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 20) + "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 300) + "\r\n",
    "HTTP/1.1 200 OK\r\na: " + String(repeating: "b", count: 40_000) + "\r\n\r\n",
  ]

  @Test(arguments: bad, [1, 1000]) func whatIsNoAnswer(_ text: String, step: Int) {
    #expect(throws: HTTPError.self) { _ = try parse(text, step: step) }
  }
}
