import Glibc
import MailFlow
import SMTP
import Store
import Testing

@testable import Reception

/// Greeting and EHLO, and an open transaction to Anna.
private let hello = "EHLO client.example\r\n"
private let toAnna = "MAIL FROM:<eve@elsewhere.example>\r\nRCPT TO:<anna@example.org>\r\n"

@Suite(.timeLimit(.minutes(5))) struct MXTests {
  @Test func aMessageComesIn() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        #expect(try client.reply() == "220 mail.example.org ESMTP Postroom")
        client.send(hello)
        let greeting = try client.reply()
        #expect(greeting.contains("250-SIZE 2097152\n") && greeting.contains("250-STARTTLS\n"))
        #expect(!greeting.contains("AUTH") && !greeting.contains("BINARYMIME"))
        #expect(try client.ask(toAnna, 2) == ["250 2.1.0", "250 2.1.5"])
        #expect(try client.ask("DATA\r\n") == ["354"])
        #expect(try client.ask("Subject: hello\r\n\r\n..dots\r\n.\r\n") == ["250 2.0.0"])
        #expect(try client.ask("QUIT\r\n") == ["221 2.0.0"])
        #expect(client.isAtEnd())
      }
      let inbox = try await house.inbox("anna")
      #expect(inbox.count == 1)
      #expect(inbox[0].hasPrefix("Return-Path: <eve@elsewhere.example>\r\n"))
      #expect(inbox[0].contains("Received: from client.example ([127.0.0.1])\r\n"))
      #expect(inbox[0].contains("with ESMTP\r\n") && inbox[0].contains("for <anna@example.org>"))
      #expect(inbox[0].hasSuffix("Subject: hello\r\n\r\n.dots\r\n"))
    }
  }

  @Test func everythingInOnePacket() async throws {
    try await House.with { house in
      let codes = try await talk(to: house.smtp) { (client: RawClient) throws in
        try client.ask(
          hello + toAnna + "DATA\r\n" + "Subject: 1\r\n\r\n.\r\n" + toAnna + "BDAT 14\r\nSubject: 2\r\n\r\n"
            + "BDAT 3 LAST\r\nx\r\n" + toAnna + "DATA\r\nSubject: 3\r\n\r\n.\r\nQUIT\r\n", 15)
      }
      #expect(codes.suffix(5) == ["250 2.1.5", "354", "250 2.0.0", "221 2.0.0"].suffix(5) || codes.last == "221 2.0.0")
      let inbox = try await house.inbox("anna")
      #expect(inbox.count == 3)
      #expect(inbox[1].hasSuffix("Subject: 2\r\n\r\nx\r\n"))
    }
  }

  @Test func whoMayBeWrittenTo() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        let codes = try client.ask(
          hello + "MAIL FROM:<>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<x@elsewhere.example>\r\n"
            + "RCPT TO:<Postmaster>\r\nRCPT TO:<abuse@example.org>\r\nRCPT TO:<@a,@b:anna+x@EXAMPLE.org>\r\n", 8)
        #expect(codes[3...] == ["550 5.1.1", "550 5.7.1", "250 2.1.5", "250 2.1.5", "250 2.1.5"])
        #expect(
          try client.ask("RSET\r\nMAIL FROM:<> SIZE=1100000\r\nRCPT TO:<bob@example.org>\r\n", 3).last == "552 5.2.3")
        #expect(try client.ask("RSET\r\nMAIL FROM:<> SIZE=3000000\r\n", 2).last == "552 5.3.4")
      }
    }
  }

  @Test func harvestersAreTurnedAway() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        let many = (0..<30).map { "RCPT TO:<guess\($0)@example.org>\r\n" }.joined()
        let codes = try client.ask(hello + "MAIL FROM:<>\r\n" + many, 23)
        #expect(codes.filter { $0 == "550 5.1.1" }.count == 19)
        #expect(codes.last == "421 4.7.0")
        #expect(client.isAtEnd())
      }
      await house.store.close()
    }
  }

  static let ends = [
    "\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\r\n.\r\r\n", "\0\n.\0\r\n", "\n\r.\r\n",
  ]

  /// Every form in which a second message has been smuggled through some server.
  @Test(arguments: ends) func nothingIsSmuggled(_ end: String) async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        let evil = "MAIL FROM:<evil@elsewhere.example>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n"
        let codes = try client.ask(hello + toAnna + "DATA\r\nSubject: a\r\n\r\nx\(end)\(evil)", 6)
        #expect(codes.suffix(2) == ["354", "550 5.6.11"])
        #expect(client.isAtEnd())
      }
      try await talk(to: house.smtp) { (client: RawClient) throws in
        let text = "Subject: a\r\n\r\nx\(end)y\r\n"
        let codes = try client.ask(hello + toAnna + "BDAT \(text.utf8.count) LAST\r\n\(text)QUIT\r\n", 5)
        #expect(codes.last == "550 5.6.11")
        #expect(client.isAtEnd())
      }
      #expect(try await house.inbox("anna").isEmpty)
    }
  }

  @Test func sizesAreEnforcedWhileContentComes() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        let line = String(repeating: "x", count: 998) + "\r\n"
        let big = "Subject: big\r\n\r\n" + String(repeating: line, count: 2200)
        #expect(try client.ask(hello + toAnna + "DATA\r\n", 5).last == "354")
        #expect(try client.ask(big + ".\r\n") == ["552 5.3.4"])
        // The session goes on, and chunks are read whole before they are refused.
        let chunk = "BDAT \(big.utf8.count)\r\n\(big)BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"
        #expect(try client.ask(toAnna + chunk, 5) == ["250 2.1.0", "250 2.1.5", "552 5.3.4", "503 5.5.1", "250 2.0.0"])
        let fits = "Subject: fits\r\n\r\n" + String(repeating: line, count: 2000)
        #expect(try client.ask("RSET\r\n" + toAnna + "DATA\r\n" + fits + ".\r\n", 5).last == "250 2.0.0")
      }
      #expect(try await house.inbox("anna").map { $0.utf8.count > 2_000_000 } == [true])
    }
  }

  @Test func contentOfAllKinds() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        let long = String(repeating: "y", count: 900_000)
        let text = "Subject: \u{e4}\r\n\r\na\0b\r\n\(long)\r\n"
        #expect(try client.ask(hello + toAnna + "DATA\r\n\(text).\r\n", 6).last == "250 2.0.0")
        let tooLong = String(repeating: "y", count: (1 << 20) + 1)
        #expect(
          try client.ask(toAnna + "DATA\r\na: b\r\n\r\n\(tooLong)\r\n.\r\nNOOP\r\n", 5).suffix(2) == [
            "554 5.6.0", "250 2.0.0",
          ])
        let loop = String(repeating: "Received: by x; Mon, 1 Jan 2024 00:00:00 +0000\r\n", count: 51)
        #expect(try client.ask(toAnna + "DATA\r\n\(loop)\r\n.\r\n", 4).last == "554 5.4.6")
      }
      let inbox = try await house.inbox("anna")
      #expect(inbox.count == 1 && inbox[0].contains("a\0b"))
    }
  }

  @Test func wildInputHurtsNobodyElse() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (good: RawClient) throws in
        _ = try good.ask(hello, 2)
        for port in [house.smtp, house.submission] {
          let noise = try RawClient(port: port)
          noise.send((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) })
          noise.send("\r\n" + String(repeating: "A", count: 300_000) + "\r\nNOOP\r\n")
          var last = ""
          while last != "250 2.0.0", last != "421 4.7.0" { last = try noise.codes(1)[0] }
          let gone = try RawClient(port: port)
          gone.send(hello + toAnna + "DATA\r\nhalf a message")
          gone.reset()
        }
        #expect(try good.ask(toAnna + "DATA\r\na: b\r\n\r\n.\r\n", 4).last == "250 2.0.0")
      }
      #expect(try await house.inbox("anna").count == 1)
    }
  }

  @Test func halfClosedClientsGetTheirReplies() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        client.send(hello + toAnna + "DATA\r\na: b\r\n\r\n.\r\n")
        client.closeOutput()
        #expect(try client.codes(6).last == "250 2.0.0")
        #expect(client.isAtEnd())
      }
      #expect(try await house.inbox("anna").count == 1)
      // Content that ends in the middle is nothing.
      try await talk(to: house.smtp) { (client: RawClient) throws in
        client.send(hello + toAnna + "DATA\r\na: b\r\n\r\nx\r\n.\r")
        client.closeOutput()
        #expect(try client.codes(5).last == "354")
        #expect(client.isAtEnd())
      }
      #expect(try await house.inbox("anna").count == 1)
    }
  }

  @Test func silentClientsAreClosed() async throws {
    // Short is only the limit that is to be reached: on a busy machine everything else may take its time.
    var betweenCommands = TimeLimits.standard
    betweenCommands.nextCommand = .milliseconds(200)
    try await House.with(limits: betweenCommands) { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        #expect(try client.codes(2) == ["220", "421 4.4.2"])
        #expect(client.isAtEnd())
      }
    }
    var withinContent = TimeLimits.standard
    withinContent.dataBlock = .milliseconds(200)
    try await House.with(limits: withinContent) { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        #expect(try client.ask(hello + toAnna + "DATA\r\na: b\r\n", 6).suffix(2) == ["354", "421 4.4.2"])
        #expect(client.isAtEnd())
      }
    }
  }
}

