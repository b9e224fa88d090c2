import Store
import Testing

@testable import IMAP

@Suite(.timeLimit(.minutes(5))) struct SelectionTests {
  @Test func selectTellsWhatRev1Needs() async throws {
    try await TestOffice.with { office in
      try await office.file("Subject: a\n\nx\n", flags: .seen)
      try await office.file("Subject: b\n\nx\n", keywords: ["$Forwarded"])
      let client = await office.client()
      let answer = await client.command("SELECT inbox")
      #expect(answer[0] == "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)")
      #expect(
        answer[1]
          == "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded \\*)] These can be changed"
      )
      #expect(answer[2] == "* 2 EXISTS")
      #expect(answer[3] == "* 2 RECENT")
      #expect(answer[4].hasPrefix("* OK [UNSEEN 2]"))
      #expect(answer[5].hasPrefix("* OK [UIDVALIDITY "))
      #expect(answer[6] == "* OK [UIDNEXT 3] The next UID")
      #expect(answer[7].hasPrefix("* OK [HIGHESTMODSEQ "))
      #expect(answer[8] == "OK [READ-WRITE] You may read and write")
      // The next one finds nothing recent (RFC 3501 §2.3.2).
      let other = await office.client()
      #expect(await other.command("SELECT INBOX").contains("* 0 RECENT"))
    }
  }

  /// RFC 9051 appendix E, 10–12.
  @Test func selectTellsWhatRev2Needs() async throws {
    try await TestOffice.with { office in
      try await office.fill(2)
      let client = await office.client(enabling: "IMAP4rev2")
      let answer = await client.command("SELECT Sent")
      #expect(answer.contains("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\""))
      #expect(!answer.contains { $0.contains("RECENT") || $0.contains("UNSEEN") })
      let next = await client.command("EXAMINE INBOX")
      #expect(next[0].hasPrefix("* OK [CLOSED]"))
      #expect(next.contains("* OK [PERMANENTFLAGS ()] These can be changed"))
      #expect(next.last?.hasPrefix("OK [READ-ONLY]") == true)
      #expect(await client.command("FETCH 1 FLAGS")[0] == "* 1 FETCH (FLAGS ())")
    }
  }

  @Test func aSelectThatFailsLeavesNothingSelected() async throws {
    try await TestOffice.with { office in
      try await office.fill(1)
      let client = await office.client(selecting: "INBOX")
      let answer = await client.command("SELECT Missing")
      #expect(answer[0].hasPrefix("* OK [CLOSED]"))
      #expect(answer[1] == "NO [NONEXISTENT] There is no mailbox of that name")
      await client.expect("FETCH 1 FLAGS", ["BAD No mailbox is selected"])
      #expect(office.flow.changes.count == 0)
    }
  }

  @Test func closeExpungesAndUnselectDoesNot() async throws {
    try await TestOffice.with { office in
      try await office.fill(3)
      let client = await office.client(selecting: "INBOX")
      await client.command("STORE 1 +FLAGS (\\Deleted)")
      await client.expect("UNSELECT", ["OK Closed"])
      #expect(await client.command("EXAMINE INBOX").contains("* 3 EXISTS"))
      await client.expect("CLOSE", ["OK Closed"])
      #expect(await client.command("SELECT INBOX").contains("* 3 EXISTS"))
      // No untagged EXPUNGE (RFC 9051 §6.4.1).
      await client.expect("CLOSE", ["OK Closed"])
      #expect(await client.command("SELECT INBOX").contains("* 2 EXISTS"))
      await client.command("CLOSE")
      await client.expect("CLOSE", ["BAD No mailbox is selected"])
    }
  }

  @Test func aReadOnlyMailboxCannotBeChanged() async throws {
    try await TestOffice.with { office in
      try await office.fill(1)
      let client = await office.client()
      await client.command("EXAMINE INBOX")
      for command in ["STORE 1 FLAGS (\\Seen)", "EXPUNGE", "UID EXPUNGE 1", "MOVE 1 Sent"] {
        #expect(await client.command(command).last?.hasPrefix("NO [READ-ONLY]") == true, "\(command)")
      }
      // Reading does not set \Seen.
      let answer = await client.command("FETCH 1 (BODY[TEXT] FLAGS)")
      #expect(answer.contains { $0.hasSuffix("FLAGS (\\Recent))") })
      #expect(await client.command("COPY 1 Sent").last?.hasPrefix("OK [COPYUID") == true)
    }
  }

  @Test func enableIsAdditiveAndIgnoresWhatItDoesNotKnow() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      await client.expect("ENABLE X-GOOD-IDEA", ["* ENABLED", "OK Enabled"])
      await client.expect(
        "ENABLE condstore IMAP4rev2 CONDSTORE IDLE",
        [
          "* ENABLED CONDSTORE IMAP4rev2", "OK Enabled",
        ])
      await client.expect("ENABLE UTF8=ACCEPT CONDSTORE", ["* ENABLED UTF8=ACCEPT", "OK Enabled"])
      #expect(await client.command("ENABLE").last?.hasPrefix("BAD") == true)
    }
  }

  @Test func generalCommands() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      await client.expect("NAMESPACE", ["* NAMESPACE ((\"\" \"/\")) NIL NIL", "OK Done"])
      await client.expect("ID NIL", ["* ID (\"name\" \"Postroom\")", "OK Nice to meet you"])
      #expect(await client.command("ID (\"name\" \"x\" \"os\" NIL)").last == "OK Nice to meet you")
      #expect(await client.command("ID (\"name\")").last?.hasPrefix("BAD") == true)
      await client.expect("NOOP", ["OK Done"])
      await client.expect("NOOP x", ["BAD There is more after the end of the command"])
      await client.expect("CHECK", ["BAD No mailbox is selected"])
      #expect(await client.command("CAPABILITY")[0].contains(" APPENDLIMIT=921600"))
    }
  }
}

