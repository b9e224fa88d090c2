import Message
import Testing

@testable import IMAP

@Suite struct FetchSyntaxTests {
  private func fetch(_ text: String, isUID: Bool = false) throws -> FetchRequest {
    var scanner = Scanner(Array(text.utf8))
    return try scanner.fetchRequest(isUID: isUID)
  }

  @Test func macros() throws {
    #expect(try fetch("1 all").items == [.flags, .internalDate, .size, .envelope])
    #expect(try fetch("1 FAST").items == [.flags, .internalDate, .size])
    #expect(try fetch("1 FULL").items == [.flags, .internalDate, .size, .envelope, .body])
    // A macro stands alone.
    #expect(throws: SyntaxError.self) { try fetch("1 (ALL)") }
  }

  @Test func sections() throws {
    func section(_ text: String) throws -> FetchItem? { try fetch("1 \(text)").items.first }
    #expect(try section("BODY[]") == .section(Section(), nil, .body, peek: false))
    #expect(try section("BODY.PEEK[]<10.20>") == .section(Section(), Partial(first: 10, count: 20), .body, peek: true))
    #expect(try section("body[1.2.mime]") == .section(Section(part: [1, 2], text: .mime), nil, .body, peek: false))
    #expect(try section("BODY[4.2.HEADER]") == .section(Section(part: [4, 2], text: .header), nil, .body, peek: false))
    #expect(try section("BODY[TEXT]") == .section(Section(text: .text), nil, .body, peek: false))
    #expect(
      try section("BODY.PEEK[HEADER.FIELDS (Date \"From\")]")
        == .section(Section(text: .fields([Array("Date".utf8), Array("From".utf8)])), nil, .body, peek: true))
    #expect(
      try section("BODY[3.HEADER.FIELDS.NOT (x)]")
        == .section(Section(part: [3], text: .fieldsNot([Array("x".utf8)])), nil, .body, peek: false))
    #expect(try section("RFC822") == .section(Section(), nil, .rfc822, peek: false))
    #expect(try section("RFC822.HEADER") == .section(Section(text: .header), nil, .rfc822, peek: true))
    #expect(try section("BINARY[2]") == .binary([2], nil, peek: false))
    #expect(try section("BINARY.PEEK[1.3]<0.5>") == .binary([1, 3], Partial(first: 0, count: 5), peek: true))
    #expect(try section("BINARY.SIZE[1]") == .binarySize([1]))
    #expect(try section("BODY") == .body)
    #expect(try section("BODYSTRUCTURE") == .bodyStructure)
  }

  @Test(arguments: [
    "BODY[MIME]", "BODY[1.]", "BODY[.1]", "BODY[0]", "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS]", "BODY[1",
    "BODY[]<0.0>", "BODY[]<1>", "BODY[]<1.>", "BODY.PEEK", "BINARY", "BINARY[HEADER]", "BINARY[1.TEXT]", "FLAG", "()",
    "(FLAGS", "(FLAGS UID))", "FLAGS UID", "BODY[TEXT.1]", "RFC822.PEEK", "BODY[HEADER]x", "BODY[4294967296]",
  ])
  func whatIsNoItemIsAnError(_ item: String) { #expect(throws: SyntaxError.self) { try fetch("1 \(item)") } }

  @Test func uidFetchAlwaysHasTheUID() throws {
    #expect(try fetch("1:* FLAGS", isUID: true).items == [.uid, .flags])
    #expect(try fetch("1:* (FLAGS UID)", isUID: true).items == [.flags, .uid])
  }

  @Test func changedSinceImpliesTheModSequence() throws {
    let request = try fetch("1:* (FLAGS) (CHANGEDSINCE 12345)")
    #expect(request.changedSince == 12345)
    #expect(request.items == [.flags, .modSequence])
    #expect(throws: SyntaxError.self) { try fetch("1:* (FLAGS) (VANISHED)") }
    #expect(throws: SyntaxError.self) { try fetch("1:* (FLAGS) ()") }
  }

  @Test func itemsAreBounded() {
    let names = (1...300).map { "BODY[\($0)]" }.joined(separator: " ")
    #expect(throws: SyntaxError.malformed("Too many data items in one FETCH")) { try fetch("1 (\(names))") }
    let part = Array(repeating: "1", count: 200).joined(separator: ".")
    #expect(throws: SyntaxError.malformed("There are too many part numbers")) { try fetch("1 BODY[\(part)]") }
  }
}

@Suite struct SearchSyntaxTests {
  private func search(_ text: String, allowsCharset: Bool = true) throws -> SearchRequest {
    var scanner = Scanner(Array(text.utf8))
    let returns = try scanner.searchReturnsIfAny()
    return try scanner.searchRequest(isUID: false, returns: returns, allowsCharset: allowsCharset)
  }

  @Test func keysAreJoinedByAnd() throws {
    #expect(
      try search("deleted FROM \"SMITH\" SINCE 1-Feb-1994").key
        == .and([
          .flag(.deleted), .header(name: "FROM", text: Array("SMITH".utf8)),
          .internalDate(.since, try #require(CalendarDay(year: 1994, month: 2, day: 1))),
        ]))
  }

