import Testing

@testable import Message

@Suite struct MIMEScannerTests {
  static let nested = """
    Subject: nested
    Content-Type: multipart/mixed; boundary=abc

    preamble
    --abc

    implicit text
    --abc
    Content-Type: multipart/alternative; boundary="abcd"

    --abcd
    Content-Type: text/plain; charset=utf-8

    plain ä
    --abcd
    Content-Type: text/html

    <p>
    --abcd--
    epilogue
    --abcd
    still epilogue
    --abc \t
    Content-Type: message/rfc822

    Subject: inner
    Content-Type: multipart/mixed; boundary=ab

    --ab
    Content-Disposition: attachment; filename=x.bin
    Content-Transfer-Encoding: base64

    AAAA
    --ab
    Content-Type: multipart/digest; boundary=dig

    --dig

    From: digest@example.com

    text
    --dig
    Content-Type: text/plain

    plain in digest
    --dig--
    --abc
    Content-Type: image/png

    --abc--
    the end

    """

  private func part(_ scan: (header: HeaderSection, body: [UInt8], structure: MIMEStructure), _ path: [Int]) -> String?
  {
    scan.structure.section(path, .whole).map { scan.body[$0.body].text }
  }

  @Test func nestedParts() {
    let scan = scanned(Self.nested)
    #expect(
      scan.structure.outline()
        == "multipart/mixed(text/plain,multipart/alternative(text/plain,text/html),message/rfc822(multipart/mixed("
        + "text/plain,multipart/digest(message/rfc822(text/plain),text/plain))),image/png)")
    #expect(part(scan, [1]) == "implicit text")
    #expect(part(scan, [2, 1]) == "plain ä")
    #expect(part(scan, [2, 2]) == "<p>")
    #expect(part(scan, [3, 1]) == "AAAA")
    #expect(part(scan, [3, 2, 1]) == "From: digest@example.com\r\n\r\ntext")
    #expect(part(scan, [3, 2, 1, 1]) == "text")
    #expect(part(scan, [3, 2, 2]) == "plain in digest")
    #expect(part(scan, [4]) == "")
    #expect(scan.structure.hasNUL == false)
    #expect(scan.structure.has8BitBody)
    #expect(scan.structure.parts.map(\.has8BitBody).filter { $0 }.count == 3)
    #expect(scan.structure.longestLine == scan.body.split(separator: 10).map { $0.count - 1 }.max())
    #expect(scan.structure.bodyLines == scan.body.filter { $0 == 10 }.count)
    #expect(scan.structure.attachments.map(\.fileName) == [nil, "x.bin", nil])
    #expect(scan.structure.attachments.map(\.type) == ["message/rfc822", "text/plain", "message/rfc822"])
  }

  @Test func sectionsOfHeaders() {
    let scan = scanned(Self.nested)
    func header(_ path: [Int], _ kind: MIMEStructure.SectionKind) -> String? {
      scan.structure.section(path, kind).map { ($0.includesHeader ? "TOP+" : "") + scan.body[$0.body].text }
    }
    #expect(header([], .header) == "TOP+")
    #expect(header([], .text)?.hasPrefix("preamble") == true)
    #expect(header([], .whole)?.hasPrefix("TOP+preamble") == true)
    #expect(header([], .mime) == nil)
    #expect(header([2, 2], .mime) == "Content-Type: text/html\r\n\r\n")
    #expect(header([1], .mime) == "\r\n")
    #expect(header([3], .header) == "Subject: inner\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n")
    #expect(header([3], .text)?.hasPrefix("--ab\r\n") == true)
    #expect(header([3], .mime) == "Content-Type: message/rfc822\r\n\r\n")
    #expect(header([3, 2, 1], .header) == "From: digest@example.com\r\n\r\n")
    #expect(header([3, 2, 1, 1], .mime) == "From: digest@example.com\r\n\r\n")
    #expect(header([1], .header) == nil)
    for path in [[0], [5], [1, 1], [-1], [3, 3], [3, 2, 1, 2], [3, 2, 1, 1, 1], [Int.max]] {
      #expect(header(path, .whole) == nil, "\(path)")
    }
  }

  @Test func aMessageWithoutPartsHasPartOne() {
    let scan = scanned("Subject: x\n\nbody\n")
    #expect(part(scan, [1]) == "body\r\n")
    #expect(part(scan, [1, 1]) == nil)
    #expect(part(scan, [2]) == nil)
    #expect(scan.structure.section([1], .mime)?.includesHeader == true)
    #expect(scan.structure.section([1], .text) == nil)
    let embedded = scanned("Content-Type: message/rfc822\n\nSubject: y\n\ninner\n")
    #expect(part(embedded, [1]) == "Subject: y\r\n\r\ninner\r\n")
    #expect(part(embedded, [1, 1]) == "inner\r\n")
    #expect(part(embedded, [1, 1, 1]) == nil)
    #expect(embedded.structure.section([1], .header)?.body == 0..<14)
  }

  static let messages: [String] = [
    nested, "", "\n", "a", "\n--b", "Content-Type: multipart/mixed; boundary=b\n\n--b",
    "Content-Type: multipart/mixed; boundary=b\n\n--b--", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--",
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n--b\nA: b\n--b--\n",
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\n\n--b\n-\n--\n--c\n-b\n--b-\n--b --\n--b--x\n--b-- \n",
    "Content-Type: multipart/mixed; boundary=\"-\"\n\n---\n\nx\n-----\n",
    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: x\n--b\n\ny\n--b--",
    "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: deep\n",
    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b--\n",
    "Content-Type: multipart/mixed; boundary=b\n\nno end\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nopen\n--b\n\nouter",
  ]

  @Test(arguments: messages)
  func everySplitGivesTheSame(_ message: String) {
    for bytes in [message.bytes, message.crlf, message.crlf.flatMap { $0 == 97 ? [0, 13, 0xC3] : [$0] }] {
      let whole = scanned(bytes)
      for size in 1...9 {
        var scanner = MIMEScanner(header: whole.header)
        for start in stride(from: 0, to: whole.body.count, by: size) {
          scanner.append(whole.body[start..<min(start + size, whole.body.count)])
        }
        #expect(scanner.finish() == whole.structure, "pieces of \(size)")
      }
      for split in whole.body.indices {
        var scanner = MIMEScanner(header: whole.header)
        scanner.append(whole.body[..<split])
        scanner.append(whole.body[split...])
        #expect(scanner.finish() == whole.structure, "split at \(split)")
      }
      check(whole.structure, bodySize: whole.body.count)
    }
  }

  /// What every structure must be, whatever it was made of.
  private func check(_ structure: MIMEStructure, bodySize: Int) {
    #expect(structure.bodySize == bodySize)
    #expect(structure.parts[0].body == 0..<bodySize)
    for (index, part) in structure.parts.enumerated() {
      #expect(part.header.upperBound <= part.body.lowerBound || index == 0)
      #expect(part.body.upperBound <= bodySize)
      for child in part.children {
        let inner = structure.parts[child]
        #expect(inner.parent == index && child > index)
        #expect(inner.header.lowerBound >= part.body.lowerBound && inner.body.upperBound <= part.body.upperBound)
      }
    }
    #expect(MIMEStructure(encoded: structure.encoded()) == structure)
    for form in [TextForm.ascii, .utf8] {
      for isExtended in [false, true] {
        let text = structure.bodyStructureText(extended: isExtended, form)
        #expect(IMAPGrammar.isBody(text, extended: isExtended, utf8: form == .utf8))
      }
    }
  }

  @Test func mutatedMessagesNeverBreakAnything() {
    var random = SplitMix(state: 42)
    let bases = Self.messages.map(\.crlf)
    let inserts = [
      "--abc\r\n", "--abcd--\r\n", "\r\n\r\n", "\n", "\r", "Content-Type: message/rfc822\r\n\r\n", "--", "\0", "\u{E9}",
      "boundary=abc;",
    ]
    for _ in 0..<400 {
      var bytes = bases.randomElement(using: &random) ?? []
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let at = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.insert(contentsOf: (inserts.randomElement(using: &random) ?? "").bytes, at: at)
        case 1: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 0...20, using: &random)))
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        }
      }
      let whole = scanned(bytes)
      check(whole.structure, bodySize: whole.body.count)
      var scanner = MIMEScanner(header: whole.header)
      var start = 0
      while start < whole.body.count {
        let end = min(whole.body.count, start + Int.random(in: 1...30, using: &random))
        scanner.append(whole.body[start..<end])
        start = end
      }
      #expect(scanner.finish() == whole.structure)
    }
  }

  @Test func factsOfTheWhole() {
    let scan = scanned("Received: a\nreceived: b\nX: c\n\nlong line\nNUL \0\nshort")
    #expect(scan.structure.receivedCount == 2)
    #expect(scan.structure.hasNUL)
    #expect(!scan.structure.has8BitBody)
    #expect(scan.structure.longestLine == 9)
    #expect(scan.structure.bodyLines == 2)
    #expect(scanned("\n\nx\r".crlf).structure.longestLine == 1)
  }

  @Test func eightBitHeadersOfPartsMakeTheBodyEightBit() {
    let scan = scanned("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: ä\n\nascii\n--b--\n")
    #expect(scan.structure.has8BitBody && scan.structure.has8BitHeaders)
    #expect(!scan.structure.parts[0].has8BitHeader && !scan.structure.parts[1].has8BitBody)
    #expect(scan.structure.headersToDowngrade == [scan.structure.parts[1].header])
  }

  @Test func aMessageOfAHeaderAloneIsWithinItsPart() {
    // The line end of the empty line is the one before the delimiter, too.
    let scan = scanned(
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\n--b--\n")
    let (part, inner) = (scan.structure.parts[1], scan.structure.parts[2])
    #expect(scan.structure.outline() == "multipart/mixed(message/rfc822(text/plain))")
    #expect(inner.header.upperBound <= part.body.upperBound && inner.body.isEmpty)
    #expect(scan.body[part.body].text == "Subject: x\r\n\r\n" && part.lines == 2)
    #expect(part.body.upperBound <= scan.structure.parts[0].body.upperBound)
  }
}
