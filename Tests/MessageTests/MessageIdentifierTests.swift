import Platform
import Testing

@testable import Message

@Suite struct MessageIdentifierTests {
  @Test func found() {
    let body = " <a@b>\r\n <c d@e> (x) phrase <> <unclosed <f@g>".bytes
    #expect(MessageIdentifier.all(in: body).map { $0.text } == ["<a@b>", "<cd@e>", "<f@g>"])
    #expect(MessageIdentifier.first(in: "none".bytes) == nil)
  }

  @Test func madeOnesDiffer() {
    let now = Moment(seconds: 1_700_000_000)
    let a = MessageIdentifier.make(host: "mail.example", at: now)
    let b = MessageIdentifier.make(host: "mail.example", at: now)
    #expect(a != b)
    #expect(MessageIdentifier.all(in: a.bytes).map { $0.text } == [a])
    #expect(MessageIdentifier.make(host: "h", at: now, random: [1, 255]).hasSuffix(".01ff@h>"))
  }
}
