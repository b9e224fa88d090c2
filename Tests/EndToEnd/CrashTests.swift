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

  @Test func acknowledgedMailSurvivesKillsUnderLoad() throws {
    let office = try TestAppliance.running(plaintext: true)
    let journal = Journal()
    for round in 0..<6 {
      let port = try office.port("smtp")
      let done = DispatchGroup()
      for client in 0..<4 {
        DispatchQueue.global().async(group: done) {
          Self.send(port: port, prefix: "r\(round)c\(client)", journal)
        }
      }
      usleep(useconds_t.random(in: 150_000...600_000))
      office.kill()
      done.wait()
      try office.start()
    }
    let (acknowledged, unanswered) = journal.all
    #expect(acknowledged.count > 50, "the load was no load: \(acknowledged.count)")
    for account in ["alice", "bob"] {
      var seen: [String: Int] = [:]
      let wire = try office.imap(account)
      for line in try wire.imap("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])") {
        guard let start = line.range(of: "<"), let end = line.range(of: "@load>") else { continue }
        seen[String(line[start.upperBound..<end.lowerBound]), default: 0] += 1
      }
      #expect(acknowledged.subtracting(seen.keys).isEmpty, "acknowledged and lost")
      #expect(seen.filter { $0.value > 1 }.isEmpty, "doubled")
      #expect(Set(seen.keys).subtracting(acknowledged).subtracting(unanswered).isEmpty, "never sent")
    }
    #expect(try office.tell("fsck").contains("Sound"))
  }

  private static func send(port: Int, prefix: String, _ journal: Journal) {
    guard let wire = try? Wire(port: port, seconds: 5), (try? wire.expect(220)) != nil,
      (try? wire.ask("EHLO load", 250)) != nil
    else { return }
    for number in 0..<500 {
      let id = "\(prefix)n\(number)"
      do {
        try wire.ask("MAIL FROM:<load@elsewhere.example>", 250)
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
    usleep(500_000)
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
