import Foundation
import NameServer
import Testing

/// The DNS, clamd and a milter take every question and answer none: mail still gets its replies, and says what nobody knows.
@Suite("EndToEnd: helpers that hang") struct HangingHelpersTests {
  private static let sessions = 20
  private static let messages = 20
  /// The design's limit from the last byte to the reply. The one that is configured here is shorter, to keep the test short.
  private static let limit = 30.0

  @Test func everySessionGetsItsRepliesInTime() async throws {
    let dns = UDPSocket()
    let silence = try HelperProgram.silence()
    defer { silence.stop() }
    let office = try TestAppliance.running(
      extra: """
        [dns]
        servers = ["127.0.0.1@\(dns.port)"]
        [authentication]
        incoming = "enforce"
        [[dns-list]]
        zone = "dbl.example"
        asks-for = "domains"
        [clamd]
        socket = "\(silence.socket)"
        when-down = "tag"
        [[milter]]
        name = "silent"
        socket = "\(silence.socket)"
        [limits]
        reply-deadline = "5 s"
        messages-per-minute = 10000
        """, plaintext: true)
    let port = try office.port("smtp")
    let slowest = try await withThrowingTaskGroup(of: Double.self) { group in
      for session in 0..<Self.sessions {
        group.addTask {
          try await withCheckedThrowingContinuation { (done: CheckedContinuation<Double, any Error>) in
            Thread.detachNewThread { done.resume(with: Result { try Self.send(port, session) }) }
          }
        }
      }
      return try await group.reduce(0, max)
    }
    #expect(slowest < Self.limit)
    #expect(try office.count() == Self.sessions * Self.messages)
    let trace = try office.tell("trace", "--subject", "silent 3/\(Self.messages - 1).")
    for test in ["clamd: unknown", "milter silent: unknown", "spf=temperror", "dns-list dbl.example: unknown"] {
      #expect(trace.contains(test), "\(test) in \(trace)")
    }
    #expect(try office.tell("fsck").contains("Sound"))
    withExtendedLifetime(dns) {}
  }

  /// All messages of one session, one after the other.
  ///
  /// - Returns: how long the slowest reply took, in seconds.
  private static func send(_ port: Int, _ session: Int) throws -> Double {
    let wire = try Wire(port: port, seconds: 120)
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    var slowest = 0.0
    for number in 0..<messages {
      try wire.ask("MAIL FROM:<someone@elsewhere.example>", 250)
      try wire.ask("RCPT TO:<alice@office.example>", 250)
      try wire.ask("DATA", 354)
      let start = Date()
      try wire.send("From: someone@elsewhere.example\r\nSubject: silent \(session)/\(number).\r\n\r\nhello\r\n.\r\n")
      try wire.expect(250)
      slowest = max(slowest, Date().timeIntervalSince(start))
    }
    return slowest
  }
}