  @Test func notOrAndParentheses() throws {
    #expect(
      try search("OR (SEEN FLAGGED) NOT 1:3,5").key
        == .or(
          .and([.flag(.seen), .flag(.flagged)]),
          .not(
            .sequence(
              SequenceSet(ranges: [
                .init(first: .value(1), last: .value(3)), .init(first: .value(5), last: .value(5)),
              ])))))
  }

  @Test func returnOptions() throws {
    #expect(try search("ALL").returns == nil)
    #expect(try search("RETURN () ALL").returns == .all)
    #expect(try search("RETURN (MIN COUNT save) UNSEEN").returns == [.min, .count, .save])
    #expect(throws: SyntaxError.self) { try search("RETURN (PARTIAL) ALL") }
    #expect(throws: SyntaxError.self) { try search("RETURN (MIN)") }
  }

  @Test func modSequenceWithAndWithoutItsEntry() throws {
    #expect(try search("MODSEQ 620162338").key == .modSequence(620_162_338))
    let entry = try search(#"OR NOT MODSEQ "/flags/\\draft" all 5 LARGER 50000"#)
    #expect(entry.key.mentionsModSequence)
    #expect(throws: SyntaxError.self) { try search(#"MODSEQ "/flags/x" some 5"#) }
  }

  @Test func theSavedResultIsAKey() throws {
    #expect(try search("$ SMALLER 4096").key == .and([.sequence(SequenceSet(includesSaved: true)), .smaller(4096)]))
  }

  @Test func charsets() throws {
    #expect(try search("CHARSET utf-8 TEXT {4}\r\n\u{44F}\u{44F}").key == .text(Array("\u{44F}\u{44F}".utf8)))
    #expect(
      throws: SyntaxError.refused(
        code: "BADCHARSET (US-ASCII UTF-8)", "That charset, or text in it, is not understood")
    ) { try search("CHARSET X-UNKNOWN TEXT a") }
    // RFC 6855 §3
    #expect(throws: SyntaxError.malformed("With UTF8=ACCEPT enabled, SEARCH cannot name a charset")) {
      try search("CHARSET UTF-8 TEXT a", allowsCharset: false)
    }
  }

  @Test(arguments: [
    "", "NOT", "OR SEEN", "(SEEN", "SEEN)", "FOO", "BEFORE x", "KEYWORD", "HEADER a", "UID", "()", "1 ,2",
  ])
  func whatIsNoSearchIsAnError(_ text: String) { #expect(throws: SyntaxError.self) { try search(text) } }

  @Test func depthAndNumberAreBounded() {
    let limit = SyntaxError.refused(code: "LIMIT", "The search has too many keys, or they are nested too deeply")
    #expect(throws: limit) { try search(String(repeating: "(", count: 10_000)) }
    #expect(throws: limit) { try search(String(repeating: "NOT ", count: 10_000) + "ALL") }
    #expect(throws: limit) { try search(Array(repeating: "SEEN", count: 2000).joined(separator: " ")) }
  }
}

@Suite struct StoreAndListSyntaxTests {
  @Test func store() throws {
    func store(_ text: String) throws -> StoreRequest {
      var scanner = Scanner(Array(text.utf8))
      return try scanner.storeRequest(isUID: false)
    }
    let conditional = try store("7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)")
    #expect(conditional.unchangedSince == 320_162_338)
    #expect(conditional.operation == .add)
    #expect(conditional.isSilent)
    #expect(conditional.flags.system == [.deleted])
    let bare = try store("1 -flags \\seen $Junk $junk \\Recent \\Other")
    #expect(bare.flags == FlagList(system: [.seen], keywords: ["$Junk"]))
    #expect(try store("1 FLAGS ()").flags == FlagList())
    for bad in ["1 FLAGS", "1 FLAG (a)", "1 FLAGS (\\Seen", "1 FLAGS a)", "1 (CHANGEDSINCE 1) FLAGS a", "1 *FLAGS a"] {
      #expect(throws: SyntaxError.self, "\(bad)") { try store(bad) }
    }
  }

  @Test func list() throws {
    func list(_ text: String) throws -> ListRequest {
      var scanner = Scanner(Array(text.utf8))
      return try scanner.listRequest()
    }
    let basic = try list("\"\" %")
    #expect(!basic.isExtended && basic.patterns == [Array("%".utf8)])
    let extended = try list("(SUBSCRIBED RECURSIVEMATCH) \"\" (\"a/*\" b) RETURN (CHILDREN STATUS (MESSAGES size))")
    #expect(extended.selection == [.subscribed, .recursiveMatch])
    #expect(extended.returns == [.children, .subscribed])
    #expect(extended.status == [.messages, .size])
    #expect(extended.patterns.count == 2)
    #expect(try list("() \"\" *").isExtended)
    for bad in [
      "(RECURSIVEMATCH) \"\" *", "(REMOTE RECURSIVEMATCH) \"\" *", "(FOO) \"\" *", "\"\" * RETURN (FOO)", "\"\" ()",
      "\"\"",
      "\"\" * RETURN", "\"\" * RETURN (STATUS ())",
    ] { #expect(throws: SyntaxError.self, "\(bad)") { try list(bad) } }
  }

  @Test func append() throws {
    func append(_ text: String) throws -> AppendRequest {
      var scanner = Scanner(Array(text.utf8))
      return try scanner.appendRequest()
    }
    let full = try append("saved (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {310+}")
    #expect(full.literal == LiteralAnnouncement(size: 310, isSynchronising: false))
    #expect(full.flags == FlagList(system: [.seen], keywords: ["$x"]))
    #expect(full.internalDate?.offsetMinutes == -420)
    #expect(try append("x UTF8 (~{5}").isUTF8)
    #expect(try append("x ~{5}").literal.isBinary)
    #expect(throws: SyntaxError.awaitingLiteral) { try append("{4}") }
    for bad in ["x", "x {5} ", "x UTF8 ({5}", "x (\\Seen {5}", "x {5} {6}", "x {3}\r\nabc"] {
      #expect(throws: SyntaxError.self, "\(bad)") { try append(bad) }
    }
  }
}
