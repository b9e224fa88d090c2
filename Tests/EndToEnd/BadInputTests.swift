import Foundation
import Testing

/// Bad input gets a clear reply or a closed connection, and the other sessions notice nothing.
@Suite("EndToEnd: bad input", .serialized) struct BadInputTests {
  static let office = Result { try TestAppliance.running(plaintext: true) }

  private func greeted(_ service: String) throws -> Wire {
    let wire = try Wire(port: try Self.office.get().port(service))
    _ = try wire.line()
    return wire
  }

  /// Whether mail still flows and IMAP still answers.
  private func others() throws {
    let office = try Self.office.get()
    try office.receive(to: ["alice@office.example"], "Subject: still here\r\n\r\nx")
    #expect(try office.count() > 0)
  }

  @Test(arguments: ["smtp", "submission", "submissions", "imap", "imaps"])
  func garbageEndsNothingButItsOwnSession(_ service: String) throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<5 {
      let wire = try Wire(port: try Self.office.get().port(service))
      let garbage = (0..<50_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
      try? wire.send(garbage)
      wire.finishSending()
      #expect(wire.closedByServer())
    }
    try others()
  }

  @Test func endlessCommandLine() throws {
    let wire = try greeted("smtp")
    let piece = [UInt8](repeating: 65, count: 65536)
    do {
      for _ in 0..<160 { try wire.send(piece) }
      try wire.send("\r\n")
      #expect(try wire.expect(500).contains("5.5."))
    } catch is Wire.Closed {}  // closing is as clear an answer to 10 MiB of one line
    try others()
  }

  @Test func endlessIMAPLine() throws {
    let wire = try greeted("imap")
    let piece = [UInt8](repeating: 65, count: 65536)
    do {
      for _ in 0..<160 { try wire.send(piece) }
      try wire.send("\r\n")
      let said = try wire.line()
      #expect(said.contains("BAD") || said.contains("BYE"))
    } catch is Wire.Closed {}
    try others()
  }

  @Test func hugeLiteralBeforeLogin() throws {
    let wire = try greeted("imap")
    try wire.say("a LOGIN {99999999}")
    let said = try wire.line()
    #expect(said.contains("BAD") || said.contains("BYE") || said.contains("NO"), "\(said)")
    try others()
  }

  @Test func unknownCommandsAreAnsweredAndBounded() throws {
    let wire = try greeted("smtp")
    try wire.ask("XYZZY", 500)
    var replies = 0
    do {
      for _ in 0..<200 {
        try wire.say("FROB")
        let reply = try wire.line()
        replies += 1
        if reply.hasPrefix("421") { break }
      }
    } catch is Wire.Closed {}
    #expect(replies < 200, "errors without end were answered")
    try others()
  }

  @Test func tooManyRecipients() throws {
    let wire = try greeted("smtp")
    try wire.ask("EHLO x", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    for _ in 0..<1000 { try wire.ask("RCPT TO:<alice@office.example>", 250) }
    #expect(try wire.ask("RCPT TO:<alice@office.example>", 452).contains("4.5.3"))
    try others()
  }

  @Test func twentyUnknownRecipientsEndTheSession() throws {
    let wire = try greeted("smtp")
    try wire.ask("EHLO x", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    var last = ""
    for number in 0..<30 {
      try wire.say("RCPT TO:<unknown\(number)@office.example>")
      last = try wire.line()
      if last.hasPrefix("421") { break }
    }
    #expect(last.hasPrefix("421"))
    #expect(wire.closedByServer())
    try others()
  }

  @Test func halfClosedAndBrokenConnections() throws {
    let office = try Self.office.get()
    let before = try office.count()
    let half = try greeted("smtp")
    try half.send(
      "EHLO x\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<alice@office.example>\r\nDATA\r\nSubject: half")
    half.finishSending()
    #expect(half.closedByServer())
    let broken = try greeted("smtp")
    try broken.send(
      "EHLO x\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<alice@office.example>\r\nDATA\r\nSubject: broken")
    broken.reset()
    let chunk = try greeted("smtp")
    try chunk.send(
      "EHLO x\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<alice@office.example>\r\nBDAT 1000 LAST\r\nshort")
    chunk.finishSending()
    #expect(chunk.closedByServer())
    #expect(try office.count() == before, "a message without its end was delivered")
    try others()
  }

  @Test func tooLargeIsRefusedBeforeAndAfter() throws {
    let wire = try greeted("smtp")
    try wire.ask("EHLO x", 250)
    #expect(try wire.ask("MAIL FROM:<a@elsewhere.example> SIZE=99999999999", 552).contains("5.3.4"))
    try wire.ask("MAIL FROM:<a@elsewhere.example> BODY=BINARYMIME", 555)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    let line = Array((String(repeating: "x", count: 998) + "\r\n").utf8)
    let piece = [UInt8]((0..<1000).flatMap { _ in line })
    for _ in 0..<55 { try wire.send(piece) }
    try wire.send("\r\n.\r\n")
    #expect(try wire.expect(552).contains("5.3.4"))
    try wire.ask("NOOP", 250)
    try others()
  }

  @Test func loopsEnd() throws {
    let wire = try greeted("smtp")
    try wire.ask("EHLO x", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    for number in 0..<51 { try wire.say("Received: from a by b\(number); Thu, 1 Jan 2026 00:00:00 +0000") }
    try wire.say("\r\nround and round\r\n.")
    #expect(try wire.expect(554).contains("5.4.6"))
    try others()
  }

  @Test(arguments: [
    "Content-Type: multipart/mixed\r\n\r\nno boundary",
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x",
    "Content-Type: \0\0\0;;;=\r\nSubject: =?utf-8?B?!!!?=\r\n\r\n\0",
    "no header at all", "", ": nameless\r\n\r\n",
    "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n",
    "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n@@@@",
  ])
  func brokenMIMEIsDeliveredAndServed(_ content: String) throws {
    let office = try Self.office.get()
    try office.receive(to: ["bob@office.example"], content)
    let wire = try office.imap("bob")
    let lines = try wire.imap(
      "FETCH * (ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[] BODY.PEEK[1] BODY.PEEK[1.MIME] RFC822.SIZE)")
    #expect(lines.last?.hasPrefix("a OK") == true, "\(lines)")
    #expect(try wire.imap("SEARCH TEXT nothing").last?.hasPrefix("a OK") == true)
  }
}