@Suite(.timeLimit(.minutes(5))) struct MailboxCommandTests {
  @Test func createListRenameDelete() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      await client.expect("CREATE Work/2026/", ["OK Created"])
      await client.expect("CREATE Work/2026", ["NO [ALREADYEXISTS] There is a mailbox Work/2026 already"])
      #expect(await client.command("CREATE inbox").last?.hasPrefix("NO [CANNOT]") == true)
      await client.expect(
        "LIST \"\" Work*",
        [
          "* LIST (\\HasChildren) \"/\" \"Work\"", "* LIST (\\HasNoChildren) \"/\" \"Work/2026\"", "OK That is all",
        ])
      await client.expect("RENAME Work Office", ["OK Renamed"])
      #expect(await client.command("STATUS Office/2026 (MESSAGES)")[0] == "* STATUS \"Office/2026\" (MESSAGES 0)")
      #expect(await client.command("RENAME Office Office/Inside").last?.hasPrefix("NO [CANNOT]") == true)
      #expect(await client.command("RENAME Missing Else").last?.hasPrefix("NO [NONEXISTENT]") == true)
      #expect(await client.command("RENAME Sent Trash").last?.hasPrefix("NO [ALREADYEXISTS]") == true)
      await client.expect("DELETE Office", ["OK Deleted"])
      // The child stays, and its parent is a level without a mailbox.
      await client.expect(
        "LIST \"\" Office%", ["* LIST (\\Noselect \\HasChildren) \"/\" \"Office\"", "OK That is all"])
      #expect(await client.command("DELETE Office").last?.hasPrefix("NO [NONEXISTENT]") == true)
      #expect(await client.command("DELETE INBOX").last?.hasPrefix("NO [CANNOT]") == true)
    }
  }

  @Test func renamingInboxMovesItsMessages() async throws {
    try await TestOffice.with { office in
      try await office.fill(2)
      let client = await office.client()
      await client.expect("RENAME INBOX Old", ["OK Renamed"])
      #expect(await client.command("STATUS Old (MESSAGES)")[0] == "* STATUS \"Old\" (MESSAGES 2)")
      #expect(await client.command("STATUS INBOX (MESSAGES)")[0] == "* STATUS \"INBOX\" (MESSAGES 0)")
    }
  }

  @Test func specialUsesAreThereAndCanBeMade() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      let uses = await client.command("LIST (SPECIAL-USE) \"\" \"*\"")
      #expect(uses.count == 6)
      #expect(uses.contains("* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\""))
      await client.expect("CREATE Entwurf (USE (\\Drafts))", ["OK Created"])
      #expect(await client.command("LIST \"\" Entwurf")[0] == "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Entwurf\"")
      #expect(await client.command("CREATE Everything (USE (\\All))").last?.hasPrefix("NO [USEATTR]") == true)
      await client.expect("LIST \"\" Everything", ["OK That is all"])
    }
  }

  @Test func listOfNothingTellsTheDelimiter() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      await client.expect("LIST \"\" \"\"", ["* LIST (\\Noselect) \"/\" \"\"", "OK Done"])
      await client.expect("LIST () \"\" \"\"", ["OK That is all"])
    }
  }

  @Test func subscriptionsAndLSUB() async throws {
    try await TestOffice.with { office in
      let client = await office.client()
      await client.expect("SUBSCRIBE News/Daily", ["OK Subscribed"])
      await client.expect("UNSUBSCRIBE Junk", ["OK Not subscribed any more"])
      await client.expect("UNSUBSCRIBE Nothing", ["OK Not subscribed any more"])
      await client.expect("LSUB \"\" \"News%\"", ["* LSUB (\\Noselect) \"/\" \"News\"", "OK That is all"])
      #expect(
        await client.command("LIST (SUBSCRIBED) \"\" News*")[0]
          == "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" \"News/Daily\"")
      #expect(
        await client.command("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" News")[0]
          == "* LIST (\\NonExistent \\HasNoChildren) \"/\" \"News\" (\"CHILDINFO\" (\"SUBSCRIBED\"))")
    }
  }

  @Test func listWithStatus() async throws {
    try await TestOffice.with { office in
      try await office.fill(2)
      let client = await office.client()
      let answer = await client.command("LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))")
      #expect(answer[0] == "* LIST (\\HasNoChildren) \"/\" \"INBOX\"")
      #expect(answer[1] == "* STATUS \"INBOX\" (MESSAGES 2 UNSEEN 2)")
      #expect(answer.count == 13)
    }
  }

  @Test func statusTellsEverything() async throws {
    try await TestOffice.with { office in
      try await office.file("Subject: a\n\nx\n", flags: .deleted)
      try await office.file("Subject: b\n\nx\n", flags: .seen)
      let client = await office.client()
      let line = await client.command(
        "STATUS INBOX (MESSAGES RECENT UIDNEXT UNSEEN DELETED SIZE APPENDLIMIT UIDVALIDITY HIGHESTMODSEQ)")[0]
      #expect(
        line.hasPrefix(
          "* STATUS \"INBOX\" (MESSAGES 2 RECENT 2 UIDNEXT 3 UNSEEN 1 DELETED 1 SIZE 34 APPENDLIMIT 921600 UIDVALIDITY "
        ))
      #expect(await client.command("STATUS Missing (MESSAGES)").last?.hasPrefix("NO [NONEXISTENT]") == true)
      #expect(await client.command("STATUS INBOX (FOO)").last?.hasPrefix("BAD") == true)
      #expect(await client.command("STATUS INBOX ()").last?.hasPrefix("BAD") == true)
    }
  }

  /// Modified UTF-7 before, UTF-8 after (RFC 9051 appendix A, RFC 6855 §3).
  @Test func internationalNames() async throws {
    try await TestOffice.with { office in
      let old = await office.client()
      await old.expect("CREATE Entw&APw-rfe", ["OK Created"])
      #expect(await old.command("CREATE \"A&B\"").last?.hasPrefix("NO [CANNOT]") == true)
      await old.expect("CREATE \"\u{C4}rger\"", ["OK Created"])
      await old.expect("LIST \"\" *rger", ["* LIST (\\HasNoChildren) \"/\" \"&AMQ-rger\"", "OK That is all"])
      let new = await office.client(enabling: "IMAP4rev2")
      await new.expect(
        "LIST \"\" \"Entw\u{FC}rf%\"",
        [
          "* LIST (\\HasNoChildren) \"/\" \"Entw\u{FC}rfe\"", "OK That is all",
        ])
      await new.expect("CREATE \"A&B\"", ["OK Created"])
      #expect(await old.command("LIST \"\" A&-B")[0] == "* LIST (\\HasNoChildren) \"/\" \"A&-B\"")
      // A decomposed name is the same name, and the client is told of it.
      let select = await new.command("SELECT \"Entwu\u{308}rfe\"")
      #expect(
        select.contains(
          "* LIST (\\HasNoChildren) \"/\" \"Entw\u{FC}rfe\" (\"OLDNAME\" (\"Entwu\u{308}rfe\"))"))
      // RFC 9051 §6.3.9.7: so with every other command, and the case of INBOX.
      let oldName = "\" (\"OLDNAME\" (\""
      #expect(
        await new.command("CREATE \"inbox/A\u{308}\"")[0]
          == "* LIST (\\HasNoChildren) \"/\" \"INBOX/\u{C4}\(oldName)inbox/A\u{308}\"))")
      #expect(await new.command("CREATE plain/") == ["OK Created"])
      #expect(
        await new.command("RENAME \"inbox/\u{C4}\" \"O\u{308}\"")[0]
          == "* LIST (\\HasNoChildren) \"/\" \"\u{D6}\(oldName)inbox/\u{C4}\"))")
      #expect(await new.command("RENAME \"\u{D6}\" U") == ["OK Renamed"])
      #expect(
        await new.command("RENAME U \"U\u{308}\"")[0]
          == "* LIST (\\HasNoChildren) \"/\" \"\u{DC}\(oldName)U\"))")
      #expect(
        await new.command("DELETE \"U\u{308}\"")[0]
          == "* LIST (\\NonExistent \\HasNoChildren) \"/\" \"\u{DC}\(oldName)U\u{308}\"))")
      #expect(await new.command("SELECT inbox").contains { $0.hasSuffix("\"INBOX\(oldName)inbox\"))") })
      #expect(await new.command("SELECT {2}\r\n\u{FF}".replacing("\u{FF}", with: "x")).last?.hasPrefix("NO") == true)
    }
  }

  @Test func oneCannotSeeAnothersMailboxes() async throws {
    try await TestOffice.with { office in
      let alice = await office.client()
      await alice.command("CREATE Secret")
      let bob = await office.client("bob")
      await bob.expect("LIST \"\" Secret", ["OK That is all"])
      #expect(await bob.command("SELECT Secret").last?.hasPrefix("NO [NONEXISTENT]") == true)
    }
  }

  @Test func deletingTheSelectedMailbox() async throws {
    try await TestOffice.with { office in
      let first = await office.client()
      await first.command("CREATE Doomed")
      await first.command("SELECT Doomed")
      let second = await office.client(selecting: "Doomed")
      await first.expect("DELETE Doomed", ["OK Deleted"])
      await first.expect("FETCH 1 FLAGS", ["BAD No mailbox is selected"])
      second.send("a NOOP\r\n")
      #expect(await second.rest() == "* BYE [NONEXISTENT] The selected mailbox was deleted\r\n")
    }
  }
}
