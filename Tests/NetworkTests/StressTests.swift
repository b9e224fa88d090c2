import Platform
import Testing

@testable import Network

@Suite(.timeLimit(.minutes(5))) struct StressTests {
  @Test func manyShortConnections() async throws {
    try await Loopback.serve(session: ListenerTests.greet) { server in
      for _ in 0..<300 {
        try await server.connect { client in
          let greeting = try await client.text()
          #expect(greeting == "220 127.0.0.1")
        }
      }
    }
  }

  /// All that a client has to say may be there, with its end, before its session begins.
  @Test func clientsThatSayAllAtOnceAndEnd() async throws {
    try await Loopback.serve(session: echo) { server in
      for index in 0..<300 {
        let client = try await server.connect()
        try await client.write("EHLO \(index)\r\n")
        try await client.endOutput()
        #expect(try await client.text() == "crlf EHLO \(index)")
        #expect(try await client.text() == nil)
        await client.close()
      }
    }
  }
}
