import Message
import Platform
import Testing

@testable import MailFlow

@Suite struct ArrivingHeaderTests {
  private func cleaned(_ text: String) -> String? {
    ArrivingHeader.cleaned(
      HeaderSection(Array(text.replacing("\n", with: "\r\n").utf8)),
      hostnames: ["mail.office.example", "office.example"]
    ).map { String(decoding: $0, as: UTF8.self).replacing("\r\n", with: "\n") }
  }

  @Test func anHonestHeaderStaysAsItCame() {
    #expect(cleaned("From: a@b.example\nX-Postroomy: no\nX-Post-room: no\nSubject: x\n\n") == nil)
  }

  @Test func whatOnlyThisHouseMaySayGoes() {
    let text = """
      Return-Path: <forged@b.example>
      X-POSTROOM-Verdict: clean
       and more
      From: a@b.example
      x-postroom-tag: y
      return-path: <again@b.example>
      Subject: x


      """
    #expect(cleaned(text) == "From: a@b.example\nSubject: x\n\n")
  }

  @Test(arguments: [
    "mail.office.example; spf=pass", "OFFICE.example 1; spf=pass", "(a comment) office.example; dkim=pass",
    "\"office.example\"; dkim=pass", "office.example", "", "\n office.example;\n spf=pass",
    "(a (nested) one)office.example;", "(a\\)b) office.example; x", "\"office\\.example\"; x", "office.example/1; x",
    "(quote \") office.example; x", "(\\( office.example; x",
  ])
  func forgedResultsGo(_ value: String) {
    #expect(cleaned("Authentication-Results: \(value)\nSubject: x\n\n") == "Subject: x\n\n")
  }

  @Test(arguments: [
    "mx.other.example; spf=pass", "notoffice.example; spf=pass", "(office.example) other.example; x",
    "(a\\)office.example) other.example; x",
  ])
  func othersResultsStay(_ value: String) {
    #expect(cleaned("Authentication-Results: \(value)\nSubject: x\n\n") == nil)
  }

  @Test func brokenHeadersDoNotHarm() {
    #expect(cleaned("") == nil)
    #expect(cleaned(": \n\n") == nil)
    #expect(cleaned("garbage without colon\nReturn-Path: <x>\n") == "garbage without colon\n")
  }
}

@Suite struct TraceFieldsTests {
  private func envelope(_ recipients: [String] = ["anna@office.example"], helo: String = "mx.other.example") -> Envelope
  {
    Envelope(
      origin: .mx, reversePath: EmailAddress("bob@other.example"),
      recipients: recipients.compactMap { EmailAddress($0) }.map { EnvelopeRecipient($0) },
      peer: Peer(address: IPAddress("192.0.2.1"), helo: helo), tls: "TLSv1.3 TLS_AES_256_GCM_SHA384",
      protocolName: "ESMTPS", receivedAt: Moment(seconds: 1_800_000_000))
  }

  private func received(_ envelope: Envelope, showsClient: Bool = true) -> String {
    String(
      decoding: TraceFields.received(envelope, id: "77", hostname: "mail.office.example", showsClient: showsClient),
      as: UTF8.self)
  }

  @Test func sayWhoWhenAndHow() throws {
    let text = received(envelope())
    #expect(
      text == """
        Received: from mx.other.example ([192.0.2.1])\r
        \tby mail.office.example (Postroom) with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r
        \tid 77\r
        \tfor <anna@office.example>;\r
        \t\(HeaderDate(Moment(seconds: 1_800_000_000)).text)\r

        """)
  }

  @Test func recipientsNeverLearnOfEachOther() {
    #expect(!received(envelope(["anna@office.example", "bert@office.example"])).contains("for <"))
  }

  @Test func aHiddenClientIsNowhereInIt() {
    let text = received(envelope(), showsClient: false)
    #expect(!text.contains("192.0.2.1"))
    #expect(!text.contains("mx.other.example"))
    #expect(text.hasPrefix("Received: from mail.office.example"))
  }

  @Test(arguments: [
    "evil\r\nX-Injected: yes", "a b", "", "(comment", "x;y", "\u{1b}[31m", String(repeating: "a", count: 300),
    "ü.example",
    "a\u{0}b", "<x>",
  ])
  func aStrangeNameIsNotRepeated(_ helo: String) {
    #expect(received(envelope(helo: helo)).hasPrefix("Received: from unknown ([192.0.2.1])\r\n"))
  }

  @Test func aStrangeTLSDescriptionIsLeftOut() {
    var odd = envelope()
    odd.tls = "TLS)\r\nX: y"
    #expect(!received(odd).contains("X: y"))
  }

  @Test func returnPathOfANotificationIsEmpty() {
    #expect(TraceFields.returnPath(nil) == Array("Return-Path: <>\r\n".utf8))
    #expect(TraceFields.returnPath(EmailAddress("a@b.example")) == Array("Return-Path: <a@b.example>\r\n".utf8))
  }
}

@Suite struct TagTests {
  private func applied(_ tag: Marking, _ header: String) -> String {
    String(decoding: tag.applied(to: HeaderSection(Array(header.utf8))), as: UTF8.self)
  }

  @Test func wordsGoBeforeTheSubjectOnce() {
    let tag = Marking(subjectPrefix: "[External]")
    #expect(applied(tag, "Subject: Offer\r\nTo: x\r\n\r\n") == "Subject: [External] Offer\r\nTo: x\r\n\r\n")
    let twice = "Subject: Re: [External] Offer\r\n\r\n"
    #expect(applied(tag, twice) == twice)
    #expect(applied(tag, "To: x\r\n\r\n").contains("Subject: [External]\r\n"))
  }

  @Test func fieldsGoOnTopAndCannotSmuggleOthers() {
    let text = applied(Marking(fields: [.init("X-Postroom-Tag", "a\r\nBcc: victim@b.example")]), "To: x\r\n\r\n")
    #expect(text.hasPrefix("X-Postroom-Tag: a"))
    #expect(!text.contains("\r\nBcc:"))
    #expect(text.hasSuffix("To: x\r\n\r\n"))
  }
}
