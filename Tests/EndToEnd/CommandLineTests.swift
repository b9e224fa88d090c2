import Foundation
import Testing

/// The command line as a person meets it: exit statuses, sentences, JSON.
@Suite("EndToEnd: the command line") struct CommandLineTests {
  @Test func checkTellsEverythingAtOnce() throws {
    let folder = try Folder()
    let file = try folder.write(
      "bad.conf",
      """
      hostnam = "mail.office.example"
      [[domain]]
      name = "office.example"
      [[account]]
      name = "alice"
      quota = "ten"
      [[group]]
      address = "team@office.example"
      members = ["nobody"]
      [limits]
      message-sise = "50 MiB"
      """)
    let done = try Program.run(TestAppliance.binary, ["check", "--config", file])
    #expect(done.status == 1)
    for words in ["line 1", "hostname", "line 6", "line 9", "nobody", "line 11", "message-size"] {
      #expect(done.output.contains(words), "\(words) is missing in \(done)")
    }
    let example = try Program.run(TestAppliance.binary, ["check", "--example"])
    let written = try folder.write("good.conf", example.output)
    #expect(try Program.run(TestAppliance.binary, ["check", "--config", written]).status == 0)
  }

  @Test func exitStatuses() throws {
    #expect(try Program.run(TestAppliance.binary, ["version"]).status == 0)
    #expect(try Program.run(TestAppliance.binary, ["frobnicate"]).status == 2)
    #expect(try Program.run(TestAppliance.binary, ["trace", "--nonsense"]).status == 2)
    let missing = try Program.run(TestAppliance.binary, ["check", "--config", "/nonexistent/appliance.conf"])
    #expect(missing.status == 1)
    #expect(missing.errors.hasPrefix("postroom: "))
    #expect(try Program.run(TestAppliance.binary, ["--help"]).status == 0)
  }

  @Test func reloadIsAtomic() throws {
    let office = try TestAppliance.running(plaintext: true)
    try office.configure { $0 + "[[account]]\nname = \"carol\"\nquota = \"nonsense\"\n" }
    let bad = try office.command(["reload"])
    #expect(bad.status == 1)
    #expect(bad.errors.contains("quota"))
    try office.receive(to: ["alice@office.example"], "Subject: still\r\n\r\nx")
    try office.configure { $0.replacingOccurrences(of: "quota = \"nonsense\"\n", with: "") }
    kill(office.processID, SIGHUP)
    try TestAppliance.wait("carol exists") {
      let wire = try Wire(port: try office.port("smtp"))
      try wire.expect(220)
      try wire.ask("EHLO x", 250)
      try wire.ask("MAIL FROM:<a@b.example>", 250)
      try wire.say("RCPT TO:<carol@office.example>")
      return try wire.line().hasPrefix("250")
    }
  }

  @Test func certificatesChangeWithoutARestart() throws {
    let office = try TestAppliance.running()
    func shown() throws -> String {
      try Program.run(
        "sh",
        [
          "-c",
          "openssl s_client -connect 127.0.0.1:\(try office.port("imaps")) -servername second.example </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName",
        ]
      ).output
    }
    #expect(try shown().contains("mail.office.example"))
    let (certificate, key) = (office.folder.file("c.pem"), office.folder.file("k.pem"))
    let made = try Program.run(
      TestAppliance.binary, ["certificate", "second.example", "--certificate", certificate, "--key", key])
    #expect(made.status == 0, "\(made)")
    let before = try Wire(port: try office.port("imap"))
    _ = try before.line()
    try office.configure {
      $0 + "[[tls.name]]\nnames = [\"second.example\"]\ncertificate = \"\(certificate)\"\nkey = \"\(key)\"\n"
    }
    try office.tell("reload")
    #expect(try shown().contains("second.example"))
    #expect(try before.imap("NOOP").last == "a OK NOOP completed" || before.transcript.contains("a OK"))
  }

  @Test func hostileWordsComeOutHarmless() throws {
    let office = try TestAppliance.running()
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.say("Subject: \u{1b}[2Jevil\u{202e}gnp.exe\u{7}\r\n\r\nx\r\n.")
    try wire.expect(250)
    let shown = try office.tell("trace", "--subject", "evil")
    #expect(
      !shown.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x202e || $0.value == 7 },
      "\(shown.debugDescription)")
    let rows = try office.list("trace", "--subject", "evil")
    #expect(rows.count == 1)
  }

  @Test func subjectsAreNotKeptWhereTheOfficeSaysSo() throws {
    let office = try TestAppliance.running(extra: "[trace]\nsubjects = false\n")
    try office.receive(to: ["alice@office.example"], "Subject: quite private\r\n\r\nx")
    #expect(!(try office.tell("trace", "--address", "alice@office.example")).contains("private"))
    office.stop()
    let dump = try Program.run(
      "sh", ["-c", "sqlite3 '\(office.folder.file("data"))'/*.db 'select * from envelope; select * from trace'"])
    #expect(!dump.output.contains("private"), "\(dump)")
  }

  /// Commands work without a running appliance, under the store's lock, and the accounts keep their mail.
  @Test func commandsWithoutAnAppliance() throws {
    let office = try TestAppliance.running()
    try office.receive(to: ["alice@office.example"], "Subject: kept\r\n\r\nx")
    #expect(office.stop() == 0, "\(office.log)")
    #expect(try office.tell("account", "list").contains("alice: 1 messages"))
    #expect(try office.tell("trace", "--subject", "kept").contains("INBOX"))
    #expect(try office.tell("fsck").contains("Sound"))
    try office.configure { $0.replacingOccurrences(of: "name = \"alice\"", with: "name = \"alicia\"") }
    #expect(try office.tell("account", "list").contains("orphaned"))
    try office.tell("account", "purge", "alice", "--yes")
    #expect(!(try office.tell("account", "list")).contains("alice:"))
    #expect(try office.tell("fsck").contains("Sound"))
  }

  @Test func secondProcessIsTurnedAway() throws {
    let office = try TestAppliance.running()
    let second = try Program.run(
      TestAppliance.binary, ["serve", "--config", office.configurationFile], seconds: 15)
    #expect(second.status != 0)
    #expect(second.errors.contains("in use") || second.output.contains("in use"), "\(second)")
  }
}
