import Message
import Store
import Testing

@testable import IMAP

@Suite(.timeLimit(.minutes(5))) struct FetchTests {
  static let simple =
    "From: Anna <anna@example.org>\nTo: bob@example.org\nSubject: Hello\nDate: Mon, 7 Feb 1994 21:52:25 -0800\n\nHello Joe,\nbye\n"

  static let mixed = """
    From: a@example.org
    Subject: Parts
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary=x

    Preamble
    --x
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: base64

    SGFsbG8KV2VsdA==
    --x
    Content-Type: application/octet-stream
    Content-Transfer-Encoding: base64

    AAEC
    --x
    Content-Type: message/rfc822

    From: inner@example.org
    Subject: Inner

    Inside
    --x
    Content-Type: text/plain
    Content-Transfer-Encoding: x-strange

    ???
    --x--

    """

  @Test func theUsualItems() async throws {
    try await TestOffice.with { office in
      try await office.file(Self.simple, flags: [.flagged], keywords: ["$Forwarded"])
      let client = await office.client(selecting: "INBOX")
      let answer = await client.command("FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)")
      #expect(
        answer == [
          "* 1 FETCH (UID 1 FLAGS (\\Flagged $Forwarded \\Recent) INTERNALDATE \"21-Sep-2026 14:13:20 +0000\" RFC822.SIZE 125)",
          "OK That is all",
        ])
      #expect(
        await client.command("FETCH 1 ENVELOPE")[0].hasPrefix(
          "* 1 FETCH (ENVELOPE (\"Mon, 7 Feb 1994 21:52:25 -0800\" \"Hello\" ((\"Anna\" NIL \"anna\" \"example.org\"))")
      )
      let structure = await client.command("FETCH 1 (BODY BODYSTRUCTURE)")[0]
      #expect(structure.contains("BODY (\"text\" \"plain\""))
      #expect(structure.contains("BODYSTRUCTURE (\"text\" \"plain\""))
      #expect(await client.command("UID FETCH 1 RFC822.SIZE")[0] == "* 1 FETCH (UID 1 RFC822.SIZE 125)")
      #expect(await client.command("FETCH 1 FAST")[0].hasPrefix("* 1 FETCH (FLAGS (\\Flagged"))
    }
  }

  @Test func sectionsOfASimpleMessage() async throws {
    try await TestOffice.with { office in
      try await office.file(Self.simple)
      let client = await office.client(selecting: "INBOX")
      func fetch(_ item: String) async -> String {
        await client.command("FETCH 1 \(item)").dropLast().joined(separator: "\n")
      }
      let text = Self.simple
      #expect(await fetch("BODY.PEEK[]") == "* 1 FETCH (BODY[] {125}\n\(text))")
      #expect(await fetch("BODY.PEEK[TEXT]") == "* 1 FETCH (BODY[TEXT] {17}\nHello Joe,\nbye\n)")
      #expect(await fetch("BODY.PEEK[1]") == "* 1 FETCH (BODY[1] {17}\nHello Joe,\nbye\n)")
      #expect(await fetch("BODY.PEEK[TEXT]<6.3>") == "* 1 FETCH (BODY[TEXT]<6> {3}\nJoe)")
      #expect(await fetch("BODY.PEEK[TEXT]<6.9999>") == "* 1 FETCH (BODY[TEXT]<6> {11}\nJoe,\nbye\n)")
      #expect(await fetch("BODY.PEEK[TEXT]<99.5>") == "* 1 FETCH (BODY[TEXT]<99> {0}\n)")
      #expect(
        await fetch("BODY.PEEK[HEADER.FIELDS (subject X-None \"To\")]")
          == "* 1 FETCH (BODY[HEADER.FIELDS (subject X-None To)] {38}\nTo: bob@example.org\nSubject: Hello\n\n)"
          .replacing("{38}", with: "{39}"))
      #expect(await fetch("BODY.PEEK[HEADER.FIELDS.NOT (from to date)]").hasSuffix("\nSubject: Hello\n\n)"))
      #expect(await fetch("RFC822.HEADER").hasPrefix("* 1 FETCH (RFC822.HEADER {108}\nFrom: Anna"))
      #expect(await fetch("BODY.PEEK[2]") == "* 1 FETCH (BODY[2] NIL)")
      #expect(await fetch("BODY.PEEK[1.MIME]").hasPrefix("* 1 FETCH (BODY[1.MIME] "))
      #expect(await fetch("BODY.PEEK[1.HEADER]") == "* 1 FETCH (BODY[1.HEADER] NIL)")
    }
  }

  @Test func fetchingABodySetsSeenAndPeekingDoesNot() async throws {
    try await TestOffice.with { office in
      try await office.fill(2)
      let client = await office.client(selecting: "INBOX")
      await client.command("FETCH 1:2 (BODY.PEEK[] RFC822.HEADER BINARY.PEEK[1] BINARY.SIZE[1])")
      #expect(await client.command("SEARCH SEEN")[0] == "* SEARCH")
      let answer = await client.command("FETCH 1 RFC822.TEXT")
      #expect(answer[0] == "* 1 FETCH (RFC822.TEXT {8}")
      #expect(answer[2] == " FLAGS (\\Seen \\Recent))")
      #expect(await client.command("SEARCH SEEN")[0] == "* SEARCH 1")
      // Once seen it stays seen, and is not told again.
      #expect(await client.command("FETCH 1 BODY[TEXT]")[2] == ")")
      await client.expect("NOOP", ["OK Done"])
      let other = await office.client(selecting: "INBOX")
      #expect(await other.command("FETCH 2 BINARY[1]")[2].hasSuffix("FLAGS (\\Seen))"))
      await client.expect("NOOP", ["* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent))", "OK Done"])
    }
  }

  @Test func partsOfAMultipart() async throws {
    try await TestOffice.with { office in
      try await office.file(Self.mixed)
      let client = await office.client(selecting: "INBOX")
      func fetch(_ item: String) async -> String {
        await client.command("FETCH 1 \(item)").joined(separator: "\n")
      }
      #expect(await fetch("BODY.PEEK[1]").contains("{16}\nSGFsbG8KV2VsdA==)"))
      #expect(
        await fetch("BODY.PEEK[1.MIME]").contains(
          "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n)"))
      #expect(
        await fetch("BODY.PEEK[3.HEADER]").contains(
          "{41}\nFrom: inner@example.org\nSubject: Inner\n\n)".replacing("{41}", with: "{43}")))
      #expect(await fetch("BODY.PEEK[3.TEXT]").contains("{6}\nInside)"))
      #expect(await fetch("BODY.PEEK[3.1]").contains("{6}\nInside)"))
      #expect(await fetch("BODY.PEEK[3.HEADER.FIELDS (SUBJECT)]").contains("\nSubject: Inner\n\n)"))
      #expect(await fetch("BODY.PEEK[9.1]").contains("BODY[9.1] NIL)"))
    }
  }

  /// RFC 3516, RFC 9051 §6.4.5
  @Test func binary() async throws {
    try await TestOffice.with { office in
      try await office.file(Self.mixed)
      let client = await office.client(selecting: "INBOX")
      func fetch(_ item: String) async -> String {
        await client.command("FETCH 1 \(item)").joined(separator: "\n")
      }
      // Text comes with CRLF, though it was encoded with LF.
      #expect(
        await fetch("(BINARY.PEEK[1] BINARY.SIZE[1])")
          == "* 1 FETCH (BINARY[1] {11}\nHallo\nWelt BINARY.SIZE[1] 11)\nOK That is all")
      #expect(await fetch("BINARY.PEEK[1]<5.3>").contains("BINARY[1]<5> {3}\n\nW)"))
      // A NUL makes it a literal8.
      #expect(await fetch("BINARY.PEEK[2]").contains("BINARY[2] ~{3}\n\u{0}\u{1}\u{2})"))
      #expect(await fetch("BINARY.PEEK[4]").contains("NO [UNKNOWN-CTE]"))
      #expect(await fetch("BINARY.SIZE[4]").contains("NO [UNKNOWN-CTE]"))
      #expect(await fetch("BINARY.PEEK[3]").contains("NO [CANNOT]"))
      #expect(await fetch("BINARY.PEEK[7]").contains("BINARY[7] NIL)"))
    }
  }

  /// NUL goes out as 0x80 outside literal8.
  @Test func nulInABody() async throws {
    try await TestOffice.with { office in
      try await office.file(Array("Subject: n\r\n\r\na\u{0}b\r\n".utf8))
      let client = await office.client(selecting: "INBOX")
      client.send("a FETCH 1 BODY.PEEK[TEXT]\r\n")
      let octets = await client.stream.take { output in output.count >= 45 ? 45 : nil }
      #expect(octets.starts(with: Array("* 1 FETCH (BODY[TEXT] {5}\r\na".utf8) + [0x80] + Array("b\r\n)".utf8)))
      #expect(!octets.contains(0))
    }
  }

  /// RFC 6855 §8: no UTF-8 for a client that has not asked for it, in any header.
  @Test func headersAreDowngradedForThoseWhoNeedIt() async throws {
    try await TestOffice.with { office in
      try await office.file(
        """
        From: J\u{F6}rg <j\u{F6}rg@example.org>
        Subject: Gr\u{FC}\u{DF}e
        Content-Type: multipart/mixed; boundary=x

        --x
        Content-Type: text/plain; charset=utf-8
        Content-Description: B\u{E4}r

        K\u{E4}se
        --x--

        """)
      let old = await office.client(selecting: "INBOX")
      let new = await office.client(enabling: "UTF8=ACCEPT", selecting: "INBOX")
      for item in [
        "ENVELOPE", "BODY.PEEK[HEADER]", "BODYSTRUCTURE", "BODY", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
        "BODY.PEEK[1.MIME]",
      ] {
        let plain = await old.command("FETCH 1 \(item)").joined()
        #expect(plain.utf8.allSatisfy { $0 < 0x80 }, "\(item): \(plain)")
      }
      let whole = await old.command("FETCH 1 BODY.PEEK[]").joined(separator: "\n")
      #expect(whole.contains("K\u{E4}se"))
      #expect(!whole.contains("B\u{E4}r") && !whole.contains("Gr\u{FC}"))
      #expect(await new.command("FETCH 1 ENVELOPE")[0].contains("\"Gr\u{FC}\u{DF}e\""))
      #expect(await new.command("FETCH 1 BODY.PEEK[]").contains("Subject: Gr\u{FC}\u{DF}e"))
    }
  }

  @Test func numbersThatAreNotThere() async throws {
    try await TestOffice.with { office in
      let client = await office.client(selecting: "INBOX")
      await client.expect("FETCH 1:* FLAGS", ["BAD There is no message with such a number"])
      await client.expect("UID FETCH 1:* FLAGS", ["OK That is all"])
      try await office.fill(2)
      await client.command("NOOP")
      await client.expect("FETCH 3 FLAGS", ["BAD There is no message with such a number"])
      await client.expect("UID FETCH 7,9 FLAGS", ["OK That is all"])
      #expect(await client.command("UID FETCH 7:* UID")[0] == "* 2 FETCH (UID 2)")
    }
  }

  /// What is too large to be held is read while it is sent, between what is small.
  @Test func largePartsBetweenSmallOnes() async throws {
    try await TestOffice.with { office in
      let line = String(repeating: "QUJD", count: 18) + "\r\n"
      let encoded = String(repeating: line, count: 2500)
      try await office.file("Subject: small\n\nbefore\n")
      try await office.file(
        Array("Subject: large\r\nContent-Transfer-Encoding: base64\r\n\r\n\(encoded)".utf8))
      try await office.file("Subject: small\n\nafter\n")
      let client = await office.client(selecting: "INBOX")
      let decoded = String(repeating: "ABC", count: 18 * 2500)
      let answer = await client.command("FETCH 1:3 (BINARY.SIZE[1] BINARY.PEEK[1]<10.134980> BODY.PEEK[TEXT])")
        .joined(separator: "\n")
      let wanted = String(decoded.dropFirst(10).prefix(134_980))
      let parts = [
        "* 1 FETCH (BINARY.SIZE[1] 8 BINARY[1]<10> {0}\n BODY[TEXT] {8}\nbefore\n)",
        "* 2 FETCH (BINARY.SIZE[1] \(decoded.count) BINARY[1]<10> {\(wanted.count)}\n\(wanted)",
        " BODY[TEXT] {\(encoded.utf8.count)}\n\(encoded.replacing("\r\n", with: "\n"))",
        ")\n* 3 FETCH (BINARY.SIZE[1] 7 BINARY[1]<10> {0}\n BODY[TEXT] {7}\nafter\n)\nOK That is all",
      ]
      #expect(answer == parts[0] + "\n" + parts[1] + parts[2] + parts[3])
    }
  }

  @Test func manyMessagesInSlices() async throws {
    try await TestOffice.with { office in
      try await office.fill(350)
      let client = await office.client(selecting: "INBOX")
      let answer = await client.command("FETCH 1:* BODY.PEEK[TEXT]")
      #expect(answer.filter { $0.hasPrefix("* ") }.count == 350)
      #expect(answer.contains("Text 350"))
      #expect(await client.command("UID FETCH 2:349 UID").count == 349)
    }
  }

  /// A message is answered for by its card as by its content, to clients of either kind.
  @Test func cardsSayTheSame() async throws {
    try await TestOffice.with { office in
      try await office.file(Self.simple)
      try await office.file(Self.mixed)
      try await office.file("From: J\u{F6}rg <j\u{F6}rg@example.org>\nX-Other: x\nSubject: Gr\u{FC}\u{DF}e\n\nText\n")
      try await office.file("no header at all")
      try await office.file("To: \((1...200).map { "a\($0)@example.org" }.joined(separator: ",\n ")) \n\n")
      try await office.fill(60)
      let old = await office.client(selecting: "INBOX")
      let new = await office.client(enabling: "UTF8=ACCEPT", selecting: "INBOX")
      let items = [
        "ENVELOPE", "BODYSTRUCTURE", "BODY.PEEK[HEADER.FIELDS (from SUBJECT Date \"To\")]",
        "(UID ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)]<3.7> FLAGS)", "BODY.PEEK[HEADER.FIELDS (Subject X-Other)]",
        "BODY.PEEK[HEADER.FIELDS.NOT (Subject)]", "(ENVELOPE BODY.PEEK[HEADER])", "(BODYSTRUCTURE BODY)",
        "(BODY.PEEK[1.MIME] BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[3.HEADER.FIELDS (Subject)])",
      ]
      func answers() async -> [[String]] {
        var answers: [[String]] = []
        for client in [old, new] {
          for item in items { answers.append(await client.command("FETCH 1:* \(item)")) }
        }
        return answers
      }
      let before = await answers()
      #expect(before.allSatisfy { $0.last == "OK That is all" })
      let inbox = try #require(await office.store.read { try $0.mailbox(account: "alice", name: "INBOX") })
      try await CardFiller(office.flow).fill(UIDSet(1...65), of: inbox.id)
      let rows = try await office.store.read { try $0.fetch(inbox.id, .all, .envelope) }
      #expect(rows.count == 65 && rows.filter { $0.content == nil }.count >= 63)
      #expect(await answers() == before)
    }
  }

  /// A client that does not read holds the session back, and memory with it.
  @Test func aSlowClientIsWaitedFor() async throws {
    try await TestOffice.with { office in
      let line = String(repeating: "x", count: 78) + "\r\n"
      let body = String(repeating: line, count: 9000)
      try await office.file(Array("Subject: large\r\n\r\n\(body)".utf8))
      let stream = TestStream(outputBound: 100_000)
      let client = await office.connect(stream)
      await client.command("LOGIN alice secret")
      await client.command("SELECT INBOX")
      client.send("a FETCH 1 BODY.PEEK[]\r\n")
      var total = 0
      var most = 0
      var end: [UInt8] = []
      while !end.elementsEqual("a OK That is all\r\n".utf8) {
        let piece = await stream.take { $0.count > 0 ? min($0.count, 5000) : nil }
        guard !piece.isEmpty else { break }
        total += piece.count
        most = max(most, stream.outputCount)
        end = Array((end + piece).suffix(18))
      }
      #expect(total > body.utf8.count && stream.outputCount == 0)
      #expect(most < 250_000)
    }
  }
}
