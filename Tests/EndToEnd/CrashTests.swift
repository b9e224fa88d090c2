import Foundation
import Testing

/// `kill -9` under load: what was acknowledged is there, exactly once.
@Suite("EndToEnd: crashes") struct CrashTests {
  /// What several clients at once were told, and what they tried.
  final class Journal: @unchecked Sendable {  // every access holds `lock`
    private let lock = NSLock()
    private var acknowledged: Set<String> = []
    private var unanswered: Set<String> = []
    private var stopped = false

    func acknowledge(_ id: String) { lock.withLock { _ = acknowledged.insert(id) } }
    func giveUp(_ id: String) { lock.withLock { _ = unanswered.insert(id) } }
    func stop() { lock.withLock { stopped = true } }
    var isStopped: Bool { lock.withLock { stopped } }
    var all: (acknowledged: Set<String>, unanswered: Set<String>) { lock.withLock { (acknowledged, unanswered) } }
  }

  /// SMTP, submission with relay, APPEND and MOVE at once, again and again ended with `kill -9` at a random moment.
  ///
  /// `POSTROOM_KILLS` says how many times (6 by default, hundreds for a long run), `POSTROOM_SEED` repeats a series.
  @Test func acknowledgedMailSurvivesKillsUnderLoad() throws {
    let environment = ProcessInfo.processInfo.environment
    let kills = environment["POSTROOM_KILLS"].flatMap { Int($0) } ?? 6
    let seed = environment["POSTROOM_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64.max)
    print("crash series: POSTROOM_KILLS=\(kills) POSTROOM_SEED=\(seed)")
    var generator = SplitMix(state: seed)
    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["carol"], plaintext: true)
    let route = "[[route]]\ndomains = [\"remote.example\"]\nhost = \"127.0.0.1:\(try remote.port("smtp"))\"\n"
    let retry = "[queue]\nretry = [\"1 s\"]\n"
    let office = try TestAppliance.running(extra: route + retry, plaintext: true)
    _ = try office.imap("alice").imap("CREATE Moved")
    _ = try office.imap("bob").imap("CREATE Drop")
    let (mail, relayed, appended) = (Journal(), Journal(), Journal())
    for round in 0..<kills {
      let (smtp, submission, imap) = (
        try office.port("smtp"), try office.port("submission"), try office.port("imap")
      )
      let done = DispatchGroup()
      for client in 0..<3 {
        DispatchQueue.global().async(group: done) { Self.send(port: smtp, prefix: "r\(round)c\(client)", mail) }
      }
      DispatchQueue.global().async(group: done) { Self.submit(port: submission, prefix: "r\(round)s", relayed) }
      DispatchQueue.global().async(group: done) { Self.append(port: imap, prefix: "r\(round)a", appended) }
      DispatchQueue.global().async(group: done) { Self.move(port: imap) }
      // A random moment in the life of the load, which begins with the first answer.
      let enough = mail.all.acknowledged.count + Int.random(in: 6...60, using: &generator)
      try TestAppliance.wait("the load has begun") { mail.all.acknowledged.count >= enough }
      usleep(useconds_t.random(in: 0...50_000, using: &generator))
      office.kill()
      done.wait()
      try office.start()
    }
    #expect(mail.all.acknowledged.count > kills * 5, "the load was no load: \(mail.all.acknowledged.count)")
    try Self.check(mail, try Self.ids(office, "alice", ["INBOX", "Moved"]), "alice")
    try Self.check(mail, try Self.ids(office, "bob", ["INBOX"]), "bob")
    try Self.check(appended, try Self.ids(office, "bob", ["Drop"]), "APPEND", onceOnly: false)
    try TestAppliance.wait("the queue is empty", seconds: 60) { try office.list("queue", "list").isEmpty }
    try Self.check(relayed, try Self.ids(remote, "carol", ["INBOX"]), "relay", onceOnly: false)
    #expect(try office.tell("fsck").contains("Sound"))
    #expect(try remote.tell("fsck").contains("Sound"))
  }

  /// A generator whose series is repeated by its seed.
  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  /// How often each message is there, by its Message-ID.
  private static func ids(_ office: TestAppliance, _ account: String, _ mailboxes: [String]) throws -> [String: Int] {
    var seen: [String: Int] = [:]
    for mailbox in mailboxes {
      let wire = try office.imap(account, select: mailbox)
      for line in try wire.imap("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])") {
        guard let start = line.range(of: "<"), let end = line.range(of: "@load>") else { continue }
        seen[String(line[start.upperBound..<end.lowerBound]), default: 0] += 1
      }
    }
    return seen
  }

