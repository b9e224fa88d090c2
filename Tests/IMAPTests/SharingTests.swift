import Store
import Testing

@testable import IMAP

/// Several clients on one mailbox.
@Suite(.timeLimit(.minutes(5))) struct SharingTests {
  @Test func expungeOfOneDoesNotShiftTheNumbersOfAnother() async throws {
    try await TestOffice.with { office in
      try await office.fill(4)
      let first = await office.client(selecting: "INBOX")
      let second = await office.client(selecting: "INBOX")
      await first.command("STORE 2 +FLAGS (\\Deleted)")
      await first.expect("EXPUNGE", ["* 2 EXPUNGE", "OK Expunged"])
      try await office.file("Subject: new\n\nx\n")
      // FETCH, STORE and SEARCH with numbers say nothing of it, and the numbers still mean what they meant.
      #expect(
        await second.command("FETCH 3 UID")
          == ["* 3 FETCH (UID 3)", "* 5 EXISTS", "* 3 RECENT", "OK That is all"]
          .map { $0.replacing("* 3 RECENT", with: "* 1 RECENT") })
      await second.expect("FETCH 2 UID", ["NO [EXPUNGEISSUED] Some of the messages no longer exist"])
      #expect(await second.command("STORE 2:3 +FLAGS (\\Flagged)").last?.hasPrefix("NO [EXPUNGEISSUED]") == true)
      #expect(await second.command("SEARCH ALL")[0] == "* SEARCH 1 3 4 5")
      #expect(await second.command("COPY 2 Archive").first == "* 2 EXPUNGE")
      #expect(await second.command("FETCH 2 UID")[0] == "* 2 FETCH (UID 3)")
      await second.expect("NOOP", ["OK Done"])
    }
  }

  @Test func uidCommandsReportExpunges() async throws {
    try await TestOffice.with { office in
      try await office.fill(3)
      let first = await office.client(selecting: "INBOX")
      let second = await office.client(selecting: "INBOX")
      await first.command("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
      await first.command("UID EXPUNGE 1")
      await second.expect(
        "UID FETCH 1:3 UID", ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "* 1 EXPUNGE", "OK That is all"])
    }
  }

  @Test func changedFlagsReachTheOthers() async throws {
    try await TestOffice.with { office in
      try await office.fill(2)
      let first = await office.client(selecting: "INBOX")
      let second = await office.client(selecting: "INBOX")
      await first.command("STORE 1 +FLAGS.SILENT (\\Seen $Label1)")
      await second.expect(
        "NOOP",
        [
          "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Label1)", "* 1 FETCH (UID 1 FLAGS (\\Seen $Label1))",
          "OK Done",
        ])
      // What the client asked for itself is not told twice.
      #expect(await second.command("STORE 1 -FLAGS (\\Seen)").count == 2)
      await first.expect("FETCH 1 FLAGS", ["* 1 FETCH (FLAGS ($Label1 \\Recent))", "OK That is all"])
    }
  }

  /// Found by the model test: the keyword was left out of the answer, and then counted as told.
  @Test func aKeywordThatSomebodyElseMadeIsFetched() async throws {
    try await TestOffice.with { office in
      try await office.fill(1)
      let first = await office.client(selecting: "INBOX")
      let second = await office.client(selecting: "INBOX")
      await first.command("STORE 1 +FLAGS.SILENT (Later)")
      await second.expect(
        "FETCH 1 FLAGS",
        [
          "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Later)", "* 1 FETCH (FLAGS (Later))",
          "OK That is all",
        ])
      await second.expect("NOOP", ["OK Done"])
    }
  }

  /// A silent STORE is not silent about what somebody else did to the message meanwhile (RFC 9051 §6.4.6).
  @Test func silenceDoesNotCoverOthersChanges() async throws {
    try await TestOffice.with { office in
      try await office.fill(1)
      let first = await office.client(selecting: "INBOX")
      let second = await office.client(selecting: "INBOX")
      await first.command("STORE 1 +FLAGS (\\Flagged)")
      await second.expect("STORE 1 +FLAGS.SILENT (\\Seen)", ["* 1 FETCH (UID 1 FLAGS (\\Flagged))", "OK Stored"])
      await first.expect("NOOP", ["* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen \\Recent))", "OK Done"])
    }
  }

  @Test func idleHearsWithoutAsking() async throws {
    try await TestOffice.with { office in
      try await office.fill(1)
      let idle = await office.client(selecting: "INBOX")
      idle.send("a IDLE\r\n")
      #expect(await idle.line() == "+ Waiting for news")
      try await office.file("Subject: new\n\nx\n")
      #expect(await idle.line() == "* 2 EXISTS")
      #expect(await idle.line() == "* 2 RECENT")
      let other = await office.client(selecting: "INBOX")
      await other.command("STORE 1 +FLAGS (\\Deleted)")
      #expect(await idle.line() == "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))")
      await other.command("EXPUNGE")
      #expect(await idle.line() == "* 1 EXPUNGE")
      idle.send("DONE\r\n")
      #expect(await idle.line() == "a OK Done")
      await idle.expect("NOOP", ["OK Done"])
    }
  }

  @Test func idleEnds() async throws {
    try await TestOffice.with { office in
      let client = await office.client(selecting: "INBOX")
      client.send("a IDLE\r\n")
      _ = await client.line()
      client.send("b NOOP\r\n")
      #expect(await client.line() == "a BAD Expected DONE")
      client.send("c IDLE\r\n")
      _ = await client.line()
      client.stream.fail(.shuttingDown)
      #expect(await client.rest().hasPrefix("* BYE [UNAVAILABLE]"))
      let late = await office.connect(limits: SessionLimits(inactivity: .zero))
      await late.command("LOGIN alice secret")
      late.send("a IDLE\r\n")
      _ = await late.line()
      #expect(await late.rest() == "* BYE Nothing was heard for too long\r\n")
    }
  }

  /// Two clients that change and look at random always end with the same mailbox, and each hears of every change once.
  @Test func randomChangesLeaveAllWithTheSame() async throws {
    try await TestOffice.with { office in
      try await office.fill(6)
      var generator = SplitMix(seed: 21)
      let clients = [await office.client(selecting: "INBOX"), await office.client(selecting: "INBOX")]
      var counts = [6, 6]
      for step in 0..<150 {
        let who = Int.random(in: 0..<2, using: &generator)
        let number = max(Int.random(in: 0...counts[who], using: &generator), 1)
        let commands = [
          "STORE \(number) +FLAGS.SILENT (\\Deleted)", "STORE \(number) -FLAGS (\\Deleted)", "EXPUNGE", "NOOP",
          "FETCH \(number) FLAGS", "UID EXPUNGE 1:*", "COPY \(number) INBOX", "SEARCH DELETED", "MOVE \(number) Trash",
        ]
        let command = step % 10 == 9 ? "COPY 1 INBOX" : commands.randomElement(using: &generator) ?? "NOOP"
        for line in await clients[who].command(command) {
          let words = line.split(separator: " ")
          guard words.count == 3, words[0] == "*", let value = Int(words[1]) else { continue }
          if words[2] == "EXPUNGE" {
            #expect(value >= 1 && value <= counts[who])
            counts[who] -= 1
          } else if words[2] == "EXISTS" {
            #expect(value >= counts[who])
            counts[who] = value
          }
        }
      }
      var seen: [[String]] = []
      for client in clients {
        await client.command("NOOP")
        let lines = await client.command("UID FETCH 1:* FLAGS").map {
          $0.replacing(" \\Recent", with: "").replacing("\\Recent", with: "")
        }
        seen.append(lines)
      }
      #expect(seen[0] == seen[1])
      #expect(seen[0].count > 1)
    }
  }
}
