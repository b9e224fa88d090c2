import Testing

@testable import Message

@Suite struct DowngradeTests {
  private func downgraded(_ header: String) -> HeaderSection {
    let bytes = HeaderSection((header + "\n\n").crlf).downgraded()
    #expect(bytes.allSatisfy { $0 < 128 })
    return HeaderSection(bytes)
  }

  @Test func asciiStaysByteForByte() {
    let header = HeaderSection("Subject: a\n  b\nnot a field\nX:y\n\n".crlf)
    #expect(header.downgraded() == header.bytes)
  }

  /// RFC 6858 §2.1.
  @Test func addressesBecomeInvalidAndTellWhy() throws {
    let header = downgraded("To: Fred Föö <fred@exämple.com>, plain@example.com\nFrom: Jörg <j@example.com>")
    let to = header.mailboxes("To")
    #expect(to.map { $0.address?.description } == ["invalid@internationalized-address.invalid", "plain@example.com"])
    #expect(to.first?.displayName == "Fred Föö <fred@exämple.com>")
    let from = try #require(header.mailboxes("From").first)
    #expect(from.address == EmailAddress("j@example.com"))
    #expect(from.displayName == "Jörg")
  }

  @Test func groupsAndReturnPaths() {
    let header = downgraded("Cc: Büro: a@b, ä@b;\nReturn-Path: <ö@b>")
    guard case .group(let name, let members)? = header.first("Cc").map({ AddressList($0.body) })?.entries.first else {
      Issue.record("the group is gone")
      return
    }
    #expect(EncodedWord.decode(name) == "Büro")
    #expect(members.map { $0.domain.text } == ["b", "internationalized-address.invalid"])
    #expect(header.mailboxes("Return-Path").count == 1)
  }

  /// RFC 6858 §2.2.
  @Test func parametersAreExcised() {
    let header = downgraded(
      "Content-Disposition: attachment; filename=FÖÖ; size=3\nContent-Type: text/plain; charset=\"utf-8\"; name=\"ä\"")
    #expect(header.first("Content-Disposition")?.unfolded.text == "attachment; size=3")
    #expect(header.first("Content-Type")?.unfolded.text == "text/plain; charset=utf-8")
  }

  /// RFC 6858 §2.3 and §2.4.
  @Test func subjectIsEncodedAndTheRestGoes() {
    let header = downgraded("Subject: Grüße\nX-Note: für\nDate: Fri, 21 Nov 1997 09:55:06 -0600\nMessage-ID: <ä@b>")
    #expect(header.text("Subject") == "Grüße")
    #expect(header.map { $0.nameText } == ["Subject", "Date"])
  }

  @Test func octetsThatAreNoUTF8AreReadAsWindows1252() {
    let header = HeaderSection("Subject: f".bytes + [0xFC] + "r\r\n\r\n".bytes)
    #expect(HeaderSection(header.downgraded()).text("Subject") == "für")
  }
}
