import NIOCore
import NIOEmbedded
import Platform
import Testing

@testable import Network

@Suite struct TLSEngineTests {
  let server: TLSEngine
  let client: TLSEngine
  let allocator = ByteBufferAllocator()

  init() throws {
    let set = try ServerContextSet([TLSIdentity(certificate("a.example"))])
    server = try TLSEngine(server: set)
    client = try TLSEngine(client: ClientTLS(serverName: "a.example", verification: .none, trust: ClientTrust()))
  }

  /// Moves ciphertext both ways, at most `step` bytes at a time, until nothing moves.
  func pump(step: Int) throws {
    var isMoving = true
    while isMoving {
      isMoving = false
      for (from, to) in [(client, server), (server, client)] {
        _ = try? from.handshake()
        guard var output = from.takeOutput() else { continue }
        isMoving = true
        while let piece = output.readSlice(length: min(step, output.readableBytes)), piece.readableBytes > 0 {
          to.receive(piece)
          if !to.isFinished { _ = try to.handshake() }
        }
      }
    }
  }

  @Test(arguments: [1, 7, 1000, 100_000]) func anySplitOfTheCiphertext(step: Int) throws {
    try pump(step: step)
    #expect(server.isFinished && client.isFinished)
    let text = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
    try client.encrypt(ByteBuffer(bytes: text))
    var output = try #require(client.takeOutput())
    var received: [UInt8] = []
    while let piece = output.readSlice(length: min(step, output.readableBytes)), piece.readableBytes > 0 {
      server.receive(piece)
      if let plain = try server.decrypt(allocator) { received += plain.readableBytesView }
    }
    #expect(received == text)
    client.shutDown()
    server.receive(try #require(client.takeOutput()))
    #expect(try server.decrypt(allocator) == nil)
    #expect(server.isEnded)
  }

  @Test func anAlteredRecordIsAnError() throws {
    try pump(step: 100_000)
    try client.encrypt(ByteBuffer(string: "MAIL FROM:<a@example.com>"))
    var output = try #require(client.takeOutput())
    output.setInteger(UInt8(1), at: output.writerIndex - 1)
    output.setInteger(UInt8(2), at: output.writerIndex - 2)
    server.receive(output)
    let error = #expect(throws: TLSError.self) { try server.decrypt(allocator) }
    #expect(error?.description.hasPrefix("the connection failed: ") == true)
  }

  @Test func noBytesTrapIt() throws {
    var random = SystemRandomNumberGenerator()
    let set = try ServerContextSet([TLSIdentity(certificate("a.example"))])
    _ = try client.handshake()
    let hello = Array(try #require(client.takeOutput()).readableBytesView)
    for _ in 0..<300 {
      let engine = try TLSEngine(server: set)
      var bytes = hello
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
      }
      engine.receive(ByteBuffer(bytes: bytes))
      _ = try? engine.handshake()
    }
  }

  /// The handler alone, on a channel and a clock of the test's own.
  @Test func theHandshakesTimeLimitIsTheLoops() throws {
    let channel = EmbeddedChannel()
    let promise = channel.eventLoop.makePromise(of: TLSSession.self)
    let handler = TLSHandler(server, timeLimit: .seconds(30), established: promise)
    try channel.pipeline.syncOperations.addHandler(handler)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    channel.embeddedEventLoop.advanceTime(by: .seconds(29))
    try channel.throwIfErrorCaught()
    channel.embeddedEventLoop.advanceTime(by: .seconds(1))
    #expect(throws: ConnectionError.tls("the handshake took too long")) { try channel.throwIfErrorCaught() }
    #expect(throws: TLSError.self) { try promise.futureResult.wait() }
    _ = try? channel.finish()
  }
}
