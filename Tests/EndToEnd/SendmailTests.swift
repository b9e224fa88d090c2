import Foundation
import Testing

/// Mail from programs of this machine, by the binary under the name of sendmail, as its callers use it.
@Suite("EndToEnd: sendmail") struct SendmailTests {
  private func sendmail(_ office: TestAppliance, _ arguments: [String], _ input: String) throws -> Finished {
    let link = office.folder.file("sendmail")
    if !FileManager.default.fileExists(atPath: link) {
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: TestAppliance.binary)
    }
    return try Program.run(link, ["-C", office.configurationFile] + arguments, input: input)
  }

  private func newest(_ office: TestAppliance, _ account: String) throws -> String {
    let wire = try office.imap(account)
    return try wire.imap("FETCH * BODY.PEEK[]").joined(separator: "\n")
  }

  /// The tests run as root or as a user whose name is no account.
  private var me: String { NSUserName() }

  @Test func cronWritesToRoot() throws {
    let office = try TestAppliance.running(top: "postmaster = \"bob\"", plaintext: true)
    let cron = """
      From: root (Cron Daemon)
      To: root
      Subject: Cron <root@box> true
      MIME-Version: 1.0

      line
      .
      .. after the dot

      """
    let sent = try sendmail(office, ["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "-f", me, "root"], cron)
    guard me == "root" else { return }
    #expect(sent.status == 0, "\(sent)")
    #expect(sent.output.isEmpty && sent.errors.isEmpty)
    let message = try newest(office, "bob")
    #expect(message.contains("From: Cron Daemon <root@\(office.hostname)>"), "\(message)")
    #expect(
      message.contains("To: root@\(office.hostname)") && message.contains("Return-Path: <root@\(office.hostname)>"))
    #expect(message.contains("Message-ID: <") && message.contains("Date: "))
    #expect(message.contains("\n.\n.. after the dot"), "\(message)")
    let trace = try office.tell("trace", "--subject", "Cron")
    #expect(trace.contains("from a program of this machine") && trace.contains("user root"), "\(trace)")
  }

  @Test func recipientsFromTheHeaderAndBccStaysSecret() throws {
    let office = try TestAppliance.running(plaintext: true)
    let text = "To: Alice <alice@office.example>\nBcc: bob@office.example\nSubject: both\n\nbody\n.\nnot this\n"
    let sent = try sendmail(
      office, ["-t", "-f", "<>"], text.replacingOccurrences(of: "To: A", with: "From: \(me)\nTo: A"))
    #expect(sent.status == 0, "\(sent)\n\(office.log)")
    for account in ["alice", "bob"] {
      let message = try newest(office, account)
      #expect(message.contains("Subject: both") && !message.lowercased().contains("bcc"), "\(message)")
      #expect(message.contains("body") && !message.contains("not this"), "without -i a dot ends the message")
    }
  }

  @Test func whatCannotBeDoneIsSaidWithTheRightStatus() throws {
    let office = try TestAppliance.running(plaintext: true)
    let text = "Subject: x\n\nx\n"
    let unknown = try sendmail(office, ["nobody-of-that-name"], text)
    #expect(unknown.status == 67 && unknown.errors.contains("nobody-of-that-name@"), "\(unknown)")
    #expect(try sendmail(office, ["a@far.example"], text).status == 69, "no route leads there")
    #expect(try sendmail(office, [], text).status == 64)
    #expect(try sendmail(office, ["-t"], text).status == 65)
    #expect(try sendmail(office, ["-bd"], text).status == 64)
    // Whoever can be reached is reached; who cannot is named.
    let mixed = try sendmail(office, ["alice@office.example", "nobody@office.example"], text)
    #expect(mixed.status == 67 && mixed.errors.contains("nobody@office.example"), "\(mixed)")
    #expect(!mixed.errors.contains("alice"))
    #expect(try office.count("alice") == 1)
    // A user of the system that has no mailbox: the postmaster's.
    #expect(try sendmail(office, ["daemon"], text).status == 0)
    #expect(try office.count("alice") == 2)
    #expect(try Program.run(TestAppliance.binary, ["sendmail", "-bi"]).status == 0)
    office.stop()
    let down = try sendmail(office, ["alice@office.example"], text)
    #expect(down.status == 75 && down.errors.contains("try again later"), "\(down)")
  }

  @Test func smtpOnStandardInput() throws {
    let office = try TestAppliance.running(plaintext: true)
    let dialogue =
      "EHLO localhost\r\nMAIL FROM:<>\r\nRCPT TO:<alice@office.example>\r\nDATA\r\nFrom: \(me)@\(office.hostname)\r\n"
      + "Subject: by hand\r\n\r\nx\r\n.\r\nQUIT\r\n"
    let done = try sendmail(office, ["-bs"], dialogue)
    #expect(done.status == 0 && done.output.contains("250 2.0.0 Accepted as"), "\(done)")
    #expect(try newest(office, "alice").contains("Subject: by hand"))
  }

  /// A fresh installation runs without a domain, takes nothing for good, and says what to edit.
  @Test func aFreshInstallation() throws {
    let office = try TestAppliance(plaintext: true)
    let off = ["submission", "submissions", "imap", "imaps"].map { "[\($0)]\nenabled = false\n" }.joined()
    try office.configure { _ in
      """
      hostname = "\(office.hostname)"
      data-folder = "\(office.folder.file("data"))"
      [control]
      socket = "\(office.folder.file("control"))"
      [smtp]
      listen = ["127.0.0.1:0"]

      """ + off
    }
    try office.start()
    #expect(try office.tell("status").contains("no mail is taken yet"))
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("MAIL FROM:<a@b.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 451)
    try wire.ask("RCPT TO:<postmaster>", 451)
    let early = try sendmail(office, ["root"], "Subject: early\n\nx\n")
    #expect(early.status == 75, "\(early)")
  }
}
