import Foundation
import Testing

/// What the gateway does with content: learning, attachments, a real clamd, a milter, and all of them silent.
@Suite("EndToEnd: filters of content") struct ContentFilterTests {
  private static let offer = "From: shop@spam.example\r\nSubject: Cheap pills\r\n\r\nBuy cheap pills now at our shop"
  private static let letter = "From: carol@friend.example\r\nSubject: Meeting\r\n\r\nShall we meet tomorrow at noon"

  /// One attachment, in a message.
  private static func attached(_ name: String, _ base64: String) -> String {
    """
    From: a@elsewhere.example\r
    Subject: file\r
    Content-Type: application/octet-stream; name="\(name)"\r
    Content-Disposition: attachment; filename="\(name)"\r
    Content-Transfer-Encoding: base64\r
    \r
    \(base64)
    """
  }

  /// Sends a message and gives the reply to its content.
  private func offer(_ office: TestAppliance, _ content: String) throws -> String {
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("MAIL FROM:<someone@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.send(content + "\r\n.\r\n")
    return try wire.reply()
  }

  @Test func commandsTeachAndMailIsSorted() throws {
    let office = try TestAppliance.running(extra: "[spam]\nminimum-lessons = 5\n", plaintext: true)
    for number in 0..<8 {
      for (kind, text) in [("spam", Self.offer), ("ham", Self.letter)] {
        _ = try office.folder.write("\(kind)/\(number).eml", text + "\r\nnumber\(number)\(kind)\r\n")
      }
    }
    for kind in ["spam", "ham"] {
      let lines = try office.list("spam", "train", "--as", kind, office.folder.file(kind))
      #expect(lines.count == 8 && lines.allSatisfy { $0["changed"] as? Bool == true })
    }
    #expect(
      try office.list("spam", "train", "--as", "spam", office.folder.file("spam/0.eml")).first?["changed"] as? Bool
        == false)
    #expect(try office.tell("spam", "status").contains("everybody: 8 spam and 8 ham"))
    let said = try office.list("spam", "classify", office.folder.file("spam/1.eml"), office.folder.file("ham/1.eml"))
    #expect(said.compactMap { $0["verdict"] as? String } == ["spam", "ham"])
    try office.receive(to: ["alice@office.example"], Self.offer)
    try office.receive(to: ["alice@office.example"], Self.letter)
    #expect(try office.count(in: "Junk") == 1)
    #expect(try office.count() == 1)
    #expect(try office.tell("trace", "--subject", "pills").contains("bayes"))
    // Moving it out says otherwise; the trainer follows.
    let wire = try office.imap(select: "Junk")
    try wire.imap("MOVE 1 INBOX")
    try TestAppliance.wait("the move is learned") {
      try office.tell("spam", "status").contains("alice: 0 spam and 1 ham")
    }
    #expect(try office.tell("fsck").contains("Sound"))
    // The same without a running appliance.
    office.stop()
    #expect(try office.list("spam", "train", "--as", "forget", office.folder.file("spam")).count == 8)
    #expect(try office.tell("spam", "status").contains("everybody: 0 spam"))
  }

  @Test func programsGoToTheQuarantine() throws {
    let office = try TestAppliance.running(plaintext: true)
    #expect(try offer(office, Self.attached("invoice.pdf.exe", "TVqQAAMAAAAEAAAA")).hasPrefix("250"))
    let kept = try office.list("quarantine", "list")
    #expect(kept.count == 1 && "\(kept)".contains("invoice.pdf.exe"))
    #expect(try office.count() == 0)
  }

  @Test(.enabled(if: HelperProgram.hasClamd)) func aVirusIsFoundByARealClamd() throws {
    let clamd = try HelperProgram.clamd()
    defer { clamd.stop() }
    let office = try TestAppliance.running(
      extra: "[clamd]\nsocket = \"\(clamd.socket)\"\ninfected = \"reject\"\n[attachments]\nexecutables = \"accept\"\n",
      plaintext: true)
    #expect(try offer(office, Self.letter).hasPrefix("250"))
    #expect(try office.count() == 1)
    #expect(try offer(office, "Subject: virus\r\n\r\n" + HelperProgram.eicar).hasPrefix("554"))
    // 1 MiB, which is staged: found at its end all the same.
    let filler = String(repeating: String(repeating: "x", count: 70) + "\r\n", count: 15_000)
    #expect(try offer(office, "Subject: large\r\n\r\n" + filler + HelperProgram.eicar).hasPrefix("554"))
    clamd.stop()
    // What could do harm waits outside; the rest comes in and says that nobody has scanned it.
    #expect(try offer(office, Self.attached("run.js", "YWxlcnQoMSk=")).hasPrefix("451"))
    #expect(try offer(office, Self.letter).hasPrefix("250"))
    #expect(try office.imap().imap("FETCH 2 BODY[HEADER.FIELDS (X-Postroom-Unscanned)]").joined().contains("clamd"))
  }

  @Test func aMilterChangesAndRefuses() throws {
    let milter = try HelperProgram.milter()
    defer { milter.stop() }
    let office = try TestAppliance.running(
      extra: "[[milter]]\nname = \"own\"\nsocket = \"\(milter.socket)\"\nwhen-down = \"defer\"\n", plaintext: true)
    #expect(try offer(office, Self.letter).hasPrefix("250"))
    #expect(try offer(office, "Subject: x\r\n\r\nforbidden words").hasPrefix("550 5.7.1 not with these words"))
    let header = try office.imap().imap("FETCH 1 BODY[HEADER]").joined(separator: "\n")
    #expect(header.contains("X-Milter: ") && header.contains("Subject: changed by the milter"))
    #expect(!header.contains("Subject: Meeting"))
    milter.stop()
    #expect(try offer(office, Self.letter).hasPrefix("451"))
  }
}
