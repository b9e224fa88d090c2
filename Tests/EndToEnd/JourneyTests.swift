import Foundation
import Testing

/// The main job: one message all the way, and what the trace says of it.
@Suite("EndToEnd: the journey") struct JourneyTests {
  static let mime = """
    From: Alice <alice@office.example>\r
    To: Bob <bob@office.example>\r
    Bcc: secret@office.example\r
    Subject: Plans\r
    MIME-Version: 1.0\r
    Content-Type: multipart/mixed; boundary=b1\r
    \r
    --b1\r
    Content-Type: text/plain\r
    \r
    See the file.\r
    --b1\r
    Content-Type: application/octet-stream; name=plan.bin\r
    Content-Disposition: attachment; filename=plan.bin\r
    Content-Transfer-Encoding: base64\r
    \r
    AAECAwQ=\r
    --b1--\r

    """

  /// From port 587 to a mailbox to a session that idles on it; the process is killed right after the reply and the
  /// message is still there, once.
  @Test func submissionReachesAnIdleSessionAndSurvivesAKill() throws {
    let office = try TestAppliance.running(plaintext: true)
    let idle = try office.imap("bob")
    try idle.say("i IDLE")
    #expect(try idle.line().hasPrefix("+"))

    let file = try office.folder.write("mail.eml", Self.mime)
    let sent = try Program.run(
      "curl",
      [
        "-sS", "--ssl-reqd", "-k", "--user", "alice:\(TestAppliance.password)", "--mail-from", "alice@office.example",
        "--mail-rcpt", "bob@office.example", "--upload-file", file,
        "smtp://127.0.0.1:\(try office.port("submission"))/client.example",
      ])
    #expect(sent.status == 0, "\(sent)")
    #expect(try idle.line() == "* 1 EXISTS")
    office.kill()

    try office.start()
    let bob = try office.imap("bob")
    let header = try bob.imap("FETCH 1 (FLAGS BODY.PEEK[HEADER] BODYSTRUCTURE)").joined(separator: "\n")
    #expect(header.contains("Subject: Plans"))
    #expect(!header.contains("secret@"), "Bcc must not be delivered")
    #expect(header.contains("Message-ID: <") || header.contains("Message-Id: <"))
    #expect(header.contains("Date: "))
    #expect(header.contains("with ESMTPSA"))
    #expect(header.contains("\"octet-stream\"") || header.contains("\"OCTET-STREAM\""))
    #expect(try office.count("bob") == 1)
    #expect(try office.tell("fsck").contains("Sound"))

    let journey = try office.tell("trace", "--subject", "plans")
    for words in ["alice@office.example", "bob@office.example", "INBOX", "sent by alice"] {
      #expect(journey.contains(words), "\(words) is missing in:\n\(journey)")
    }
  }

  @Test func mailFromOutsideArrivesAndUnknownRecipientsDoNot() throws {
    let office = try TestAppliance.running(plaintext: true)
    let wire = try Wire(port: try office.port("smtp"))
    #expect(try wire.expect(220).contains("mail.office.example"))
    let hello = try wire.ask("EHLO client.example", 250)
    for extension_ in [
      "PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS",
      "LIMITS",
    ] {
      #expect(hello.contains(extension_))
    }
    #expect(!hello.contains("AUTH"))
    try wire.ask("MAIL FROM:<someone@elsewhere.example>", 250)
    #expect(try wire.ask("RCPT TO:<nobody@office.example>", 550).contains("5.1.1"))
    #expect(try wire.ask("RCPT TO:<x@elsewhere.example>", 550).contains("5.7.1"))
    try wire.ask("RCPT TO:<Alice@OFFICE.example>", 250)
    try wire.ask("RCPT TO:<postmaster>", 250)
    try wire.ask("RCPT TO:<abuse@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.say("Subject: hello\r\n\r\n..one dot\r\n.")
    try wire.expect(250)
    try wire.ask("QUIT", 221)
    let alice = try office.imap()
    let text = try alice.imap("FETCH 1 (BODY.PEEK[TEXT] BODY.PEEK[HEADER])").joined(separator: "\n")
    #expect(text.contains("\n.one dot"))
    #expect(text.contains("Return-Path: <someone@elsewhere.example>"))
    #expect(text.contains("Delivered-To: "))
    // "Why did it not arrive" is the office's first question: refusals are in the trace.
    try TestAppliance.wait("the refusal in the trace") {
      try office.tell("trace", "--address", "nobody@office.example").contains("5.1.1")
    }
  }

  /// One appliance relays to another, and the sender's trace tells the other side's words.
  @Test func mailLeavesForAnotherAppliance() throws {
    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["carol"], plaintext: true)
    let office = try TestAppliance.running(
      extra: "[[route]]\ndomains = [\"remote.example\"]\nhost = \"127.0.0.1:\(try remote.port("smtp"))\"\n",
      plaintext: true)
    let sent = try Program.run(
      "swaks",
      [
        "--server", "127.0.0.1", "--port", String(try office.port("submission")), "--tls", "--auth", "PLAIN",
        "--auth-user", "alice", "--auth-password", TestAppliance.password, "--from", "alice@office.example", "--to",
        "carol@remote.example,bob@office.example", "--header", "Subject: out", "--body", "hello",
      ])
    #expect(sent.status == 0, "\(sent)")
    #expect(try office.count("bob") == 1, "a local recipient has it when the sender is told yes")
    try TestAppliance.wait("carol has the message") { try remote.count("carol") == 1 }
    try TestAppliance.wait("the trace says relayed") {
      try office.tell("trace", "--address", "carol@remote.example").contains("relayed")
    }
    let text = try remote.imap("carol").imap("FETCH 1 BODY.PEEK[HEADER]").joined(separator: "\n")
    #expect(text.contains("by mail.office.example") && text.contains("by mail.remote.example"))
    #expect(!text.contains("[127.0.0.1]\r\n\tby mail.office.example"))
    #expect(try office.tell("fsck").contains("Sound"))
    #expect(try office.list("queue", "list").isEmpty)
  }

  @Test func nobodySendsAsSomeoneElse() throws {
    let office = try TestAppliance.running(plaintext: true)
    let wire = try Wire(port: try office.port("submission"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    #expect(try wire.ask("MAIL FROM:<alice@office.example>", 530).contains("5.7.0"))
    let token = Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString()
    try wire.ask("AUTH PLAIN \(token)", 235)
    #expect(try wire.ask("MAIL FROM:<bob@office.example>", 550).contains("5.7.1"))
    try wire.ask("MAIL FROM:<alice@office.example>", 250)
    try wire.ask("RCPT TO:<bob@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.say("From: bob@office.example\r\nSubject: forged\r\n\r\nx\r\n.")
    #expect(try wire.expect(550).contains("5.7.1"))
    #expect(try office.count("bob") == 0)
  }
}
