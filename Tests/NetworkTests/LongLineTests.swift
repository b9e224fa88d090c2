import Testing

@testable import Network

/// Lines longer than what makes reading pause.
@Suite(.timeLimit(.minutes(5))) struct LongLineTests {
  /// The whole of a long line is here before anybody asks: reading has paused, and must go on for the one who asks.
  @Test(arguments: [1000, 300_000]) func aLineLongerThanTheInputBoundDoesNotStall(limit: Int) async throws {
    let length = 200_000
    try await Loopback.serve(session: { connection in
      try await connection.write("ready\r\n")
      // Long enough for the client's line to fill the input while nobody reads.
      _ = try await connection.line(limit: 10, within: patience)
      while let line = try await connection.line(limit: limit, within: .seconds(10)) {
        try await connection.write("\(line.ending) \(line.bytes.count)\r\n")
      }
    }) { server in
      try await server.connect { client in
        #expect(try await client.text() == "ready")
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: length)
        try await client.write(Array("go\r\n".utf8) + long + Array("\r\nshort\r\n".utf8) + long)
        try await client.drain()
        let first = try await client.text()
        #expect(first == (limit < length ? "tooLong \(Accumulator.overlongPrefix)" : "crlf \(length)"))
        #expect(try await client.text() == "crlf 5")
        try await client.write("\r\n")
        #expect(try await client.text() == first)
      }
    }
  }
}
