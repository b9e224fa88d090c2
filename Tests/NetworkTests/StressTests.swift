import Platform
import Testing

@testable import Network

@Suite(.timeLimit(.minutes(1))) struct StressTests {
  @Test func manyShortConnections() async throws {
    try await Loopback.serve(session: ListenerTests.greet) { server in
      for index in 0..<400 {
        let client = try await server.connect()
        do {
          #expect(try await client.line(limit: 100, within: .seconds(3))?.bytes == Array("220 127.0.0.1".utf8))
        } catch {
          let dump = client.state.withLock { "\($0.input.count) paused \($0.readingPaused) ended \($0.inputEnded) out \($0.output.readableBytes) fl \($0.inFlight) sched \($0.flushScheduled)" }
          print("STALL at \(index)", dump, "server:", server.listener.liveConnections.map { c in c.state.withLock { "\(c.number) in \($0.input.count) paused \($0.readingPaused) ended \($0.inputEnded) out \($0.output.readableBytes) fl \($0.inFlight) sched \($0.flushScheduled) reader \($0.reader != nil) closed \($0.closed) lingering \($0.lingering)" } })
          throw error
        }
        await client.close()
      }
    }
  }
}
