import Testing

@testable import Message

@Suite struct MIMEFieldTests {
  private func shown(_ type: ContentType?) -> String {
    guard let type else { return "nil" }
    return type.name + type.parameters.map { ";\($0.name)=\($0.value.text)" }.joined()
  }

  @Test(arguments: [
    ("text/plain", "text/plain"),
    ("Text/HTML; Charset=\"UTF-8\"", "text/html;Charset=UTF-8"),
    ("text/plain; charset=us-ascii (Plain text)", "text/plain;charset=us-ascii"),
    ("text / plain ; a = b ; c = \"d;e\\\"f\"", "text/plain;a=b;c=d;e\"f"),
    ("multipart/mixed; boundary=\"a b\"", "multipart/mixed;boundary=a b"),
    ("text/plain; charset=utf-8 format=flowed", "text/plain;charset=utf-8;format=flowed"),
    ("application/pdf; name=My File.pdf; x=1", "application/pdf;name=My File.pdf;x=1"),
    ("text/plain;;;a=b;", "text/plain;a=b"),
    ("text/plain; =x; a=", "text/plain;a="),
    ("text", "nil"), ("/plain", "nil"), ("text/", "nil"), ("", "nil"), ("; a=b", "nil"),
    ("text/plain; a", "text/plain"),
    ("text/plain; a=\"unclosed", "text/plain;a=unclosed"),
  ])
  func contentTypes(_ text: String, _ expected: String) { #expect(shown(ContentType(text.bytes)) == expected) }

  @Test(arguments: [
    ("attachment; filename=a.txt", "a.txt"),
    ("attachment; filename*=utf-8''%E2%82%AC%20rates.txt; filename=\"EUR rates.txt\"", "€ rates.txt"),
    // RFC 2231 §4.1, with the parts in any order.
    (
      "attachment; filename*1*=%2A%2A%2Afun%2A%2A%2A%20; filename*0*=us-ascii'en'This%20is%20even%20more%20; filename*2=\"isn't it!\"",
      "This is even more ***fun*** isn't it!"
    ),
    ("attachment; filename*0=a; filename*2=c", "a"),
    ("attachment; filename=\"=?utf-8?B?w6QudHh0?=\"", "ä.txt"),
    ("attachment; filename*=iso-8859-1''%E4.txt", "ä.txt"),
    ("attachment; filename*=utf-8''%zz%", "%zz%"),
    ("attachment; filename*=broken", "broken"),
    ("attachment; filename*99999999999=x; filename=y", "y"),
  ])
  func fileNames(_ text: String, _ expected: String) {
    #expect(ContentDisposition(text.bytes)?.parameters.decodedValue("FileName") == expected)
  }

  @Test(arguments: [
    ("base64", TransferEncoding.base64), ("BASE64 (x)", .base64), ("", .sevenBit),
    ("Quoted-Printable", .quotedPrintable),
    ("\"8bit\"", .eightBit), ("binary;", .binary), ("x-uuencode", .unknown("X-UUENCODE")),
  ])
  func encodings(_ text: String, _ expected: TransferEncoding) { #expect(TransferEncoding(text.bytes) == expected) }

  @Test func parametersAreBounded() {
    let text = "text/plain" + String(repeating: ";a=b", count: 100_000)
    #expect(ContentType(text.bytes)?.parameters.count == 100)
  }
}
