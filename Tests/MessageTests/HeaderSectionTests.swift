import Testing

@testable import Message

@Suite struct HeaderSectionTests {
  @Test func fieldsAndFolds() {
    let header = HeaderSection("Subject: a\n  b\nX-Empty:\nReceived : one\nreceived: two\n\nbody".crlf)
    #expect(header.count == 4)
    #expect(header.bytes.text.hasSuffix("two\r\n\r\n"))
    #expect(header.terminatorLength == 2)
    #expect(header.first("SUBJECT")?.body.text == " a\r\n  b")
    #expect(header.first("subject")?.unfolded.text == "a  b")
    #expect(header.first("x-empty")?.unfolded == [])
    #expect(header.count(of: "Received") == 2)
    #expect(header.all("received").map { $0.unfolded.text } == ["one", "two"])
    #expect(header.first("Subjec") == nil)
  }

  @Test func garbageIsKeptAsNamelessFields() {
    let message = "From mailer Mon\nnot a field\nTo: x\nB\u{00E4}d: y\n\n".crlf
    let header = HeaderSection(message)
    #expect(header.map { $0.nameText } == ["", "", "To", ""])
    #expect(header.removing { _ in false } == message)
    #expect(header.has8Bit)
  }

  @Test(arguments: ["", "\r\n", "\n", " \r\n", ":\r\n", "\r\n\r\n", "a", "a:", "\0:\0\r\n", "\r", "\r\r\n"])
  func oddSections(_ text: String) {
    let header = HeaderSection(text.bytes)
    #expect(text.bytes.starts(with: header.bytes))
    #expect(header.removing { _ in false } == header.bytes)
  }

  @Test func bareLineFeedsEndLines() {
    let header = HeaderSection("A: 1\nB: 2\n c\n\nbody".bytes)
    #expect(header.terminatorLength == 1)
    #expect(header.first("B")?.unfolded.text == "2 c")
    #expect(header.bytes.text == "A: 1\nB: 2\n c\n\n")
  }

  @Test func editing() {
    let header = HeaderSection("To: a\nBcc: secret\n folded\nDate: d\n\n".crlf)
    #expect(header.removing(names: ["bcc"]).text == "To: a\r\nDate: d\r\n\r\n")
    #expect(header.prepending("Received: x\r\n".bytes).text.hasPrefix("Received: x\r\nTo: a\r\n"))
    #expect(header.appending(name: "X", value: "1").text.hasSuffix("Date: d\r\nX: 1\r\n\r\n"))
    #expect(header.replacing(name: "bcc", value: "n").text == "To: a\r\nbcc: n\r\nDate: d\r\n\r\n")
    #expect(HeaderSection([UInt8]()).appending(name: "X", value: "1").text == "X: 1\r\n\r\n")
    #expect(HeaderSection("A: b".bytes).appending(name: "X", value: "1").text == "A: b\r\nX: 1\r\n\r\n")
  }

  @Test func aValueCannotBeginAnotherField() {
    let edited = HeaderSection("A: b\r\n\r\n".bytes).appending(name: "X", value: "1\r\nBcc: victim\r\n\r\nbody\0")
    let read = HeaderSection(edited)
    #expect(read.bytes == edited)
    #expect(read.map { $0.nameText } == ["A", "X"])
  }

  @Test func tagsKeepTheRest() {
    let header = HeaderSection("Subject: =?utf-8?Q?f=C3=BCr?=\n =?utf-8?Q?_dich?=\n\n".crlf)
    let tagged = HeaderSection(header.tagging(name: "Subject", with: "[Verdächtig]"))
    #expect(tagged.text("Subject") == "[Verdächtig] für dich".replacingLastTagSpace)
    #expect(tagged.bytes.allSatisfy { $0 < 128 })
    #expect(HeaderSection(header.tagging(name: "X-Other", with: "a")).text("X-Other") == "a")
    let plain = HeaderSection("Subject: hello\r\n\r\n".bytes)
    #expect(HeaderSection(plain.tagging(name: "Subject", with: "[Spam]")).text("subject") == "[Spam] hello")
  }

  @Test func longValuesAreFolded() {
    let value = Array(repeating: "word", count: 100).joined(separator: " ")
    let field = HeaderSection.field(name: "X-Long", value: value)
    #expect(field.split(separator: 10).allSatisfy { $0.count <= 79 })
    #expect(HeaderSection(field).first("x-long")?.unfolded.text == value)
  }

  @Test func collectorFindsTheEndAtEverySplit() {
    for message in [
      "A: b\r\n\r\nbody", "A: b\n\nbody", "\r\nbody", "\nbody", "A: b\r\n \r\n\r\nbody", "A: \r\r\n\r\nbody",
    ] {
      let bytes = message.bytes
      for split in 0...bytes.count {
        var collector = HeaderCollector()
        var taken = collector.append(bytes[..<split])
        #expect(taken <= split)
        if taken == split { taken += collector.append(bytes[split...]) }
        #expect(collector.isComplete)
        #expect(bytes[taken...].text == "body")
        #expect(collector.bytes == Array(bytes[..<taken]))
        #expect(HeaderSection(bytes).bytes == collector.bytes)
      }
    }
  }

  @Test func collectorKeepsNoMoreThanItsLimit() {
    var collector = HeaderCollector(limit: 10)
    #expect(collector.append("Subject: long\r\n".bytes[...]) == 15)
    #expect(collector.isTooLarge && collector.bytes.isEmpty && !collector.isComplete)
    #expect(collector.append("\r\nbody".bytes[...]) == 2)
    #expect(collector.isComplete)
  }
}

extension String {
  /// Between two encoded words white space is not shown, so a tag that is one stands directly before a subject that
  /// is one.
  fileprivate var replacingLastTagSpace: String { split(separator: " ", maxSplits: 1).joined() }
}