/// Circumstances: shutting down, no room, nobody wanted, and what the trace says about it.
@Suite(.timeLimit(.minutes(5))) struct CircumstancesTests {
  @Test func shuttingDownIsSaid() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        _ = try client.ask(hello + toAnna, 4)
        for listener in house.listeners { listener.beginShutdown() }
        #expect(try client.codes(1) == ["421 4.3.2"])
        #expect(client.isAtEnd())
      }
    }
  }

  /// Content that is under way is not disturbed.
  @Test func shuttingDownWaitsForContent() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        _ = try client.ask(hello + toAnna + "DATA\r\n", 5)
        for listener in house.listeners { listener.beginShutdown() }
        #expect(try client.ask("a: b\r\n\r\n.\r\n", 2) == ["250 2.0.0", "421 4.3.2"])
      }
      #expect(try await house.inbox("anna").count == 1)
    }
  }

  @Test func noRoomIsSaidAtMAIL() async throws {
    try await House.with(staging: "2 MiB") { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        _ = try client.ask(hello + toAnna + "DATA\r\n", 5)
        client.send("a: b\r\n\r\n" + String(repeating: String(repeating: "x", count: 998) + "\r\n", count: 1500))
        // Until what this one sends has arrived there is room.
        var answer = ""
        for _ in 0..<10_000 where answer != "452 4.3.1" {
          answer = try RawClient(port: house.smtp).ask(hello + "MAIL FROM:<> SIZE=1000000\r\n", 3)[2]
        }
        #expect(answer == "452 4.3.1")
        client.close()
        for _ in 0..<10_000 where answer != "250 2.1.0" {
          answer = try RawClient(port: house.smtp).ask(hello + "MAIL FROM:<> SIZE=1000000\r\n", 3)[2]
        }
        #expect(answer == "250 2.1.0")
      }
    }
  }

  @Test func whoIsNotServedMaySayQUIT() async throws {
    struct Nobody: ReceptionPolicy {
      func connect(_ session: ReceptionSession) async -> ConnectDecision {
        .refuse(Answer(554, "5.7.1", "No mail from here"))
      }
    }
    try await House.with(mx: Nobody()) { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        #expect(try client.reply() == "554 No mail from here")
        #expect(try client.ask(hello + "QUIT\r\n", 2) == ["503 5.5.1", "221 2.0.0"])
        #expect(client.isAtEnd())
      }
    }
  }

  @Test func refusalsAreTraced() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        _ = try client.ask(hello + "MAIL FROM:<eve@elsewhere.example>\r\nRCPT TO:<nobody@example.org>\r\n", 4)
        _ = try client.ask("RCPT TO:<anna@example.org>\r\nDATA\r\nSubject: lost\r\n\r\nx\ny\r\n.\r\n", 3)
      }
      var refusals: [Refusal] = []
      while refusals.count < 2 {
        refusals = try await house.store.read {
          try $0.refusals(matching: TraceQuery(address: "eve@elsewhere.example"))
        }
        try await Task.sleep(for: .milliseconds(5))
      }
      let byStage = Dictionary(refusals.map { ($0.stage, $0) }, uniquingKeysWith: { first, _ in first })
      #expect(byStage["recipient"]?.recipient == "nobody@example.org")
      #expect(byStage["recipient"]?.words.hasPrefix("550 5.1.1") == true)
      #expect(byStage["content"]?.words.hasPrefix("550 5.6.11") == true)
      #expect(byStage["content"]?.peer == "127.0.0.1" && byStage["content"]?.helo == "client.example")
    }
  }
}

