import NIOCore
import Synchronization
import Testing

@testable import Network

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(5))) struct ConnectionTests {
  @Test func pipelinedLinesAreAnsweredInOrder() async throws {
    try await Loopback.serve(session: echo) { server in
      try await server.connect { client in
        let count = 500
        try await client.write((0..<count).map { "line \($0)\r\n" }.joined())
        for index in 0..<count { #expect(try await client.text() == "crlf line \(index)") }
      }
    }
  }

  @Test func linesArriveByteByByte() async throws {
    try await Loopback.serve(session: echo) { server in
      try await server.connect { client in
        for byte in Array("EHLO client\r\nbare\nend\r\n".utf8) {
          try await client.write([byte])
          try await client.drain()
        }
        #expect(try await client.text() == "crlf EHLO client")
        #expect(try await client.text() == "lf bare")
        #expect(try await client.text() == "crlf end")
      }
    }
  }

  @Test func aHalfClosedClientStillGetsItsReplies() async throws {
    try await Loopback.serve(session: echo) { server in
      let client = try await server.connect()
      try await client.write("one\r\ntwo\r\nunfinished")
      try await client.drain()
      try await client.endOutput()
      #expect(String(decoding: try await client.rest(), as: UTF8.self) == "crlf one\r\ncrlf two\r\n")
      await client.close()
    }
  }

  @Test func aReadHasATimeLimit() async throws {
    let box = Box<String>()
    try await Loopback.serve(session: { connection in
      do {
        _ = try await connection.line(limit: 100, within: .milliseconds(30))
        await box.put("a line")
      } catch {
        await box.put("\(error)")
      }
      // The connection is still good.
      try await connection.write("421 too slow\r\n")
    }) { server in
      try await server.connect { client in
        // A line that never ends does not extend the limit.
        try await client.write("drip")
        client.flush()
        #expect(try await client.text() == "421 too slow")
      }
    }
    #expect(await box.get() == "\(ConnectionError.timedOut)")
  }

  @Test func aSlowReaderCostsBoundedMemoryAndThenATimeLimit() async throws {
    let largest = Mutex(0)
    let box = Box<String>()
    try await Loopback.serve(session: { connection in
      connection.writeTimeLimit = .milliseconds(200)
      let piece = [UInt8](repeating: 0x41, count: 4096)
      do {
        for _ in 0..<100_000 {
          try await connection.write(piece)
          let unsent = connection.ending.unsent
          largest.withLock { $0 = max($0, unsent) }
        }
        await box.put("all written")
      } catch {
        await box.put("\(error)")
      }
      connection.abort()
    }) { server in
      let client = try await server.connect()
      #expect(await box.get() == "\(ConnectionError.timedOut)")
      client.abort()
    }
    #expect(largest.withLock { $0 } <= Connection.outputBound + 4096)
  }

  @Test func whatNobodyAsksForIsNotRead() async throws {
    let hold = Box<Void>()
    let held = Box<Int>()
    try await Loopback.serve(session: { connection in
      await hold.get()
      await held.put(connection.state.withLock { $0.input.count })
      _ = try await connection.rest()
      try await connection.write("done\r\n")
    }) { server in
      let client = try await server.connect()
      client.writeTimeLimit = .milliseconds(300)
      // The server does not read: after its buffer and the kernel's have filled up, writing stops.
      var written = 0
      let piece = [UInt8](repeating: 0x42, count: 65536)
      while written < 64 << 20, (try? await client.write(piece)) != nil { written += piece.count }
      #expect(written < 64 << 20)
      await hold.put(())
      #expect(await held.get() <= Connection.inputBound + 65536)
      client.abort()
    }
  }

  @Test func contentStreamsThroughUnchanged() async throws {
    let total = 4 << 20
    try await Loopback.serve(session: { connection in
      var seen = 0
      var sum: UInt64 = 0
      while seen < total, let bytes = try await connection.bytes(upTo: 65536, within: patience) {
        seen += bytes.readableBytes
        for byte in bytes.readableBytesView { sum = sum &* 31 &+ UInt64(byte) }
      }
      try await connection.write("\(seen) \(sum)\r\n")
    }) { server in
      try await server.connect { client in
        let piece = (0..<65536).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var sum: UInt64 = 0
        for _ in 0..<(total / piece.count) {
          try await client.write(piece)
          for byte in piece { sum = sum &* 31 &+ UInt64(byte) }
        }
        #expect(try await client.text() == "\(total) \(sum)")
      }
    }
  }

  @Test func exactlyGivesWholePieces() async throws {
    try await Loopback.serve(session: { connection in
      let header = try await connection.exactly(4, within: patience)
      let body = try await connection.exactly(100_000, within: patience)
      try await connection.write("\(header.count) \(body.count)\r\n")
      do {
        _ = try await connection.exactly(10, within: patience)
      } catch {
        try await connection.write("\(error)\r\n")
      }
    }) { server in
      let client = try await server.connect()
      try await client.write([UInt8](repeating: 1, count: 100_009))
      #expect(try await client.text() == "4 100000")
      try await client.endOutput()
      #expect(try await client.text() == "\(ConnectionError.endOfStream)")
      await client.close()
    }
  }

  @Test func wakingEndsAnIdleWait() async throws {
    let idle = Box<Connection>()
    try await Loopback.serve(session: { connection in
      await idle.put(connection)
      while true {
        switch try await connection.lineOrWake(limit: 100, within: patience) {
        case .line(let line):
          try await connection.write("got ".utf8 + line.bytes + Array("\r\n".utf8))
        case .woken: try await connection.write("* EXISTS\r\n")
        case .end: return
        }
      }
    }) { server in
      try await server.connect { client in
        try await client.write("IDLE\r\n")
        #expect(try await client.text() == "got IDLE")
        await idle.get().wake()
        #expect(try await client.text() == "* EXISTS")
        try await client.write("DONE\r\n")
        #expect(try await client.text() == "got DONE")
      }
    }
  }

  @Test func aWakeThatNobodyWaitedForIsKeptOnce() async throws {
    try await Loopback.serve(session: { connection in
      connection.wake()
      connection.wake()
      _ = try await connection.exactly(1, within: patience)
      for _ in 0..<2 {
        let what = try await connection.lineOrWake(limit: 10, within: patience)
        try await connection.write(what == .woken ? "woken\r\n" : "line\r\n")
      }
    }) { server in
      try await server.connect { client in
        try await client.write("x")
        #expect(try await client.text() == "woken")
        try await client.write("\r\n")
        #expect(try await client.text() == "line")
      }
    }
  }

  @Test func shutdownEndsAWaitForALineButNotContent() async throws {
    let ready = Box<Connection>()
    try await Loopback.serve(session: { connection in
      _ = try await connection.line(limit: 10, within: patience)
      await ready.put(connection)
      // Content: not disturbed.
      let content = try await connection.exactly(5, within: patience)
      try await connection.write("250 \(content.count)\r\n")
      do {
        _ = try await connection.line(limit: 10, within: patience)
      } catch ConnectionError.shuttingDown {
        try await connection.write("421 going down\r\n")
      }
    }) { server in
      let client = try await server.connect()
      try await client.write("DATA\r\n")
      client.flush()
      _ = await ready.get()
      server.listener.beginShutdown()
      try await client.write("12345")
      #expect(try await client.text() == "250 5")
      #expect(try await client.text() == "421 going down")
      #expect(try await client.text() == nil)
      await client.close()
    }
  }

  @Test func cancellingEndsAWait() async throws {
    try await Loopback.serve(session: echo) { server in
      let client = try await server.connect()
      let task = Task { try await client.line(limit: 10, within: nil) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      await client.close()
    }
  }

  @Test func anAcknowledgedReplyIsKnownToBeRead() async throws {
    let box = Box<Ending>()
    try await Loopback.serve(session: { connection in
      try await connection.write("250 2.0.0 kept\r\n")
      while try await connection.line(limit: 100, within: patience) != nil {}
      await box.put(await connection.close())
    }) { server in
      try await server.connect { client in
        let reply = try await client.text()
        #expect(reply == "250 2.0.0 kept")
      }
    }
    let ending = await box.get()
    #expect(ending.orderly)
    #expect(ending.everythingAcknowledged)
  }

  @Test func aReplyThatThePeerNeverTookIsKnownToBeLost() async throws {
    let box = Box<Ending>()
    let written = Box<Void>()
    try await Loopback.serve(session: { connection in
      _ = try await connection.line(limit: 100, within: patience)
      connection.writeTimeLimit = .milliseconds(100)
      // More than all buffers hold: the peer never acknowledges the end of it.
      while (try? await connection.write([UInt8](repeating: 0x30, count: 65536))) != nil {}
      await written.put(())
      await box.put(await connection.close(within: .milliseconds(10), lingering: .milliseconds(10)))
    }) { server in
      let client = try await server.connect()
      try await client.write("DATA\r\n")
      client.flush()
      await written.get()
      _ = await box.get()
      client.abort()
    }
    #expect(!(await box.get()).everythingAcknowledged)
  }

  /// The kernel answers unread input with a reset, which destroys a reply that the peer has not read.
  @Test func theLastReplySurvivesInputThatNobodyRead() async throws {
    try await Loopback.serve(session: { connection in
      _ = try await connection.line(limit: 100, within: patience)
      try await connection.write("550 5.6.11 goodbye\r\n")
    }) { server in
      for _ in 0..<20 {
        let client = try await server.connect()
        try await client.write(Array("bad\r\n".utf8) + [UInt8](repeating: 0x61, count: 200_000))
        client.flush()
        #expect(try await client.text() == "550 5.6.11 goodbye")
        await client.close()
      }
    }
  }

  @Test func aResetIsNotOrderly() async throws {
    let box = Box<Ending>()
    let ready = Box<Void>()
    try await Loopback.serve(session: { connection in
      await ready.put(())
      _ = try? await connection.line(limit: 100, within: patience)
      await box.put(connection.ending)
    }) { server in
      let client = try await server.connect()
      await ready.get()
      let options = try #require(client.channel as? any SocketOptionProvider)
      try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
      client.abort()
      #expect(!(await box.get()).orderly)
    }
  }

  /// A timer of minutes must not keep a connection in memory after its end.
  @Test func nothingKeepsAClosedConnection() async throws {
    try await Loopback.serve(session: echo) { server in
      weak var remembered: Connection?
      func converse() async throws {
        let client = try await server.connect()
        remembered = client
        try await client.write("a\r\n")
        _ = try await client.line(limit: 100, within: .seconds(3600))
        try await client.write("b\r\n")
        _ = try await client.line(limit: 100, within: .seconds(1800))
        await client.close()
      }
      try await converse()
      while remembered != nil { try await Task.sleep(for: .milliseconds(1)) }
    }
  }

  @Test func nothingWorksAfterTheEnd() async throws {
    try await Loopback.serve(session: echo) { server in
      let client = try await server.connect()
      await client.close()
      await client.close()
      await #expect(throws: ConnectionError.closed) { try await client.write("x") }
      await #expect(throws: ConnectionError.closed) { try await client.line(limit: 10, within: patience) }
    }
  }
}
