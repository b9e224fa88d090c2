import Foundation
import Testing

/// RFC 1047, both ways: a lost 250 gives one copy, two identical scans give two.
@Suite("EndToEnd: retries") struct RetryTests {
  static let message =
    "From: a@elsewhere.example\r\nSubject: once\r\nMessage-ID: <once@elsewhere.example>\r\n\r\nsame\r\n.\r\n"

  private func upToContent(_ wire: Wire) throws {
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
  }

  /// The client is gone before it can read the reply, and sends again.
  @Test func aLostReplyGivesOneCopy() throws {
    let office = try TestAppliance.running(plaintext: true)
    for _ in 0..<3 {
      let wire = try Wire(port: try office.port("smtp"))
      try upToContent(wire)
      try wire.send(Self.message)
      wire.reset()
      try office.waitUntilNobodyIsConnected("smtp")
    }
    let wire = try Wire(port: try office.port("smtp"))
    try upToContent(wire)
    try wire.send(Self.message)
    try wire.expect(250)
    try wire.ask("QUIT", 221)
    try TestAppliance.wait("the message") { try office.count() > 0 }
    #expect(try office.count() == 1)
  }

  /// The process dies after the commit; the client cannot know, and sends again.
  @Test func aKilledProcessGivesOneCopy() throws {
    let office = try TestAppliance.running(plaintext: true)
    let wire = try Wire(port: try office.port("smtp"))
    try upToContent(wire)
    try wire.send(Self.message)
    try wire.expect(250)
    office.kill()
    try office.start()
    let again = try Wire(port: try office.port("smtp"))
    try upToContent(again)
    try again.send(Self.message)
    try again.expect(250)
    try again.ask("QUIT", 221)
    #expect(try office.count() == 1)
  }

  /// A scanner scans the same page twice and never says QUIT.
  @Test func twoIdenticalScansGiveTwo() throws {
    let office = try TestAppliance.running(plaintext: true)
    for _ in 0..<2 {
      let wire = try Wire(port: try office.port("smtp"))
      try upToContent(wire)
      try wire.send(Self.message)
      try wire.expect(250)
      // With its end a client's kernel acknowledges what it has read.
      wire.close()
      try office.waitUntilNobodyIsConnected("smtp")
    }
    #expect(try office.count() == 2)
  }

  /// Two of the same in one session are two: the second MAIL shows that the first reply was read.
  @Test func twoInOneSessionAreTwo() throws {
    let office = try TestAppliance.running(plaintext: true)
    let wire = try Wire(port: try office.port("smtp"))
    try upToContent(wire)
    try wire.send(Self.message)
    try wire.expect(250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.send(Self.message)
    try wire.expect(250)
    try wire.ask("QUIT", 221)
    #expect(try office.count() == 2)
  }
}