/// RFC 1047: which of two equal messages is a retry.
@Suite(.timeLimit(.minutes(5))) struct RetryTests {
  private static let message = "Subject: scan\r\n\r\nsame\r\n.\r\n"

  @Test func aLost250GivesOneCopy() async throws {
    try await House.with { house in
      for _ in 0..<2 {
        try await talk(to: house.smtp) { (client: RawClient) throws in
          _ = try client.ask(hello + toAnna + "DATA\r\n", 5)
          client.send(Self.message)
          // Gone before the reply can be read: what arrives now is answered with a reset.
          client.reset()
        }
        try await house.settle(1)
      }
      #expect(try await house.inbox("anna").count == 1)
    }
  }

  @Test func aReplyThatWasNeverReadIsLost() async throws {
    try await House.with { house in
      for _ in 0..<2 {
        try await talk(to: house.smtp) { (client: RawClient) throws in
          _ = try client.ask(hello + toAnna + "DATA\r\n", 5)
          client.send(Self.message)
          var ready = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
          #expect(poll(&ready, 1, 20_000) == 1)
          // The reply is in this side's buffer; closing now without reading it breaks the connection off.
          client.close()
        }
        try await house.settle(1)
      }
      #expect(try await house.inbox("anna").count == 1)
    }
  }

  @Test func twoScansWithoutQUITAreTwo() async throws {
    try await House.with { house in
      for round in 1...2 {
        try await talk(to: house.smtp) { (client: RawClient) throws in
          _ = try client.ask(hello + toAnna + "DATA\r\n", 5)
          #expect(try client.ask(Self.message) == ["250 2.0.0"])
        }
        try await house.settle(round)
      }
      #expect(try await house.inbox("anna").count == 2)
    }
  }

  @Test func twoScansInOneSessionAreTwo() async throws {
    try await House.with { house in
      try await talk(to: house.smtp) { (client: RawClient) throws in
        _ = try client.ask(hello, 2)
        for _ in 0..<2 {
          _ = try client.ask(toAnna + "DATA\r\n", 3)
          #expect(try client.ask(Self.message) == ["250 2.0.0"])
        }
      }
      #expect(try await house.inbox("anna").count == 2)
    }
  }

  /// What was pipelined before the reply proves nothing about it.
  @Test func pipelinedCommandsProveNothing() async throws {
    try await House.with { house in
      for _ in 0..<2 {
        try await talk(to: house.smtp) { (client: RawClient) throws in
          _ = try client.ask(hello + toAnna + "DATA\r\n", 5)
          client.send(Self.message + "NOOP\r\nQUIT\r\n")
          client.reset()
        }
        try await house.settle(1)
      }
      #expect(try await house.inbox("anna").count == 1)
    }
  }
}
