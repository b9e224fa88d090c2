import Testing

@testable import Message

@Suite struct HeaderFieldsTests {
  private let header = HeaderSection("To: b\nFROM: a\n x\nX: 1\nto : c\n\n".crlf)

  @Test func listedFieldsInOrderReceived() {
    #expect(header.fields(["from".bytes, "TO".bytes]).text == "To: b\r\nFROM: a\r\n x\r\nto : c\r\n\r\n")
    #expect(header.fields(["nothing".bytes]).text == "\r\n")
  }

  @Test func allOtherFields() {
    #expect(header.fieldsNot(["to".bytes]).text == "FROM: a\r\n x\r\nX: 1\r\n\r\n")
  }

  @Test func withoutAnEmptyLineThereIsNone() {
    #expect(HeaderSection("A: 1\r\nB: 2".bytes).fields(["b".bytes]).text == "B: 2\r\n")
  }
}
