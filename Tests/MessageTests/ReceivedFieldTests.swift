import Testing

@testable import Message

@Suite struct ReceivedFieldTests {
  @Test func takenApart() {
    let field = ReceivedField(
      """
      from mail.example.org (unknown [192.0.2.1])
       by mx.example.com (Postroom) with ESMTPS id 12ab
       (using TLSv1.3) for <user@example.com>; Fri, 21 Nov 1997 09:55:06 -0600
      """.crlf)
    #expect(field.from?.text == "mail.example.org (unknown [192.0.2.1])")
    #expect(field.by?.text == "mx.example.com (Postroom)")
    #expect(field.with?.text == "ESMTPS")
    #expect(field.id?.text == "12ab (using TLSv1.3)")
    #expect(field.for?.text == "<user@example.com>")
    #expect(field.date?.moment.seconds == 880_127_706)
    #expect(field.via == nil)
  }

  @Test(arguments: ["", ";", "from", "from from from", "(((", "\"", "by;by;by", "from a from b", "; not a date", "\0"])
  func garbageGivesWhatItHas(_ text: String) {
    let field = ReceivedField(text.bytes)
    #expect(field.date == nil)
    #expect((field.from?.count ?? 0) <= text.utf8.count)
  }

  @Test func aWordOfAClauseMayBeAName() {
    let field = ReceivedField("from by (x) by for with y".bytes)
    #expect(field.from?.text == "by (x)")
    #expect(field.by?.text == "for")
    #expect(field.with?.text == "y")
  }

  @Test func aQuotedLineEndIsNoText() {
    let field = ReceivedField("from \"a\\\r\nb\" by c (d\\\ne) ; x".bytes)
    #expect(field.from?.text == "\"ab\"" && field.by?.text == "c (de)")
    #expect(AddressList("\"a\\\r\nb\" <c@d>".bytes).mailboxes.first?.name?.text == "ab")
    #expect(ContentType("a/b; c=\"d\\\ne\"".bytes)?.parameters.first?.value.text == "de")
  }
}
