import Message
import Testing

@testable import Submission

@Suite struct SendmailInvocationTests {
  private func read(_ text: String, as name: String = "sendmail") throws -> SendmailInvocation {
    try SendmailInvocation(name: name, text.split(separator: " ").map(String.init))
  }

  /// As Debian's programs really call it: cron, mail(1), mutt, PHP, git, smartd, unattended-upgrades, msmtp's users.
  @Test func whatProgramsSay() throws {
    let cron = try read("-FCronDaemon -i -B8BITMIME -oem root")
    #expect(cron.fullName == "CronDaemon" && cron.ignoresDots && cron.recipients == ["root"] && cron.mode == .message)
    let php = try read("-t -i -f www@example.org")
    #expect(php.readsRecipients && php.ignoresDots && php.sender == "www@example.org" && php.recipients.isEmpty)
    let mutt = try read("-oem -oi -f anna@example.org -N failure,delay -R hdrs -- a@example.net b@example.net")
    #expect(mutt.ignoresDots && mutt.notify == "FAILURE,DELAY" && mutt.returned == "HDRS")
    #expect(mutt.recipients == ["a@example.net", "b@example.net"])
    let together = try read("-it -fanna@example.org")
    #expect(together.readsRecipients && together.ignoresDots && together.sender == "anna@example.org")
    #expect(try read("-r anna root").sender == "anna")
    #expect(try read("-F Anna -V id-1 -C /etc/p.conf root").configurationFile == "/etc/p.conf")
    #expect(
      try read("-v -U -G -m -n -x -Ac -d1 -em -L tag -h 3 -p smtp -X /dev/null -O DeliveryMode=b root").recipients == [
        "root"
      ])
    #expect(try read("-- -f").recipients == ["-f"])
    #expect(try read("").recipients.isEmpty)
  }

  @Test func otherWorkThanMessages() throws {
    #expect(try read("-bs").mode == .smtp)
    #expect(try read("-bp").mode == .listQueue && (try read("", as: "mailq").mode) == .listQueue)
    #expect(try read("-bi").mode == .aliases && (try read("", as: "newaliases").mode) == .aliases)
    #expect(try read("-q").mode == .runQueue && (try read("-q30m").mode) == .runQueue)
    #expect(try read("-bm root").mode == .message)
  }

  @Test(arguments: ["-bd", "-bt", "-bv root", "-Z", "-f", "-N sometimes", "-N never,delay", "-R some", "-o"])
  func whatIsNotUnderstoodIsRefused(_ text: String) {
    #expect(throws: SendmailInvocation.Misuse.self) { try read(text) }
  }

  /// Whatever a caller writes there, reading it comes to an end.
  @Test func anyArguments() {
    var generator = SystemRandomNumberGenerator()
    let pieces = ["-", "--", "-f", "-t", "-bs", "-o", "x", "", "-N", "never", "é", "-F-f", "-i-", "-q", "\u{0}"]
    for _ in 0..<2000 {
      let arguments = (0..<Int.random(in: 0...6, using: &generator)).map { _ in pieces.randomElement() ?? "" }
      _ = try? SendmailInvocation(arguments)
    }
  }
}

@Suite struct LocalHeaderTests {
  private func header(_ text: String) -> (header: LocalHeader, body: Substring?) {
    var header = LocalHeader()
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    while let line = lines.popFirst() {
      if !header.take(Array(line.utf8)[...]) { return (header, line) }
    }
    return (header, nil)
  }

  private func completed(_ text: String, name: String? = nil) -> String {
    let sender = EmailAddress("root@mail.example.org")
    let bytes = header(text).header.completed(hostname: "mail.example.org", sender: sender, name: name)
    return String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
  }

  @Test func whereTheHeaderEnds() {
    #expect(header("To: root\nSubject: x\n y\n\nbody").body == "")
    #expect(header("To: root\nno field\nbody").body == "no field")
    #expect(header("just text").body == "just text")
    #expect(header(" begins with a blank").body == " begins with a blank")
    #expect(header("From root Mon Jan  1 00:00:00 2026\nTo: root\n\n").body == "")
    #expect(header("To: root\nFrom the body\n").body == "From the body")
    #expect(header("To : root\n").body == "")
  }

  @Test func namesOfUsersGetTheHost() {
    #expect(
      completed("From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> x\n")
        == "From: Cron Daemon <root@mail.example.org>\nTo: root@mail.example.org\nSubject: Cron <root@box> x\n")
    #expect(
      completed("From: a@b.example\nTo: \"Smith, Anna\" <anna>, bob@example.net, ops: carl, d@e.example;\n")
        == "From: a@b.example\nTo: \"Smith, Anna\" <anna@mail.example.org>, bob@example.net, ops:\n carl@mail.example.org, d@e.example;\n"
    )
  }

  @Test(arguments: [
    "From: a@b.example (A  B)\nTo: c@d.example,\n  e@f.example\n", "From: a@b.example\nTo: undisclosed-recipients:;\n",
    "From: a@b.example\nSubject: root\nX-To: root\n",
  ])
  func whatIsCompleteStaysAsItIs(_ text: String) { #expect(completed(text) == text) }

  @Test func aMissingFromIsMade() {
    #expect(completed("To: a@b.example\n") == "To: a@b.example\nFrom: root@mail.example.org\n")
    #expect(completed("", name: "Anna Smith") == "From: Anna Smith <root@mail.example.org>\n")
    // What a name has in it never becomes another field.
    #expect(completed("", name: "x\r\nBcc: evil@example.net").split(separator: "\n").count == 1)
  }

  @Test func recipientsOfTheHeader() {
    func found(_ text: String) -> [String] { header(text).header.recipients(hostname: "h.example.org") }
    #expect(
      found("To: root, \"B\" <b@c.example>\nCc: d@e.example\nBCC: f\n") == [
        "root@h.example.org", "b@c.example", "d@e.example", "f@h.example.org",
      ])
    #expect(
      found("To: a@b.example\nResent-To: c@d.example\nResent-Bcc: e@f.example\n") == ["c@d.example", "e@f.example"])
    #expect(found("Subject: x\n").isEmpty)
    #expect(LocalHeader.addresses("a, b@c.example", hostname: "h.example.org") == ["a@h.example.org", "b@c.example"])
  }

  @Test func anyBytes() {
    var generator = SystemRandomNumberGenerator()
    let pieces = [
      "To:", "From: ", "root", "<", ">", ",", ";", ":", "\"", "(", ")", "@", "\\", " ", "\n", "\n ", "é", "\u{0}",
    ]
    for _ in 0..<500 {
      let text = (0..<40).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
      _ = completed(text)
      _ = header(text).header.recipients(hostname: "h.example.org")
    }
  }
}
