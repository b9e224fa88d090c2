import Testing

@testable import Message

@Suite struct BodyStructureTextTests {
  private func text(_ message: String, extended: Bool = false, _ form: TextForm = .ascii) -> String {
    let bytes = scanned(message).structure.bodyStructureText(extended: extended, form)
    #expect(IMAPGrammar.isBody(bytes, extended: extended, utf8: form == .utf8))
    return bytes.text
  }

  /// RFC 3501 §7.4.2, first example: 48 lines and 2279 octets.
  @Test func simpleText() {
    let lines = Array(repeating: String(repeating: "x", count: 45), count: 47).joined(separator: "\n") + "\n"
    let last = String(repeating: "y", count: 2279 - 47 * 47 - 2) + "\n"
    let message = "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\n\n" + lines + last
    #expect(text(message) == #"("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 2279 48)"#)
    #expect(text("Subject: x\n\nhello\n") == #"("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 7 1)"#)
  }

  /// RFC 3501 §7.4.2, second example.
  @Test func twoParts() {
    func body(octets: Int, lines: Int) -> String {
      // So many lines of equal length, the last longer; each line end is two octets.
      let usual = octets / lines - 2
      let rest = octets - (usual + 2) * (lines - 1) - 2
      return String(repeating: String(repeating: "x", count: usual) + "\n", count: lines - 1)
        + String(repeating: "x", count: rest) + "\n"
    }
    let message = """
      Content-Type: MULTIPART/MIXED; BOUNDARY="b"

      --b
      Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

      \(body(octets: 1152, lines: 23))
      --b
      Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME="cc.diff"
      Content-Transfer-Encoding: BASE64
      Content-ID: <960723163407.20117h@cac.washington.edu>
      Content-Description: Compiler diff

      \(body(octets: 4554, lines: 73))
      --b--

      """
    #expect(
      text(message) == #"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)"#
        + #"("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") "<960723163407.20117h@cac.washington.edu>" "#
        + #""Compiler diff" "BASE64" 4554 73) "MIXED")"#)
    #expect(
      text(message, extended: true).hasSuffix(
        #" "BASE64" 4554 73 NIL NIL NIL NIL) "MIXED" ("BOUNDARY" "b") NIL NIL NIL)"#))
  }

  @Test func extensionData() {
    let message = """
      Content-Type: image/png; name="a \\"b\\".png"
      Content-Disposition: attachment; filename*=utf-8''%C3%A4.png
      Content-Language: en, de
      Content-Location: http://example.com/
      Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
      Content-Transfer-Encoding: base64

      AA==
      """
    #expect(
      text(message, extended: true)
        == #"("image" "png" ("name" "a \"b\".png") NIL NIL "BASE64" 4 "Q2hlY2sgSW50ZWdyaXR5IQ==" "#
        + #"("attachment" ("filename*" "utf-8''%C3%A4.png")) ("en" "de") "http://example.com/")"#)
    #expect(text(message) == #"("image" "png" ("name" "a \"b\".png") NIL NIL "BASE64" 4)"#)
  }

  /// RFC 9051 §7.5.2: what RFC 2231 §3 allows to be in pieces is shown as one.
  @Test(arguments: [
    ("name*0=\"a \"; name*1=b; x=y", #"("name" "a b" "x" "y")"#),
    ("NAME*1=b; x=y; name*0=a", #"("x" "y" "name" "ab")"#),
    ("name*0*=utf-8'de'%C3%BC; name*1=\"a b\"; name*2*=%C3%A4", #"("name*" "utf-8'de'%C3%BCa%20b%C3%A4")"#),
    ("name*0=a; name*1*=%20b", #"("name*" "''a%20b")"#),
    ("name*0=a; name*2=c; name*02=d; name*3=e", #"("name" "a" "name*02" "d" "name*2" "c" "name*3" "e")"#),
    ("name*1=b; name*=utf-8''x", #"("name*" "utf-8''x" "name*1" "b")"#),
  ])
  func continuations(_ parameters: String, _ expected: String) {
    let message = "Content-Type: image/png; \(parameters)\nContent-Disposition: inline; \(parameters)\n\nx"
    #expect(
      text(message, extended: true)
        == #"("image" "png" \#(expected) NIL NIL "7BIT" 1 NIL ("inline" \#(expected)) NIL NIL)"#)
  }

  private let embedded = """
    Content-Type: multipart/mixed; boundary=b

    --b
    Content-Type: message/rfc822
    Content-Description: an old one

    Subject: inside
    From: a@b
    Content-Type: text/html

    <p>
    --b--

    """

  @Test func embeddedMessages() {
    #expect(
      text(embedded) == #"(("message" "rfc822" NIL NIL "an old one" "7BIT" 58 "#
        + #"(NIL "inside" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL) "#
        + #"("text" "html" NIL NIL NIL "7BIT" 3 0) 4) "mixed")"#)
    #expect(
      text(embedded, extended: true).contains(#" 3 0 NIL NIL NIL NIL) 4 NIL NIL NIL NIL) "mixed" ("boundary" "b")"#))
  }

  @Test func whatCannotBeLookedIntoIsAFile() {
    let message = "Content-Type: message/rfc822; name=x.eml\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA0KDQo="
    #expect(text(message) == #"("application" "octet-stream" ("name" "x.eml") NIL NIL "BASE64" 20)"#)
    #expect(
      text("Content-Type: multipart/mixed\n\nno boundary\n")
        == #"("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 13 1)"#)
    #expect(
      text("Content-Type: multipart/mixed; boundary=b\n\nnever\n")
        == #"("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 7 1)"#)
    let opaque = MIMEStructure.opaque(bodySize: 12).bodyStructureText(extended: true)
    #expect(opaque.text == #"("application" "octet-stream" NIL NIL NIL "BINARY" 12 NIL NIL NIL NIL)"#)
  }

  @Test func twoForms() {
    let message = """
      Content-Type: multipart/mixed; boundary=b

      --b
      Content-Type: application/pdf; name="Müller.pdf"; x=y
      Content-Disposition: attachment; filename=Müller.pdf
      Content-Description: für dich

      --b
      Content-Type: message/global

      Subject: Grüße

      hi
      --b--
      """
    let ascii = text(message, extended: true)
    #expect(ascii.utf8.allSatisfy { $0 < 128 })
    #expect(ascii.contains(#"("application" "pdf" ("x" "y") NIL NIL "7BIT" 0 NIL ("attachment" NIL) NIL NIL)"#))
    #expect(ascii.contains(#"("message" "rfc822" NIL NIL NIL "7BIT" 22 (NIL "=?utf-8?"#))
    let utf8 = text(message, extended: true, .utf8)
    #expect(
      utf8.contains(
        #"("name" "Müller.pdf" "x" "y") NIL "für dich" "7BIT" 0 NIL ("attachment" ("filename" "Müller.pdf"))"#))
    #expect(utf8.contains(#"("message" "global" NIL NIL NIL "7BIT" 22 (NIL "Grüße" "#))
    #expect(scanned(message).structure.has8BitHeaders)
    #expect(!scanned(embedded).structure.has8BitHeaders)
  }
}
