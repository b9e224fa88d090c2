import Logging
import NIOCore
import NIOPosix
import Testing

@testable import Administration

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct ControlProtocolTests {
  @Test func messagesComeBackAsTheyWere() throws {
    let request = ControlRequest("queue list", ["a": "\"\n\u{1F600}"])
    let line = try ControlCoding.line(request)
    #expect(!line.contains(10))
    #expect(try ControlCoding.decode(ControlRequest.self, line) == request)
    for answer in [ControlAnswer.row(ControlRow(text: "a\nb", json: "{}")), .end(ControlEnd(status: 1, message: "no"))]
    {
      #expect(try ControlCoding.decode(ControlAnswer.self, ControlCoding.line(answer)) == answer)
    }
  }

  @Test(arguments: [
    "", "{", "[]", "{\"command\":1}", "{\"command\":\"x\"}", "\u{0}", String(repeating: "[", count: 100_000),
  ])
  func garbageIsAnError(_ text: String) {
    #expect(throws: (any Error).self) { try ControlCoding.decode(ControlRequest.self, Array(text.utf8)) }
  }

  @Test(arguments: [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")])
  func sizes(bytes: Int, text: String) { #expect(readableSize(bytes) == text) }
}

@Suite struct ControlSocketTests {
  /// Runs a blocking call where it holds up nobody.
  func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await NIOThreadPool.singleton.runIfActive(body)
  }

  func withServer(_ body: (TestOffice, String) async throws -> Void) async throws {
    try await withTestOffice { office in
      let path = office.folder + "/control"
      let server = ControlServer(
        path: path, groupName: "no such group", eventLoops: MultiThreadedEventLoopGroup.singleton,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), office: { office.office() })
      let (ready, tell) = AsyncStream<Void>.makeStream()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run { tell.finish() } }
        for await _ in ready {}
        do {
          try await body(office, path)
        } catch {
          group.cancelAll()
          throw error
        }
        group.cancelAll()
        try? await group.waitForAll()
      }
      #expect(access(path, F_OK) != 0, "the socket must go with the server")
    }
  }

  @Test func theCommandLineAsksAndIsAnswered() async throws {
    try await withServer { office, path in
      for number in 0..<50 { _ = await office.submit(to: ["x\(number)@example.net"]) }
      let (rows, end) = try await blocking { () -> (Int, ControlEnd?) in
        var rows = 0
        let end = try ControlClient(path: path).ask(ControlRequest("queue list")) { _ in rows += 1 }
        return (rows, end)
      }
      #expect(rows == 50 && end == ControlEnd(status: 0))
      let unknown = try await blocking { try ControlClient(path: path).ask(ControlRequest("x")) { _ in } }
      #expect(unknown?.status == 2)
    }
  }

  @Test func onlyItsOwnMayUseTheSocket() async throws {
    try await withServer { _, path in
      var facts = stat()
      #expect(stat(path, &facts) == 0)
      #expect(facts.st_mode & 0o7777 == 0o660)
      #expect(facts.st_uid == geteuid())
    }
  }

  @Test func whereNobodyListensThereIsNoAnswer() async throws {
    try await withTestOffice { office in
      let path = office.folder + "/nobody"
      let end = try ControlClient(path: path).ask(ControlRequest("status")) { _ in }
      #expect(end == nil)
      #expect(throws: CommandFailure.self) {
        try ControlClient(path: String(repeating: "x", count: 200)).ask(ControlRequest("status")) { _ in }
      }
    }
  }

  /// Connects and sends bytes; what comes back until the end.
  @Sendable func raw(_ path: String, _ bytes: [UInt8]) -> [UInt8]? {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard connected == 0 else { return nil }
    _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    shutdown(descriptor, Int32(SHUT_WR))
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { return answer }
      answer += chunk[..<count]
    }
  }

  @Test func nonsenseHarmsNobody() async throws {
    try await withServer { _, path in
      for bytes in [
        [], Array("hello\n".utf8), Array("{\"command\":\"status\"".utf8), [0, 255, 10],
        [UInt8](repeating: 65, count: 1 << 21),
      ] {
        let answer = try await blocking { raw(path, bytes) }
        #expect(answer != nil)
      }
      let end = try await blocking { try ControlClient(path: path).ask(ControlRequest("status")) { _ in } }
      #expect(end?.status == 0)
    }
  }
}
