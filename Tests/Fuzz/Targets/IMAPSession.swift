@testable import IMAP

extension FuzzTarget {
  /// IMAP sessions on a real store. The first byte chooses where the session stands when the client's bytes come.
  static let imapSession = FuzzTarget(
    "imap-session",
    covers: [
      "IMAP/Session/Session.swift", "IMAP/Session/Session+Selection.swift", "IMAP/Session/Listing.swift",
      "IMAP/Session/MailboxView.swift",
      "IMAP/Session/CommandReader.swift", "IMAP/Commands/Appending.swift", "IMAP/Commands/Fetching.swift",
      "IMAP/Commands/General.swift",
      "IMAP/Commands/Idle.swift", "IMAP/Commands/ListAndStatus.swift", "IMAP/Commands/Login.swift",
      "IMAP/Commands/Mailboxes.swift",
      "IMAP/Commands/Searching.swift", "IMAP/Commands/Selecting.swift", "IMAP/Commands/Storing.swift",
      "IMAP/Fetch/FetchPlan.swift",
      "IMAP/Fetch/FetchedMessage.swift", "IMAP/Fetch/PartDecoder.swift", "IMAP/Fetch/SectionContent.swift",
      "IMAP/Response/ResponseWriter.swift",
      "IMAP/Search/BodySearch.swift", "IMAP/Search/SearchEngine.swift", "IMAP/Search/SearchProgram.swift",
    ],
    words: imapWords,
    seeds: [
      "\u{0}a CAPABILITY\r\na STARTTLS\r\nx\r\n\u{1e}a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\na LOGOUT\r\n",
      "\u{1}a LOGIN alice wrong\r\na AUTHENTICATE LOGIN\r\n*\r\n",
      "\u{2}a LIST \"\" * RETURN (STATUS (MESSAGES))\r\na CREATE x/y\r\na RENAME x z\r\na STATUS z/y (UIDNEXT SIZE)\r\na DELETE z/y\r\na SUBSCRIBE q\r\n",
      "\u{3}a FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY[1.MIME] BINARY[1] BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.5>)\r\na UID SEARCH RETURN (ALL) BODY x OR SUBJECT y SEEN\r\n",
      "\u{3}a STORE 1 +FLAGS (\\Deleted k)\r\na COPY 2 Archive\r\na MOVE 3 Archive\r\na EXPUNGE\r\na CLOSE\r\n",
      "\u{4}DONE\r\na NOOP\r\n", "\u{4}x\r\n",
      "\u{5}b: c\r\n\r\nd\r\na NOOP\r\n", "\u{6}a NOOP\r\na FETCH 1 BODY[TEXT]\r\n",
      "\u{7}a APPEND INBOX UTF8 (~{4+}\r\na: b)\r\n",
    ],
    waiting: { bytes in
      guard let choice = bytes.first else { return }
      let beginning = Self.beginnings[Int(choice & 15) % Self.beginnings.count]
      let isEncrypted = choice & 16 != 0 || choice & 15 > 1
      let output = try await FuzzOffice.session(
        Array(beginning.utf8) + bytes.dropFirst(), isEncrypted: isEncrypted, small: choice & 32 != 0)
      try checkResponses(output)
      let said = text(output)
      try Planted.bug(where: said.contains("[COPYUID") && said.contains("* ESEARCH"))
    })

  private static let login = "z0 LOGIN alice secret\r\n"
  private static let beginnings = [
    "", "", login, login + "z1 SELECT INBOX\r\n", login + "z1 SELECT INBOX\r\nz2 IDLE\r\n",
    login + "z1 APPEND INBOX {10+}\r\n",
    login + "z1 EXAMINE Archive (CONDSTORE)\r\n",
    login + "z1 ENABLE UTF8=ACCEPT IMAP4rev2 CONDSTORE\r\nz2 SELECT INBOX\r\n", login + "z1 IDLE\r\n",
    login + "z1 SELECT INBOX\r\nz2 SEARCH TEXT {5}\r\n",
  ]

  /// Every response is a line of its own, or several joined by literals; it has a beginning that a client knows.
  private static func checkResponses(_ output: [UInt8]) throws {
    var rest = output[...]
    var begins = true
    while let end = rest.firstIndex(of: 10) {
      let line = rest[..<end].dropLast()
      try require(
        rest[..<end].last == 13 && !line.contains(13) && !line.contains(0),
        "a response has a bad line: \(text(line.prefix(200)))")
      if begins {
        let words = text(line.prefix(300)).split(separator: " ", maxSplits: 2)
        let isTagged = words.count > 1 && ["OK", "NO", "BAD"].contains(words[1])
        try require(words.first == "*" || words.first == "+" || isTagged, "no client knows \(text(line.prefix(200)))")
      }
      rest = rest[(end + 1)...]
      begins = true
      if line.last == UInt8(ascii: "}"), let literal = LiteralAnnouncement(endOf: line) {
        try require(
          literal.size <= rest.count, "a literal of \(literal.size) is announced and \(rest.count) octets come")
        rest = rest.dropFirst(literal.size)
        begins = false
      }
    }
    try require(rest.isEmpty, "the last response has no end")
  }
}
