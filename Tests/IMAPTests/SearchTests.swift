import Message
import Platform
import Store
import Testing

@testable import IMAP

@Suite(.timeLimit(.minutes(5))) struct SearchTests {
  /// Four messages: plain, with encoded words and quoted-printable, with an attachment, and with an embedded message.
  private func office(_ body: (TestOffice, TestClient) async throws -> Void) async throws {
    try await TestOffice.with { office in
      try await office.file(
        "From: Anna Smith <anna@example.org>\nTo: bob@example.org\nCc: carl@example.org\nSubject: Quarterly report\nDate: Mon, 7 Feb 1994 21:52:25 -0800\nX-Priority: 1\n\nThe figures are fine.\n",
        flags: .seen, at: Moment(seconds: 760_000_000))
      try await office.file(
        "From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.org>\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\nDate: 1 Mar 2026 10:00:00 +0100\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nDer K=E4se ist al=\nle.\n",
        flags: .flagged, keywords: ["$Work"])
      try await office.file(FetchTests.mixed, flags: [.seen, .answered])
      let client = await office.client(selecting: "INBOX")
      try await body(office, client)
    }
  }

  @Test func keysOfTheEntry() async throws {
    try await office { _, client in
      func search(_ keys: String) async -> String { await client.command("SEARCH \(keys)")[0] }
      #expect(await search("ALL") == "* SEARCH 1 2 3")
      #expect(await search("SEEN") == "* SEARCH 1 3")
      #expect(await search("UNSEEN UNDELETED") == "* SEARCH 2")
      #expect(await search("OR FLAGGED ANSWERED") == "* SEARCH 2 3")
      #expect(await search("NOT KEYWORD $work") == "* SEARCH 1 3")
      #expect(await search("BEFORE 1-Jan-2000") == "* SEARCH 1")
      #expect(await search("ON 31-Jan-1994") == "* SEARCH 1")
      #expect(await search("SINCE 21-Sep-2026") == "* SEARCH 2 3")
      #expect(await search("2:*") == "* SEARCH 2 3")
      #expect(await search("UID 1,3 SEEN") == "* SEARCH 1 3")
      #expect(await search("17:99") == "* SEARCH")
      #expect(await search("LARGER 400 SMALLER 100000") == "* SEARCH 3")
      #expect(await search("NEW") == "* SEARCH 2")
      #expect(await search("OLD") == "* SEARCH")
    }
  }

  @Test func keysOfTheHeader() async throws {
    try await office { _, client in
      func search(_ keys: String) async -> String { await client.command("SEARCH \(keys)")[0] }
      #expect(await search("FROM smith") == "* SEARCH 1")
      #expect(await search("TO bob@ CC CARL") == "* SEARCH 1")
      #expect(await search("SUBJECT \"gr\u{FC}\u{DF}e\"") == "* SEARCH 2")
      #expect(await search("CHARSET ISO-8859-1 SUBJECT {6+}\r\nreport") == "* SEARCH 1")
      #expect(await search("FROM \"J\u{D6}RG\"") == "* SEARCH 2")
      #expect(await search("HEADER X-Priority \"\"") == "* SEARCH 1")
      #expect(await search("HEADER X-Priority 2") == "* SEARCH")
      #expect(await search("SENTBEFORE 1-Jan-2000") == "* SEARCH 1")
      #expect(await search("SENTON 7-Feb-1994") == "* SEARCH 1")
      #expect(await search("SENTSINCE 1-Mar-2026") == "* SEARCH 2")
      #expect(await search("NOT SENTSINCE 1-Jan-1990") == "* SEARCH 3")
      #expect(await search("BCC x") == "* SEARCH")
    }
  }

  @Test func keysOfTheBody() async throws {
    try await office { _, client in
      func search(_ keys: String) async -> String { await client.command("SEARCH \(keys)")[0] }
      #expect(await search("BODY figures") == "* SEARCH 1")
      #expect(await search("BODY \"K\u{C4}SE IST ALLE\"") == "* SEARCH 2")
      #expect(await search("BODY \"Quarterly\"") == "* SEARCH")
      #expect(await search("TEXT quarterly") == "* SEARCH 1")
      // Encoded text of a part; the headers of an embedded message are in the body, those of a part in TEXT only.
      #expect(await search("BODY welt") == "* SEARCH 3")
      #expect(await search("BODY inner@example.org") == "* SEARCH 3")
      #expect(await search("BODY x-strange") == "* SEARCH")
      #expect(await search("TEXT x-strange") == "* SEARCH 3")
      #expect(await search("OR BODY figures BODY inside") == "* SEARCH 1 3")
      #expect(await search("NOT BODY figures SEEN") == "* SEARCH 3")
      #expect(await search("BODY \"\"") == "* SEARCH 1 2 3")
      #expect(await search("BODY AAEC") == "* SEARCH")
    }
  }

  @Test func esearch() async throws {
    try await office { _, client in
      #expect(await client.command("SEARCH RETURN (MIN COUNT) SEEN")[0] == "* ESEARCH (TAG \"t3\") MIN 1 COUNT 2")
      #expect(await client.command("UID SEARCH RETURN () ALL")[0] == "* ESEARCH (TAG \"t4\") UID ALL 1:3")
      #expect(await client.command("SEARCH RETURN (MIN MAX ALL COUNT) DRAFT")[0] == "* ESEARCH (TAG \"t5\") COUNT 0")
      #expect(await client.command("SEARCH RETURN (MAX) 1:2")[0] == "* ESEARCH (TAG \"t6\") MAX 2")
      // RFC 9051 §6.4.4: an unknown charset is refused whether or not there is text in it.
      #expect(await client.command("SEARCH CHARSET KOI9 ALL").last?.hasPrefix("NO [BADCHARSET") == true)
      await client.expect(
        "SEARCH CHARSET KOI9 TEXT x",
        ["NO [BADCHARSET (US-ASCII UTF-8)] That charset, or text in it, is not understood"])
      #expect(await client.command("ENABLE IMAP4rev2").last == "OK Enabled")
      #expect(await client.command("SEARCH FLAGGED")[0] == "* ESEARCH (TAG \"t10\") ALL 2")
      #expect(await client.command("SEARCH TEXT nowhere")[0] == "* ESEARCH (TAG \"t11\")")
    }
  }

  /// RFC 5182 §2.1, §2.4
  @Test func theSavedResult() async throws {
    try await office { _, client in
      await client.expect("SEARCH RETURN (SAVE) SEEN", ["OK That is all"])
      await client.expect("FETCH $ UID", ["* 1 FETCH (UID 1)", "* 3 FETCH (UID 3)", "OK That is all"])
      #expect(await client.command("UID SEARCH $ ANSWERED")[0] == "* SEARCH 3")
      #expect(await client.command("SEARCH (OR $ 2)")[0] == "* SEARCH 1 2 3")
      #expect(await client.command("SEARCH RETURN (SAVE MIN) ALL")[0].hasSuffix(" MIN 1"))
      #expect(await client.command("UID FETCH $ FLAGS").count == 2)
      await client.command("SEARCH RETURN (SAVE MIN MAX) ALL")
      #expect(await client.command("FETCH $ UID").count == 3)
      await client.command("SEARCH RETURN (SAVE COUNT MIN) ALL")
      #expect(await client.command("FETCH $ UID").count == 4)
      // A search without SAVE changes nothing; one that is refused empties it.
      await client.command("SEARCH DRAFT")
      #expect(await client.command("FETCH $ UID").count == 4)
      await client.command("SEARCH RETURN (SAVE) CHARSET KOI9 TEXT x")
      await client.expect("FETCH $ UID", ["OK That is all"])
      await client.expect("COPY $ Archive", ["OK No such messages, so nothing was done"])
      await client.command("SEARCH RETURN (SAVE) ALL")
      await client.command("SELECT INBOX")
      await client.expect("STORE $ +FLAGS (\\Seen)", ["OK Nothing to store"])
    }
  }

  @Test func manyMessages() async throws {
    try await TestOffice.with { office in
      try await office.fill(300)
      let client = await office.client(selecting: "INBOX")
      #expect(
        await client.command("SEARCH BODY \"Text 29\"")[0] == "* SEARCH 29 290 291 292 293 294 295 296 297 298 299")
      #expect(
        await client.command("SEARCH RETURN (COUNT) SUBJECT message NOT BODY \"text 1\"")[0].hasSuffix("COUNT 189"))
    }
  }
}

