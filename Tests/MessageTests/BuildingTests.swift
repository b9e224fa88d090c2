import Platform
import Testing

@testable import Message

@Suite struct BuildingTests {
  private func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }

  private func decoded(_ scan: (header: HeaderSection, body: [UInt8], structure: MIMEStructure), _ path: [Int]) throws
    -> [UInt8]
  {
    let part = try #require(scan.structure.part(path))
    var decoder = try #require(TransferDecoder(part.encoding))
    var output: [UInt8] = []
    decoder.decode(scan.body[part.body], into: &output)
    decoder.finish(into: &output)
    #expect(!decoder.isDamaged)
    return output
  }

  private func isWellFormed(_ message: BuiltMessage) -> Bool {
    let lines = message.bytes.split(separator: 10, omittingEmptySubsequences: false)
    return lines.dropLast().allSatisfy { $0.last == 13 && $0.count <= 999 }
      && HeaderSection(message.header).bytes == message.header
      && HeaderSection(message.header).terminatorLength == 2
  }

  @Test(arguments: [
    "plain\ntext\n", "", "no end", "für\nalle = 🎉 \n", String(repeating: "x", count: 5000), ".\n..\nFrom x\n", "a\0b",
  ])
  func textMessages(_ text: String) throws {
    var message = TextMessage(
      from: .init(name: "Pöstroom, Mail", try address("postmaster@example.com")),
      to: [.init(try address("a@example.org")), .init(name: "B", try address("b@example.org"))],
      subject: "Ein langer Betreff mit Umlauten wie ä, ö und ü, der nicht in eine Zeile passt",
      date: HeaderDate(Moment(seconds: 880_127_706)),
      messageID: "<1@example.com>", text: text)
    message.fields = [("Auto-Submitted", "auto-generated")]
    let built = message.build()
    #expect(isWellFormed(built))
    #expect(built.bytes.allSatisfy { $0 < 128 && $0 != 0 })
    let scan = scanned(built.bytes)
    #expect(scan.header.text("Subject") == message.subject)
    #expect(scan.header.mailboxes("From").first?.displayName == "Pöstroom, Mail")
    #expect(scan.header.mailboxes("To").count == 2)
    #expect(scan.header.text("Auto-Submitted") == "auto-generated")
    var expected = text.crlf.flatMap { $0 == 0 ? [0xEF, 0xBF, 0xBD] : [$0] }
    if !expected.isEmpty, expected.last != 10 { expected += [13, 10] }
    #expect(try decoded(scan, [1]).text == expected.text)
  }

  private func report(_ recipients: [DeliveryReport.Recipient], _ returned: DeliveryReport.Returned) throws
    -> DeliveryReport
  {
    var report = DeliveryReport(
      from: .init(name: "Mail Delivery System", try address("postmaster@example.com")),
      to: try address("sender@example.org"),
      subject: "Undelivered", date: HeaderDate(Moment(seconds: 880_127_706)), messageID: "<2@example.com>",
      text: "Sorry.\n", reportingMTA: "mail.example.com", recipients: recipients, returned: returned)
    report.originalEnvelopeID = "QQ314159"
    report.arrival = Moment(seconds: 880_000_000)
    return report
  }

  @Test func aFailureReport() throws {
    var recipient = DeliveryReport.Recipient(
      final: try address("user@example.net"), original: "rfc822;alias@example.com", action: .failed, status: "5.1.1")
    recipient.remoteMTA = "mx.example.net"
    recipient.diagnostic = "550 5.1.1 No such\r\nBcc: evil \u{1B}[31m ü"
    recipient.lastAttempt = Moment(seconds: 880_001_000)
    let header = "Subject: hello\r\nFrom: sender@example.org\r\n\r\n"
    let built = try report([recipient], .header(header.bytes)).build()
    #expect(isWellFormed(built))
    let scan = scanned(built.bytes)
    #expect(scan.structure.outline() == "multipart/report(text/plain,message/delivery-status,text/rfc822-headers)")
    #expect(scan.structure.top.type.parameters.plainValue("report-type")?.text == "delivery-status")
    #expect(scan.header.text("Auto-Submitted") == "auto-replied")
    #expect(
      try decoded(scan, [2]).text
        == """
        Original-Envelope-Id: QQ314159
        Reporting-MTA: dns; mail.example.com
        Arrival-Date: Thu, 20 Nov 1997 04:26:40 +0000

        Original-Recipient: rfc822;alias@example.com
        Final-Recipient: rfc822; user@example.net
        Action: failed
        Status: 5.1.1
        Remote-MTA: dns; mx.example.net
        Diagnostic-Code: smtp; 550 5.1.1 No such  Bcc: evil  [31m \\x{FC}
        Last-Attempt-Date: Thu, 20 Nov 1997 04:43:20 +0000

        """.crlf.text)
    #expect(try decoded(scan, [3]).text == "Subject: hello\r\nFrom: sender@example.org\r\n")
  }

  @Test func internationalizedReportsTravelAsASCII() throws {
    let recipient = DeliveryReport.Recipient(
      final: try address("josé@exämple.com"), original: "utf-8;jos\\x{E9}@ex\\x{E4}mple.com", action: .delayed,
      status: "4.4.1")
    let message = "Subject: Grüße\r\n\r\nä\r\n".bytes
    for returned in [DeliveryReport.Returned.header(message), .message(message)] {
      let built = try report([recipient], returned).build()
      #expect(built.bytes.allSatisfy { $0 < 128 })
      let scan = scanned(built.bytes)
      #expect(scan.structure.part([2])?.type.name == "message/global-delivery-status")
      let status = try decoded(scan, [2]).text
      #expect(status.contains("Original-Recipient: utf-8;josé@exämple.com\r\n"))
      #expect(status.contains("Final-Recipient: utf-8; josé@exämple.com\r\n"))
      let back = try decoded(scan, [3])
      #expect(message.starts(with: back) && back.starts(with: "Subject: Grüße\r\n".bytes))
    }
  }

  @Test func wholeMessagesComeBackAsTheyWere() throws {
    let recipient = DeliveryReport.Recipient(final: try address("a@b"), action: .failed, status: "5.0.0")
    let inner = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\u{FC}\r\n--b--\r\n".bytes
    let built = try report([recipient], .message(inner)).build()
    let scan = scanned(built.bytes)
    #expect(
      scan.structure.outline()
        == "multipart/report(text/plain,message/delivery-status,message/rfc822(multipart/mixed(text/plain)))")
    #expect(scan.structure.section([3], .whole).map { Array(scan.body[$0.body]) } == inner)
    #expect(scan.structure.top.encoding == .sevenBit || scan.header.text("Content-Transfer-Encoding") == "8bit")
    #expect(scan.structure.has8BitBody)
    let none = scanned(try report([recipient], .nothing).build().bytes)
    #expect(none.structure.outline() == "multipart/report(text/plain,message/delivery-status)")
  }

  @Test func boundariesCannotBeGuessed() throws {
    let recipient = DeliveryReport.Recipient(final: try address("a@b"), action: .failed, status: "5.0.0")
    #expect(try report([recipient], .nothing).boundary != report([recipient], .nothing).boundary)
    #expect(try report([recipient], .nothing).boundary.utf8.count <= 70)
  }
}