  private static func check(_ journal: Journal, _ seen: [String: Int], _ what: String, onceOnly: Bool = true) throws {
    let (acknowledged, tried) = journal.all
    #expect(acknowledged.subtracting(seen.keys).isEmpty, "\(what): acknowledged and lost")
    #expect(Set(seen.keys).subtracting(tried).isEmpty, "\(what): never sent")
    // What the client cannot know and does not send again is there once or not at all; relaying may repeat.
    if onceOnly { #expect(seen.filter { $0.value > 1 }.isEmpty, "\(what): doubled") }
  }

  private static func submit(port: Int, prefix: String, _ journal: Journal) {
    let token = Data("\0alice\0\(TestAppliance.password)".utf8).base64EncodedString()
    guard let wire = try? Wire(port: port, seconds: 5), (try? wire.expect(220)) != nil,
      (try? wire.ask("EHLO load", 250)) != nil, (try? wire.ask("AUTH PLAIN \(token)", 235)) != nil
    else { return }
    for number in 0..<100 {
      let id = "\(prefix)n\(number)"
      do {
        try wire.ask("MAIL FROM:<alice+\(prefix)@office.example>", 250)
        try wire.ask("RCPT TO:<carol@remote.example>", 250)
        try wire.ask("DATA", 354)
        journal.giveUp(id)
        try wire.send("From: alice@office.example\r\nMessage-ID: <\(id)@load>\r\n\r\nx\r\n.\r\n")
        try wire.expect(250)
        journal.acknowledge(id)
      } catch {
        return
      }
    }
  }

  private static func append(port: Int, prefix: String, _ journal: Journal) {
    guard let wire = login(port: port, "bob") else { return }
    for number in 0..<200 {
      let id = "\(prefix)n\(number)"
      let text = "Message-ID: <\(id)@load>\r\n\r\nappended\r\n"
      journal.giveUp(id)
      guard let answer = try? wire.imap("APPEND Drop {\(text.utf8.count)+}\r\n\(text)"),
        answer.last?.hasPrefix("a OK") == true
      else { return }
      journal.acknowledge(id)
    }
  }

  private static func move(port: Int) {
    guard let wire = login(port: port, "alice"), (try? wire.imap("SELECT INBOX")) != nil else { return }
    for _ in 0..<200 { guard (try? wire.imap("MOVE 1:3 Moved")) != nil else { return } }
  }

  private static func login(port: Int, _ account: String) -> Wire? {
    guard let wire = try? Wire(port: port, seconds: 5), (try? wire.line()) != nil,
      (try? wire.imap("LOGIN \(account) \"\(TestAppliance.password)\""))?.last?.hasPrefix("a OK") == true
    else { return nil }
    return wire
  }

  private static func send(port: Int, prefix: String, _ journal: Journal) {
    guard let wire = try? Wire(port: port, seconds: 5), (try? wire.expect(220)) != nil,
      (try? wire.ask("EHLO load", 250)) != nil
    else { return }
    for number in 0..<500 {
      let id = "\(prefix)n\(number)"
      do {
        // A sender of its own: after two crashes the same one is put off, as a poisoned message would be.
        try wire.ask("MAIL FROM:<\(prefix)@elsewhere.example>", 250)
        try wire.ask("RCPT TO:<alice@office.example>", 250)
        try wire.ask("RCPT TO:<bob@office.example>", 250)
        try wire.ask("DATA", 354)
        journal.giveUp(id)
        try wire.send(
          "Message-ID: <\(id)@load>\r\nSubject: load\r\n\r\n\(String(repeating: "x", count: 2000))\r\n.\r\n")
        try wire.expect(250)
        journal.acknowledge(id)
      } catch {
        return
      }
    }
  }

  /// Half a large message is on disk when the process dies: nothing of it is left.
  @Test func stagedPiecesAreSweptUp() throws {
    let office = try TestAppliance.running(plaintext: true)
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.send("Subject: large\r\n\r\n")
    let line = Array((String(repeating: "y", count: 998) + "\r\n").utf8)
    for _ in 0..<5000 { try wire.send(line) }
    let log = office.folder.file("data/postroom.db-wal")
    try TestAppliance.wait("pieces are on disk") {
      try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int ?? 0 > 1 << 20
    }
    office.kill()
    try office.start()
    #expect(try office.count() == 0)
    #expect(try office.tell("fsck").contains("Sound"))
    office.stop()
    let chunks = try Program.run("sqlite3", [office.folder.file("data/postroom.db"), "select count(*) from chunk"])
    #expect(chunks.output.trimmingCharacters(in: .whitespacesAndNewlines) == "0", "\(chunks)")
  }

  @Test func backupUnderLoadHasEverythingAcknowledgedBefore() throws {
    let office = try TestAppliance.running(plaintext: true)
    let validity = try Self.uidValidity(office)
    for number in 0..<30 {
      try office.receive(to: ["alice@office.example"], "Message-ID: <before\(number)@load>\r\n\r\nx")
    }
    let journal = Journal()
    let port = try office.port("smtp")
    let done = DispatchGroup()
    for client in 0..<3 {
      DispatchQueue.global().async(group: done) { Self.send(port: port, prefix: "b\(client)", journal) }
    }
    let copy = office.folder.file("backup.db")
    try office.tell("backup", copy)
    office.kill()
    done.wait()
    try FileManager.default.removeItem(atPath: office.folder.file("data"))
    try office.tell("restore", copy)
    try office.start()
    let alice = try office.imap()
    let ids = try alice.imap("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])").joined()
    for number in 0..<30 { #expect(ids.contains("<before\(number)@load>")) }
    #expect(try Self.uidValidity(office) != validity, "UIDs given out after the backup could be given out again")
    #expect(try office.tell("fsck").contains("Sound"))
  }

  static func uidValidity(_ office: TestAppliance) throws -> String {
    let wire = try office.imap("alice", select: nil)
    return try wire.imap("STATUS INBOX (UIDVALIDITY)").first ?? ""
  }
}
