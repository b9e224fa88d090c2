import Foundation
import Platform
import Testing

/// Each named point of a debug build ends the process, and what was promised before it is there afterwards.
@Suite("EndToEnd: fault points") struct FaultPointTests {
  @Test(arguments: FaultPoint.allCases) func theProcessDiesThere(_ point: FaultPoint) throws {
    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["carol"])
    let route = "[[route]]\ndomains = [\"remote.example\"]\nhost = \"127.0.0.1:\(try remote.port("smtp"))\"\n"
    let office = try TestAppliance(extra: route + "[queue]\nretry = [\"1 s\"]\n", plaintext: true)
    office.environment["POSTROOM_FAULT"] = point.rawValue
    switch point {
    // Statements and commits of the start pass these points too. The message's own commit is the first after its content
    // came; it may be preceded by one that keeps the trace.
    case .duringCommit, .beforeCommit, .afterCommit: office.environment["POSTROOM_FAULT_FROM"] = "after-content"
    default: break
    }
    try office.start()
    let wasAnswered = Self.send(to: office, large: point == .staged)
    try TestAppliance.wait("\(point) ends the process") { !office.isRunning }
    office.environment["POSTROOM_FAULT"] = nil
    office.environment["POSTROOM_FAULT_FROM"] = nil
    try office.start()
    let expected: ClosedRange<Int> =
      switch point {
      case .afterContent, .staged: 0...0
      case .afterCommit, .beforeReply, .afterReply, .afterRemoteDot: 1...1
      case .duringCommit, .beforeCommit: wasAnswered ? 1...1 : 0...1
      }
    #expect(expected.contains(try office.count()))
    #expect(try office.tell("fsck").contains("Sound"))
  }

  /// Sends until the process dies, at most a few messages. Returns whether the first was answered with 250.
  private static func send(to office: TestAppliance, large: Bool) -> Bool {
    let token = Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString()
    do {
      let wire = try Wire(port: try office.port("submission"))
      try wire.expect(220)
      try wire.ask("EHLO load", 250)
      try wire.ask("AUTH PLAIN \(token)", 235)
      try wire.ask("MAIL FROM:<alice@office.example>", 250)
      try wire.ask("RCPT TO:<alice@office.example>", 250)
      try wire.ask("RCPT TO:<carol@remote.example>", 250)
      try wire.ask("DATA", 354)
      try wire.send("From: alice@office.example\r\nSubject: fault\r\n\r\n")
      if large { for _ in 0..<400 { try wire.send(String(repeating: "x", count: 990) + "\r\n") } }
      try wire.send(".\r\n")
      try wire.expect(250)
      // The next statements and commits come with other work: the relay's, and the reply's.
      _ = try? wire.ask("NOOP", 250)
      return true
    } catch {
      return false
    }
  }
}
