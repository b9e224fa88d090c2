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

  /// A word that is no command is no choice of mail either: an empty list would say that nothing waits.
  @Test func whatIsNoSubcommandIsWrongUse() throws {
    let office = try TestAppliance()
    for words in [["queue", "frob"], ["queue", "frob", "--json"], ["quarantine", "frob"], ["account", "frob"]] {
      let done = try office.command(words)
      #expect(done.status == 2, "\(words): \(done)")
      #expect(done.errors.contains("frob") && done.output.isEmpty, "\(words): \(done)")
    }
    #expect(try office.command(["queue"]).status == 0)
    #expect(try office.command(["queue", "list", "--age", "yesterday"]).status == 2)
  }

  @Test func reloadIsAtomic() throws {
    let office = try TestAppliance.running(plaintext: true)
    try office.configure { $0 + "[[account]]\nname = \"carol\"\nquota = \"nonsense\"\n" }
    let bad = try office.command(["reload"])
    #expect(bad.status == 1)
    #expect(bad.errors.contains("quota"))
    kill(office.processID, SIGHUP)
    try TestAppliance.wait("the log says why") { office.log.contains("the old configuration stays in force") }
    #expect(!office.log.contains("?the old configuration"), "\(office.log)")
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

  /// A command opens the store for a moment where no appliance runs; whoever comes then waits for it to be done.
  @Test func nobodyIsTurnedAwayForAMoment() throws {
    let office = try TestAppliance()
    func holdTheStore(seconds: Double) throws {
      let lock = open(office.folder.file("data") + "/lock", O_RDWR | O_CLOEXEC)
      guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw TestAppliance.Failed(description: "the lock") }
      DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { close(lock) }
    }
    try holdTheStore(seconds: 0.5)
    try office.tell("account", "list")
    try holdTheStore(seconds: 0.5)
    try office.start()
    #expect(try office.tell("status").contains("runs since"))
  }

  @Test func refusalsAreOneSentence() throws {
    let office = try TestAppliance()
    for (arguments, status, words) in [
      (["queue", "hold"], 2, "queue hold of what"), (["account", "purge", "zed"], 2, "say --yes"),
      (["account", "purge", "alice", "--yes"], 1, "is an account of the configuration"),
      (["password", "nobody"], 1, "no account nobody"), (["password", "nobody", "--remove"], 1, "has no password"),
      (["queue", "show", "x"], 2, "no number of the queue"), (["reload"], 1, "no appliance runs here"),
      (["restore", "/nonexistent"], 1, "there is a database already"),
    ] {
      let done = try office.command(arguments)
      #expect(done.status == Int32(status) && done.output.isEmpty, "\(arguments): \(done)")
      #expect(done.errors.hasPrefix("postroom: ") && done.errors.contains(words), "\(arguments): \(done)")
      #expect(done.errors.filter { $0 == "\n" }.count == 1, "\(arguments): \(done)")
    }
    // What is merely a warning is no reason why the command cannot be done.
    try office.configure { $0.replacingOccurrences(of: "hostname", with: "hostnam") }
    let refused = try office.command(["status"])
    #expect(refused.status == 1 && refused.errors.contains("hostname"))
    #expect(!refused.errors.contains("warning"), "\(refused)")
  }

  @Test func aBackupReplacesNothing() throws {
    let office = try TestAppliance.running()
    let copy = office.folder.file("copy")
    try office.tell("backup", copy)
    for file in [copy, office.folder.file("data") + "/postroom.db", office.configurationFile] {
      let before = try Data(contentsOf: URL(fileURLWithPath: file))
      let again = try office.command(["backup", file])
      #expect(again.status == 1 && again.errors.contains("there already"), "\(again)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)).count >= before.count)
    }
    try office.receive(to: ["alice@office.example"], "Subject: goes on\r\n\r\nx")
  }

  @Test func programsGetJSONWithTimesAsTheyAreWritten() throws {
    let office = try TestAppliance.running()
    try office.receive(to: ["alice@office.example"], "Subject: plan\r\n\r\nx")
    let journey = try #require(try office.list("trace", "--subject", "plan").first)
    let arrived = try #require(journey["arrived"] as? String)
    #expect(arrived.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil)
    #expect(try office.list("trace", "--since", arrived).count == 1, "what it tells it understands")
    for arguments in [["status"], ["account", "list"], ["trace"], ["fsck"], ["queue"], ["quarantine"]] {
      let done = try office.command(arguments + ["--json"])
      for line in done.output.split(separator: "\n") {
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
      }
    }
  }

  @Test func secondProcessIsTurnedAway() throws {
    let office = try TestAppliance.running()
    let second = try Program.run(
      TestAppliance.binary, ["serve", "--config", office.configurationFile], seconds: 120)
    #expect(second.status != 0)
    #expect(second.errors.contains("in use") || second.output.contains("in use"), "\(second)")
  }
}
