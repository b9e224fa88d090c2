import Testing

@testable import Message

@Suite("A message for a server without 8BITMIME")
struct SevenBitConversionTests {
  private func converted(_ text: String) throws -> [UInt8]? {
    let (header, structure, body) = scan(Array(text.replacing("\n", with: "\r\n").utf8))
    guard
      let conversion = SevenBitConversion(header: header, structure: structure, partHeader: { Array(body[$0]) })
    else { return nil }
    var writer = SevenBitWriter(conversion)
    var output: [UInt8] = []
    while !writer.isDone { output += writer.convert(Array(body[writer.wanted])) }
    return output
  }

  private func scan(_ bytes: [UInt8]) -> (HeaderSection, MIMEStructure, [UInt8]) {
    let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? bytes.count
    let header = HeaderSection(Array(bytes[..<end]))
    let body = Array(bytes[end...])
    return (header, MIMEScanner.scan(header: header, body: body[...]), body)
  }

  /// The octets of each leaf, decoded.
  private func leaves(_ bytes: [UInt8]) throws -> [[UInt8]] {
    let (_, structure, body) = scan(bytes)
    return try structure.parts.filter { $0.kind == .leaf }.map { part in
      var decoder = try #require(TransferDecoder(part.encoding))
      var output: [UInt8] = []
      decoder.decode(body[part.body], into: &output)
      decoder.finish(into: &output)
      return output
    }
  }

  private func same(_ text: String) throws {
    let output = try #require(try converted(text))
    #expect(output.allSatisfy { $0 < 128 }, "\(String(decoding: output, as: UTF8.self))")
    let before = try leaves(Array(text.replacing("\n", with: "\r\n").utf8))
    #expect(try leaves(output) == before, "\(String(decoding: output, as: UTF8.self))")
    let longest = output.split(separator: 10).map(\.count).max() ?? 0
    #expect(longest <= 999)
  }

  @Test func textBecomesQuotedPrintable() throws {
    let text =
      "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\u{fc}\u{df}e \nx = y\n"
    try same(text)
    let output = String(decoding: try #require(try converted(text)), as: UTF8.self)
    #expect(output.contains("Content-Transfer-Encoding: quoted-printable\r\n") && !output.contains("8bit"))
    #expect(output.hasSuffix("Gr=C3=BC=C3=9Fe=20\r\nx =3D y\r\n"))
  }

  @Test func withoutMIMEItGetsWhatItNeeds() throws {
    let output = String(decoding: try #require(try converted("Subject: x\n\n\u{fc}\n")), as: UTF8.self)
    #expect(output.contains("MIME-Version: 1.0\r\n") && output.contains("charset=unknown-8bit\r\n"))
    #expect(output.hasSuffix("\r\n\r\n=C3=BC\r\n"))
  }

  @Test func onlyThePartsThatNeedItAreChanged() throws {
    let text = """
      MIME-Version: 1.0
      Content-Type: multipart/mixed; boundary=b
      Content-Transfer-Encoding: 8bit

      before
      --b
      Content-Type: text/plain; charset=utf-8
      Content-Transfer-Encoding: 8bit

      \u{fc}
      --b
      Content-Type: text/plain

      plain, with =3D in it
      --b
      Content-Type: application/x-thing
      Content-Transfer-Encoding: binary

      \u{fc}\u{fc}
      --b
      Content-Type: message/rfc822
      Content-Transfer-Encoding: 8bit

      Subject: inner
      MIME-Version: 1.0
      Content-Type: text/plain; charset=utf-8

      \u{df}
      --b--
      after

      """
    let output = String(decoding: try #require(try converted(text)), as: UTF8.self)
    #expect(output.utf8.allSatisfy { $0 < 128 })
    for words in [
      "Content-Transfer-Encoding: 7bit\r\n\r\nbefore\r\n--b\r\n", "quoted-printable\r\n\r\n=C3=BC\r\n--b",
      "plain, with =3D in it\r\n--b", "base64\r\n\r\nw7zDvA==\r\n", "Subject: inner\r\n",
      "=C3=9F\r\n--b--\r\nafter\r\n",
    ] { #expect(output.contains(words), "\(words) is missing in:\n\(output)") }
    #expect(!output.contains("8bit") && !output.contains("binary"))
  }

  @Test func longPartsGoInPieces() throws {
    let line = String(repeating: "\u{fc} x", count: 20) + " \n"
    let head = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
    try same(head + String(repeating: line, count: 5000))
    try same(head + String(repeating: "\u{fc}", count: 200_000) + "\n")
    try same(
      "MIME-Version: 1.0\nContent-Type: image/png\nContent-Transfer-Encoding: 8bit\n\n"
        + String(repeating: line, count: 5000))
  }

  /// Wherever a long line is cut, also between CR and LF, the same text comes out.
  @Test func everyCutGivesTheSameText() throws {
    let head = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    let text = Array((head + "\u{fc} \r\n\r\nx = y \u{df}\r\n\r\rz\r \r\n\u{e4}\r\n").utf8)
    let (header, structure, body) = scan(text)
    let plan = SevenBitConversion(header: header, structure: structure, partHeader: { Array(body[$0]) })
    let conversion = try #require(plan)
    for first in 0...body.count {
      for second in first...body.count {
        var writer = SevenBitWriter(conversion, longestPending: 1)
        var output = writer.convert([])
        for piece in [body[..<first], body[first..<second], body[second...]] where !piece.isEmpty {
          output += writer.convert(Array(piece))
        }
        #expect(writer.isDone)
        #expect(try leaves(output) == [body], "\(first), \(second): \(String(decoding: output, as: UTF8.self))")
      }
    }
  }

  @Test func whatIsSignedOrUnknownStays() throws {
    let signed = """
      MIME-Version: 1.0
      Content-Type: multipart/signed; boundary=b

      --b
      Content-Type: text/plain; charset=utf-8

      \u{fc}
      --b
      Content-Type: application/pgp-signature

      x
      --b--

      """
    #expect(try converted(signed) == nil)
    #expect(try converted("MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n\u{fc}\n") == nil)
    #expect(try converted("Subject: \u{fc}\n\nx\u{fc}\n") == nil)
  }
}
