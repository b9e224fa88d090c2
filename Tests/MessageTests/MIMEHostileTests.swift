import Testing

@testable import Message

/// Mail made to hurt. The sizes are such that anything worse than linear would never end.
@Suite struct MIMEHostileTests {
  private func isServable(_ structure: MIMEStructure) -> Bool {
    MIMEStructure(encoded: structure.encoded()) == structure
      && IMAPGrammar.isBody(structure.bodyStructureText(extended: true), extended: true)
  }

  @Test func moreThanTenThousandParts() {
    let message = "Content-Type: multipart/mixed; boundary=b\n\n" + String(repeating: "--b\n\nx\n", count: 12_000)
    let structure = scanned(message).structure
    #expect(structure.parts.count == 10_001)
    #expect(structure.isTruncated)
    #expect(structure.parts.last?.kind == .opaque)
    #expect(structure.parts.last?.body.upperBound == structure.bodySize)
    #expect(isServable(structure))
  }

  @Test func aThousandLevelsOfMultiparts() {
    var message = "Content-Type: multipart/mixed; boundary=b0\n\n"
    for level in 0..<1000 { message += "--b\(level)\nContent-Type: multipart/mixed; boundary=b\(level + 1)\n\n" }
    let structure = scanned(message + "text\n").structure
    #expect(structure.parts.count == 101)
    #expect(structure.parts.last?.kind == .opaque)
    #expect(isServable(structure))
  }

  @Test func aThousandLevelsOfMessages() {
    let message = String(repeating: "Content-Type: message/rfc822\n\n", count: 1000)
    let structure = scanned(message).structure
    #expect(structure.parts.count == 101)
    #expect(structure.parts.last?.kind == .opaque)
    #expect(isServable(structure))
  }

  @Test func aHundredThousandFields() {
    let header = HeaderSection(Array(repeating: "To: a@b\r\n".bytes, count: 100_000).joined() + "\r\n".bytes)
    #expect(header.count == 100_000)
    #expect(header.count(of: "to") == 100_000)
    #expect(IMAPGrammar.isEnvelope(header.envelopeText()))
    #expect(header.fields(["TO".bytes]).count == header.bytes.count)
    let received = HeaderSection(Array(repeating: "Received: x\r\n".bytes, count: 100_000).joined() + "\r\n".bytes)
    #expect(MIMEScanner.scan(header: received, body: []).receivedCount == 100_000)
  }

  @Test func moreFieldsThanAreCounted() {
    let bytes = Array(repeating: ":\n".bytes, count: HeaderSection.fieldLimit + 1000).joined() + "\n".bytes
    let header = HeaderSection(Array(bytes))
    #expect(header.count == HeaderSection.fieldLimit)
    #expect(header.removing { _ in false } == Array(bytes))
  }

  @Test func aHeaderLineOfTenMebibytes() {
    let long = [UInt8](repeating: 0x28, count: 10 << 20)
    let header = HeaderSection("Subject: x\r\nTo: ".bytes + long + "\r\nContent-Type: ".bytes + long + "\r\n\r\n".bytes)
    #expect(header.count == 3)
    #expect(IMAPGrammar.isEnvelope(header.envelopeText()))
    #expect(MIMEScanner.scan(header: header, body: "x".bytes[...]).outline() == "text/plain")
    #expect(ReceivedField(long).date == nil)
    #expect(HeaderDate(long) == nil)
  }

  @Test func aLineOfTheBodyWithoutEnd() {
    var scanner = MIMEScanner(header: HeaderSection("Content-Type: multipart/mixed; boundary=b\r\n\r\n".bytes))
    scanner.append("--b\r\n\r\n--".bytes[...])
    let piece = [UInt8](repeating: 0x2D, count: 64 << 10)
    for _ in 0..<160 { scanner.append(piece[...]) }
    scanner.append("\r\n--b--\r\n".bytes[...])
    let structure = scanner.finish()
    #expect(structure.longestLine == 160 * piece.count + 2)
    #expect(structure.outline() == "multipart/mixed(text/plain)")
    #expect(structure.parts[1].body.count == structure.longestLine)
  }

