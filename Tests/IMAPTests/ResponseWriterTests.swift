import Testing

@testable import IMAP

@Suite struct ResponseWriterTests {
  private func written(_ dialect: MailboxName.Encoding = .modifiedUTF7, _ write: (inout ResponseWriter) -> Void)
    -> String
  {
    var writer = ResponseWriter(dialect)
    write(&writer)
    return String(decoding: writer.octets, as: UTF8.self)
  }

  @Test func stringsAreQuotedWhereTheyMayBe() {
    #expect(written { $0.string(Array(#"a "b" \c"#.utf8)) } == #""a \"b\" \\c""#)
    #expect(written { $0.string([UInt8]()) } == "\"\"")
    #expect(written { $0.string(Array("a\r\nb".utf8)) } == "{4}\r\na\r\nb")
    #expect(written { $0.nstring([UInt8]?.none) } == "NIL")
    #expect(written { $0.astring(Array("Date".utf8)) } == "Date")
    #expect(written { $0.astring(Array("a b".utf8)) } == "\"a b\"")
  }

  /// RFC 9051 appendix A: no UTF-8 in quoted strings before it is enabled.
  @Test func utf8IsQuotedOnlyAfterItIsEnabled() {
    let umlaut = Array("\u{FC}".utf8)
    #expect(written { $0.string(umlaut) } == "{2}\r\n\u{FC}")
    #expect(written(.utf8) { $0.string(umlaut) } == "\"\u{FC}\"")
    var writer = ResponseWriter(.utf8)
    writer.string([0xFF])
    #expect(writer.octets == Array("{1}\r\n".utf8) + [0xFF])
    #expect(written { $0.mailbox(MailboxName(stored: "\u{FC}")) } == "\"&APw-\"")
    #expect(written(.utf8) { $0.mailbox(MailboxName(stored: "\u{FC}")) } == "\"\u{FC}\"")
  }

  @Test func numbersAreWrittenOut() {
    for number in [0, 7, 10, 4_294_967_295, Int.max, Int.min, -1] {
      #expect(written { $0.number(number) } == "\(number)")
    }
    #expect(written { $0.number(UInt32.max) } == "4294967295")
    #expect(written { $0.number(UInt64.max) } == "18446744073709551615")
  }

  @Test func nulNeverGoesOut() {
    var writer = ResponseWriter(.utf8)
    writer.string([65, 0, 66])
    #expect(writer.octets == Array("{3}\r\n".utf8) + [65, 0x80, 66])
    var ready = ResponseWriter(.utf8)
    ready.ready([0, 1])
    #expect(ready.octets == [0x80, 1])
  }

  /// What a client has written comes back in sentences; it must not be able to end the line.
  @Test func nobodyCanWriteASecondLine() {
    #expect(
      written { $0.tagged(Array("a".utf8), .no("No \"x\r\n* BYE\u{0}\u{202E}\"", code: "CANNOT")) }
        == "a NO [CANNOT] No \"x??* BYE??\"\r\n")
    #expect(written { $0.bye(String(repeating: "x", count: 5000)) }.count < 600)
  }
}

@Suite struct SectionContentTests {
  private let content = SectionContent([.made([1, 2, 3]), .stored(10..<20), .made([]), .stored(30..<30)])

  @Test func emptySegmentsAreLeftOut() {
    #expect(content.size == 13)
    #expect(content.segments == [.made([1, 2, 3]), .stored(10..<20)])
  }

  @Test func partsAreCut() {
    func part(_ first: Int64, _ count: Int64) -> [SectionContent.Segment] {
      content.part(Partial(first: first, count: count)).segments
    }
    #expect(part(0, 2) == [.made([1, 2])])
    #expect(part(2, 3) == [.made([3]), .stored(10..<12)])
    #expect(part(5, 100) == [.stored(12..<20)])
    #expect(part(13, 1) == [])
    #expect(part(.max, .max) == [])
    #expect(part(0, .max) == content.segments)
  }

  @Test func rangesAreShownOtherwise() {
    let shown = SectionContent([.stored(0..<100)]).replacing([(10..<20, [7]), (50..<60, [8, 8])])
    #expect(shown.segments == [.stored(0..<10), .made([7]), .stored(20..<50), .made([8, 8]), .stored(60..<100)])
    // Not as a whole within the segment, or out of order.
    let left = SectionContent([.stored(15..<40)]).replacing([(10..<20, [7]), (30..<50, [8]), (20..<22, [9])])
    #expect(left.segments == [.stored(15..<20), .made([9]), .stored(22..<40)])
  }
}

@Suite struct CapabilitiesTests {
  @Test func beforeLogin() {
    let plain = Capabilities.list(isAuthenticated: false, mechanisms: [], offersTLS: true, appendLimit: 5)
    #expect(plain.contains("LOGINDISABLED") && plain.contains("STARTTLS") && plain.contains("LITERAL-"))
    #expect(!plain.contains { $0.hasPrefix("AUTH=") } && !plain.contains("LITERAL+"))
    let secure = Capabilities.list(
      isAuthenticated: false, mechanisms: ["SCRAM-SHA-256", "PLAIN"], offersTLS: false, appendLimit: 5)
    #expect(secure.contains("AUTH=PLAIN") && secure.contains("AUTH=SCRAM-SHA-256"))
    #expect(!secure.contains("LOGINDISABLED") && !secure.contains("STARTTLS"))
  }

  @Test func afterLogin() {
    let list = Capabilities.list(isAuthenticated: true, mechanisms: [], offersTLS: false, appendLimit: 5)
    // RFC 7888 §5: never both.
    #expect(list.contains("LITERAL+") && !list.contains("LITERAL-"))
    #expect(list.contains("APPENDLIMIT=5"))
    #expect(Set(list).count == list.count)
  }
}
