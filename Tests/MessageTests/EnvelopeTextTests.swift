import Testing

@testable import Message

@Suite struct EnvelopeTextTests {
  private func envelope(_ header: String, _ form: TextForm = .ascii) -> String {
    let bytes = HeaderSection((header + "\n\n").crlf).envelopeText(form)
    #expect(IMAPGrammar.isEnvelope(bytes, utf8: form == .utf8))
    return bytes.text
  }

  /// RFC 3501 §8.
  @Test func theStandardsExample() {
    let text = envelope(
      """
      Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
      From: Terry Gray <gray@cac.washington.edu>
      Subject: IMAP4rev1 WG mtg summary and minutes
      To: imap@cac.washington.edu
      cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
      Message-Id: <B27397-0100000@cac.washington.edu>
      MIME-Version: 1.0
      Content-Type: TEXT/PLAIN; CHARSET=US-ASCII
      """)
    #expect(
      text == #"("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" "#
        + #"(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) "#
        + #"(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) "#
        + #"((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "#
        + #""<B27397-0100000@cac.washington.edu>")"#)
  }

  @Test func nothing() {
    #expect(envelope("X: y") == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")
    #expect(
      envelope("Subject:\nTo:\nSender:\nFrom: a@b")
        == #"(NIL "" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)"#)
  }

  @Test func groupsRoutesAndSeveralFields() {
    let text = envelope("To: g: A <@r:a@b>, c;\nTo: d@e\nReply-To: <x@y>")
    #expect(
      text.contains(
        #" ((NIL NIL "g" NIL)("A" "@r" "a" "b")(NIL NIL "c" "missing-domain.invalid")(NIL NIL NIL NIL)(NIL NIL "d" "e")) "#
      ))
    #expect(text.contains(#"NIL NIL ((NIL NIL "x" "y"))"#))
  }

  @Test func stringsThatNeedMore() {
    #expect(envelope("Subject: a \"b\" \\c").contains(#" "a \"b\" \\c" "#))
    #expect(envelope("Subject: a\n b\n\tc").contains(#" "a b\#tc" "#))
    #expect(
      HeaderSection("Subject: a\0b\r\n\r\n".bytes).envelopeText() == Array("(NIL {3}\r\na".bytes) + [0x80]
        + " ".bytes.dropLast() + "b NIL NIL NIL NIL NIL NIL NIL NIL)".bytes)
    #expect(envelope("Subject: a\rb").contains(#" "ab" "#))
  }

  @Test func twoForms() {
    let header = "Subject: Grüße\nFrom: José <josé@exämple.com>\nTo: Jörg <j@d>\nMessage-ID: <ä@b>"
    #expect(envelope(header, .utf8).hasPrefix(#"(NIL "Grüße" (("José" NIL "josé" "exämple.com")) "#))
    let ascii = envelope(header)
    #expect(ascii.utf8.allSatisfy { $0 < 128 })
    #expect(ascii.hasPrefix(#"(NIL "=?utf-8?"#))
    #expect(ascii.contains(#"NIL "invalid" "internationalized-address.invalid")"#))
    #expect(ascii.contains(#" NIL "j" "d")) NIL NIL NIL NIL)"#))
    #expect(EncodedWord.decode(ascii.utf8).contains("José <josé@exämple.com>"))
    #expect(EncodedWord.decode(ascii.utf8).contains(#"("Jörg" NIL "j" "d")"#))
  }

  @Test func octetsThatAreNoUTF8() {
    let header = HeaderSection("Subject: a".bytes + [0xE4] + "\r\nFrom: x".bytes + [0xFC] + " <a@b>\r\n\r\n".bytes)
    #expect(IMAPGrammar.isEnvelope(header.envelopeText(.utf8), utf8: true))
    #expect(header.envelopeText(.utf8).text.hasPrefix("(NIL {2}\r\na"))
    #expect(EncodedWord.decode(header.envelopeText(.ascii)).hasPrefix(#"(NIL "aä" (("xü" NIL "a" "b"))"#))
  }

  @Test func noHeaderMakesInvalidGrammar() {
    var random = SplitMix(state: 5)
    let pieces: [[UInt8]] =
      [
        "From:", "To:", "Cc: ", "Sender:", "Reply-To:", "Subject:", "Date:", "Message-ID:", "In-Reply-To:", "\r\n",
        "\n", "\r",
      ]
      .map(\.bytes) + "a@<>,;:\"()[]\\. {3}NIL".utf8.map { [$0] } + [
        [0], [0xC3, 0xA4], [0xE9], "=?utf-8?Q?=0D=0A?=".bytes,
      ]
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 1...60, using: &random)).flatMap { _ in pieces.randomElement(using: &random) ?? []
      }
      let header = HeaderSection(bytes)
      #expect(IMAPGrammar.isEnvelope(header.envelopeText(.ascii)))
      #expect(IMAPGrammar.isEnvelope(header.envelopeText(.utf8), utf8: true))
      #expect(header.downgraded().allSatisfy { $0 < 128 })
    }
  }
}
