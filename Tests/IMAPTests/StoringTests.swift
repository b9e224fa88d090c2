import Store
import Testing

@testable import IMAP

@Suite(.timeLimit(.minutes(5))) struct StoringTests {
  @Test func storeInItsForms() async throws {
    try await TestOffice.with { office in
      try await office.fill(3)
      let client = await office.client(selecting: "INBOX")
      await client.expect(
        "STORE 1:2 +FLAGS (\\Deleted $Junk)",
        [
          "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)",
          "* 1 FETCH (UID 1 FLAGS (\\Deleted $Junk \\Recent))", "* 2 FETCH (UID 2 FLAGS (\\Deleted $Junk \\Recent))",
          "OK Stored",
        ])
      await client.expect("STORE 1 -FLAGS.SILENT (\\Deleted)", ["OK Stored"])
      #expect(await client.command("UID STORE 1 FLAGS (\\Seen)")[0] == "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))")
      await client.expect("UID STORE 99 FLAGS (\\Seen)", ["OK Nothing to store"])
      #expect(await client.command("STORE 9 FLAGS (\\Seen)").last?.hasPrefix("BAD") == true)
      #expect(await client.command("SEARCH KEYWORD $junk UNKEYWORD $x")[0] == "* SEARCH 2")
      await client.expect("NOOP", ["OK Done"])
    }
  }

  @Test func expunge() async throws {
    try await TestOffice.with { office in
      try await office.fill(11)
      let client = await office.client(selecting: "INBOX")
      await client.command("STORE 3,4,7,11 +FLAGS.SILENT \\Deleted")
      await client.expect("UID EXPUNGE 4:7", ["* 7 EXPUNGE", "* 4 EXPUNGE", "OK Expunged"])
      await client.expect("EXPUNGE", ["* 9 EXPUNGE", "* 3 EXPUNGE", "OK Expunged"])
      await client.expect("EXPUNGE", ["OK Expunged"])
      #expect(await client.command("UID SEARCH ALL")[0] == "* SEARCH 1 2 5 6 8 9 10")
    }
  }

  @Test func copyAndMove() async throws {
    try await TestOffice.with { office in
      try await office.fill(4)
      let client = await office.client(selecting: "INBOX")
      let validity = await client.command("STATUS Archive (UIDVALIDITY)")[0].split(separator: " ").last!.dropLast()
      await client.expect("COPY 2:3 Archive", ["OK [COPYUID \(validity) 2:3 1:2] Copied"])
      await client.expect(
        "MOVE 1,4 Archive",
        [
          "* OK [COPYUID \(validity) 1,4 3:4] Moved", "* 4 EXPUNGE", "* 1 EXPUNGE", "OK Moved",
        ])
      #expect(await client.command("UID MOVE 2 Archive")[0] == "* OK [COPYUID \(validity) 2 5] Moved")
      await client.expect("UID COPY 77 Archive", ["OK No such messages, so nothing was done"])
      #expect(await client.command("COPY 1 Missing").last?.hasPrefix("NO [TRYCREATE]") == true)
      #expect(await client.command("UID MOVE 3 Missing").last?.hasPrefix("NO [TRYCREATE]") == true)
      #expect(await client.command("STATUS Archive (MESSAGES)")[0].contains("MESSAGES 5"))
      // Into the mailbox itself.
      #expect(await client.command("COPY 1 INBOX").contains("* 2 EXISTS"))
    }
  }

  @Test func copyOverQuotaCopiesNothing() async throws {
    try await TestOffice.with { office in
      let body = String(repeating: String(repeating: "x", count: 78) + "\r\n", count: 7500)
      try await office.file(Array("Subject: large\r\n\r\n\(body)".utf8), of: "bob")
      let client = await office.client("bob", selecting: "INBOX")
      #expect(await client.command("COPY 1 Archive").last?.hasPrefix("NO [OVERQUOTA]") == true)
      #expect(await client.command("STATUS Archive (MESSAGES)")[0].contains("MESSAGES 0"))
      // Moving changes nothing in the sum.
      #expect(await client.command("MOVE 1 Archive").last == "OK Moved")
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct AppendTests {
  @Test func appendWithFlagsAndDate() async throws {
    try await TestOffice.with { office in
      let client = await office.client(selecting: "INBOX")
      client.send("a APPEND INBOX (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {16}\r\n")
      #expect(await client.line() == "+ Ready for the message")
      client.send("Subject: a\r\n\r\nbc\r\n")
      let answer = await client.answer("a")
      #expect(answer.contains("* 1 EXISTS"))
      #expect(answer.last?.hasPrefix("OK [APPENDUID ") == true)
      #expect(
        await client.command("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)")[0]
          == "* 1 FETCH (FLAGS (\\Seen $x \\Recent) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 16)")
    }
  }

  @Test func nonSynchronisingAndByteByByte() async throws {
    try await TestOffice.with { office in
      let client = await office.connect(TestStream(pace: 1))
      await client.command("LOGIN alice secret")
      let answer = await client.command("APPEND {5+}\r\nINBOX {16+}\r\nSubject: a\r\n\r\nbc")
      #expect(answer.last?.hasPrefix("OK [APPENDUID ") == true)
      await client.command("SELECT INBOX")
      #expect(await client.command("FETCH 1 BODY[TEXT]")[0].contains("{2}"))
    }
  }

  /// What is refused before its message comes leaves the session in step.
  @Test func refusedBeforeTheMessage() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      #expect(await client.command("APPEND Missing {10}").last?.hasPrefix("NO [TRYCREATE]") == true)
      #expect(await client.command("APPEND Missing {10+}\r\nz LOGOUT\r\n").last?.hasPrefix("NO [TRYCREATE]") == true)
      #expect(await client.command("APPEND INBOX {921601}").last?.hasPrefix("NO [TOOBIG]") == true)
      // RFC 6855 §4
      #expect(await client.command("APPEND INBOX UTF8 (~{5}").last?.hasPrefix("NO [CANNOT]") == true)
      #expect(await client.command("APPEND INBOX").last?.hasPrefix("BAD") == true)
      // What the quota does not allow is refused before the client has sent it: bob has 1 MiB.
      let bob = await office.client("bob")
      let half = "Subject: half\r\n\r\n" + String(repeating: "not quite half a line of text\r\n", count: 20_000)
      #expect(await bob.command("APPEND INBOX {\(half.utf8.count)+}\r\n\(half)").last?.hasPrefix("OK") == true)
      #expect(await bob.command("APPEND INBOX {\(half.utf8.count)}").last?.hasPrefix("NO [OVERQUOTA]") == true)
      #expect(
        await bob.command("APPEND INBOX {\(half.utf8.count)+}\r\n\(half)").last?.hasPrefix("NO [OVERQUOTA]") == true)
      await client.expect("NOOP", ["OK Done"])
    }
  }

  @Test func aLargeOneThatComesUnaskedIsThrownAway() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      let message = String(repeating: "z LOGOUT\r\n", count: 100_000)
      #expect(
        await client.command("APPEND INBOX {\(message.utf8.count)+}\r\n\(message)").last?.hasPrefix("NO [TOOBIG]")
          == true)
      await client.expect("NOOP", ["OK Done"])
    }
  }

  @Test func whatFollowsTheMessageMustBeTheEnd() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      #expect(await client.command("APPEND INBOX {4+}\r\na\r\n\r b").last?.hasPrefix("BAD There is more") == true)
      // RFC 3502 is not offered.
      #expect(await client.command("APPEND INBOX {2+}\r\nab {2+}\r\ncd").last?.hasPrefix("BAD There is more") == true)
      #expect(await client.command("STATUS INBOX (MESSAGES)")[0].contains("MESSAGES 0"))
    }
  }

  @Test func utf8Headers() async throws {
    try await TestOffice.with { office in
      let message = "Subject: \u{FC}\r\n\r\nx"
      let old = await office.client()
      #expect(await old.command("APPEND INBOX {\(message.utf8.count)+}\r\n\(message)").last?.hasPrefix("NO ") == true)
      let new = await office.client(enabling: "UTF8=ACCEPT")
      #expect(
        await new.command("APPEND INBOX UTF8 (~{\(message.utf8.count)+}\r\n\(message))").last?.hasPrefix(
          "OK [APPENDUID")
          == true)
      #expect(await new.command("SEARCH CHARSET UTF-8 ALL").last?.hasPrefix("BAD") == true)
    }
  }

  @Test func literal8WithNULCannotBeStored() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      #expect(await client.command("APPEND INBOX ~{4+}\r\na: b").last?.hasPrefix("OK [APPENDUID") == true)
      #expect(await client.command("APPEND INBOX ~{5+}\r\na:\u{0} b").last?.hasPrefix("NO [UNKNOWN-CTE]") == true)
    }
  }

  @Test func aClientThatLeavesInTheMiddleLeavesNothing() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      client.send("a APPEND INBOX {1000+}\r\nSubject: half")
      client.stream.end()
      await client.ended()
      let other = await office.client()
      #expect(await other.command("STATUS INBOX (MESSAGES)")[0].contains("MESSAGES 0"))
    }
  }

  @Test func overQuota() async throws {
    try await TestOffice.with { office in
      let client = await office.client("bob")
      let message = "Subject: q\r\n\r\n" + String(repeating: "x", count: 600_000)
      let command = "APPEND INBOX {\(message.utf8.count)+}\r\n\(message)"
      #expect(await client.command(command).last?.hasPrefix("OK") == true)
      #expect(await client.command(command).last?.hasPrefix("NO [OVERQUOTA]") == true)
    }
  }
}