  @Test func partHeadersAreBoundedEachAndTogether() {
    let fat = "--b\nX: " + String(repeating: "x", count: 300 << 10) + "\n\nbody\n--b--\n"
    let one = scanned("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n" + fat).structure
    #expect(one.outline() == "multipart/mixed(text/plain,opaque)")
    #expect(one.parts[2].header.isEmpty && one.parts[2].body.upperBound == one.bodySize)
    let many = String(repeating: "--b\nX: " + String(repeating: "x", count: 100 << 10) + "\n\n", count: 60)
    let all = scanned("Content-Type: multipart/mixed; boundary=b\n\n" + many).structure
    #expect(all.parts.count == 42 && all.parts.last?.kind == .opaque)
    #expect(isServable(one) && isServable(all))
  }

  @Test func anEmbeddedMessageWithTooLongAHeaderHasAnEmptyEnvelope() {
    let message = "Content-Type: message/rfc822\n\nX: " + String(repeating: "x", count: 300 << 10) + "\n\nbody\n"
    let structure = scanned(message).structure
    #expect(structure.outline() == "message/rfc822(opaque)")
    #expect(isServable(structure))
  }

  @Test func envelopesOfEmbeddedMessagesAreBounded() {
    // Each octet of such a header makes dozens in an ENVELOPE.
    var limits = MIMEScanner.Limits()
    limits.envelopes = 256 << 10
    let inner = "--b\nContent-Type: message/rfc822\n\nFrom: " + String(repeating: "a,", count: 500) + "\n\n"
    let message = "Content-Type: multipart/mixed; boundary=b\n\n" + String(repeating: inner, count: 50)
    let structure = scanned(message.crlf, limits: limits).structure
    let octets = structure.parts.reduce(0) { $0 + ($1.envelope?.ascii.count ?? 0) }
    #expect(octets < 400 << 10)
    #expect(structure.isTruncated && isServable(structure))
  }

  @Test func manyOpenMultipartsAndLinesLikeDelimiters() {
    func boundary(_ level: Int) -> String { String(repeating: "x", count: 60) + "\(1000 + level)" }
    var message = "Content-Type: multipart/mixed; boundary=\(boundary(0))\n\n"
    for level in 0..<99 {
      message += "--\(boundary(level))\nContent-Type: multipart/mixed; boundary=\(boundary(level + 1))\n\n"
    }
    let near = "--" + String(repeating: "x", count: 60) + "9999\n"
    let structure = scanned(message + String(repeating: near, count: 20_000) + String(repeating: "--\n", count: 50_000))
      .structure
    #expect(structure.parts.count == 100)
    #expect(isServable(structure))
  }

  @Test func damagedEncodingsAreNoStructure() {
    let good = scanned(MIMEScannerTests.nested).structure.encoded()
    for length in 0..<good.count { #expect(MIMEStructure(encoded: good[..<length]) == nil) }
    #expect(MIMEStructure(encoded: good + [0]) == nil)
    var random = SplitMix(state: 1)
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let read = MIMEStructure(encoded: bytes) else { continue }
      // Whatever was read can be used.
      _ = read.bodyStructureText(extended: true)
      _ = read.attachments
      _ = read.section([3, 2, 1, 1], .mime)
      #expect(read.parts.allSatisfy { $0.body.upperBound <= read.bodySize })
    }
  }

  @Test func encodedWordsAndParametersAreBounded() {
    let words = String(repeating: "=?utf-8?Q?a?= ", count: 100_000)
    #expect(EncodedWord.decode(words.bytes).utf8.count > 100_000)
    let open = String(repeating: "=?a?q?", count: 300_000)
    #expect(EncodedWord.decode(open.bytes) == open)
    let quotes = [UInt8](repeating: 0x22, count: 1 << 20)
    #expect(AddressList(quotes).mailboxes.count <= 1)
    #expect(ContentType("a/b;".bytes + quotes)?.parameters.isEmpty == true)
    #expect(MessageIdentifier.all(in: [UInt8](repeating: 0x3C, count: 1 << 20)).isEmpty)
  }
}