/// RFC 7162, the part on CONDSTORE.
@Suite(.timeLimit(.minutes(5))) struct CondstoreTests {
  private func modSeq(_ line: String) -> Int64 {
    guard let start = line.firstRange(of: "MODSEQ (")?.upperBound else { return 0 }
    return Int64(line[start...].prefix { $0.isNumber }) ?? 0
  }

  private func office(_ messages: Int, _ body: (TestOffice, TestClient) async throws -> Void) async throws {
    try await TestOffice.with { office in
      try await office.fill(messages)
      let client = await office.client()
      await client.command("SELECT INBOX (CONDSTORE)")
      try await body(office, client)
    }
  }

  /// §3.1: the first enabling command is answered by the highest mod-sequence.
  @Test func anEnablingCommandTellsTheHighest() async throws {
    try await TestOffice.with { office in
      try await office.fill(2)
      for command in [
        "ENABLE CONDSTORE", "STATUS Sent (HIGHESTMODSEQ)", "FETCH 1 (MODSEQ)", "SEARCH MODSEQ 1",
        "FETCH 1 (FLAGS) (CHANGEDSINCE 1)", "STORE 1 (UNCHANGEDSINCE 99999) +FLAGS (\\Seen)",
      ] {
        let client = await office.client(selecting: "INBOX")
        let first = await client.command(command)
        #expect(first.contains { $0.hasPrefix("* OK [HIGHESTMODSEQ ") }, "\(command)")
        #expect(await !client.command(command).contains { $0.hasPrefix("* OK [HIGHESTMODSEQ ") })
        #expect(await client.command("STORE 2 +FLAGS (\\Flagged)")[0].contains("MODSEQ ("))
      }
    }
  }

  /// §3.1.3, examples 3 and 6
  @Test func unchangedSince() async throws {
    try await office(3) { office, client in
      let all = await client.command("FETCH 1:3 (MODSEQ)")
      let highest = all.map(modSeq).max() ?? 0
      let other = await office.client(selecting: "INBOX")
      await other.command("STORE 2 +FLAGS (\\Flagged)")
      let answer = await client.command("STORE 1:3 (UNCHANGEDSINCE \(highest)) +FLAGS.SILENT (\\Deleted)")
      // The one that failed is told with what made it fail; the others with their new mod-sequence and nothing else.
      #expect(answer[0].hasPrefix("* 2 FETCH (UID 2 MODSEQ (") && answer[0].contains("\\Flagged"))
      #expect(answer[1].hasPrefix("* 1 FETCH (UID 1 MODSEQ (") && !answer[1].contains("FLAGS"))
      #expect(answer[2].hasPrefix("* 3 FETCH (UID 3 MODSEQ ("))
      #expect(answer[3] == "OK [MODIFIED 2] Some messages were changed by somebody else")
      #expect(modSeq(answer[1]) > modSeq(answer[0]))
      #expect(
        await client.command("UID STORE 2 (UNCHANGEDSINCE 0) FLAGS ($x)").last?.hasPrefix("OK [MODIFIED 2]") == true)
      #expect(await client.command("SEARCH KEYWORD $x")[0] == "* SEARCH")
    }
  }

  /// §3.1.11
  @Test func whatChangesNothingHasNoNewModSequence() async throws {
    try await office(1) { _, client in
      let first = await client.command("STORE 1 +FLAGS (\\Seen)")[0]
      let second = await client.command("STORE 1 +FLAGS (\\Seen)")[0]
      #expect(modSeq(first) == modSeq(second))
      let third = await client.command("FETCH 1 (MODSEQ BODY[TEXT])")
      #expect(modSeq(third[0]) == modSeq(first))
    }
  }

  /// §3.1.4.1, §3.1.4.2
  @Test func changedSinceAndUnsolicitedModSequences() async throws {
    try await office(3) { office, client in
      let highest = await client.command("FETCH 1:* (MODSEQ)").map(modSeq).max() ?? 0
      await client.expect("FETCH 1:* (FLAGS) (CHANGEDSINCE \(highest))", ["OK That is all"])
      let other = await office.client(selecting: "INBOX")
      await other.command("STORE 3 +FLAGS (\\Answered)")
      let noop = await client.command("NOOP")[0]
      #expect(noop.hasPrefix("* 3 FETCH (UID 3 MODSEQ (") && modSeq(noop) > highest)
      let changed = await client.command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(highest))")
      #expect(changed.count == 2)
      #expect(changed[0].hasPrefix("* 3 FETCH (UID 3 FLAGS (\\Answered \\Recent) MODSEQ (\(modSeq(noop))))"))
      #expect(await client.command("FETCH 1 BODY[TEXT]").contains { $0.contains("FLAGS (\\Seen \\Recent) MODSEQ (") })
    }
  }

  /// §3.1.5, §3.1.6, and RFC 4731 §3.2
  @Test func searchByModSequence() async throws {
    try await office(3) { _, client in
      await client.command("STORE 2 +FLAGS.SILENT (\\Draft)")
      let highest = modSeq(await client.command("FETCH 2 (MODSEQ)")[0])
      #expect(await client.command("SEARCH MODSEQ \(highest)")[0] == "* SEARCH 2 (MODSEQ \(highest))")
      #expect(
        await client.command("SEARCH MODSEQ \"/flags/\\\\draft\" all \(highest)")[0] == "* SEARCH 2 (MODSEQ \(highest))"
      )
      #expect(await client.command("SEARCH OR NOT MODSEQ 1 LARGER 50000")[0] == "* SEARCH")
      #expect(
        await client.command("SEARCH RETURN (ALL) MODSEQ 1")[0].hasSuffix(" ALL 1:3 MODSEQ \(highest)"))
      let first = modSeq(await client.command("FETCH 1 (MODSEQ)")[0])
      #expect(await client.command("SEARCH RETURN (MIN) MODSEQ 1")[0].hasSuffix(" MIN 1 MODSEQ \(first)"))
    }
  }

  /// §3.1.8 in a session of its own: expunges raise the mailbox's highest mod-sequence, and never lower it.
  @Test func theHighestModSequenceOnlyGrows() async throws {
    try await office(3) { office, client in
      var last: Int64 = 0
      for command in ["STORE 1 +FLAGS (\\Deleted)", "EXPUNGE", "NOOP", "STORE 1 +FLAGS (\\Seen)"] {
        await client.command(command)
        let line = await client.command("STATUS INBOX (HIGHESTMODSEQ)")[0]
        let value = Int64(line.split(separator: " ").last?.dropLast() ?? "") ?? 0
        #expect(value >= last && value > 0)
        last = value
      }
    }
  }
}
