import Foundation
import Testing

/// What is left when a process ends in the middle of something; see ``CrashSeriesTests`` for many ends under load.
@Suite("EndToEnd: crashes") struct CrashTests {
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
    let ports = try Ports(office)
    let done = DispatchGroup()
    for client in 0..<3 {
      DispatchQueue.global().async(group: done) { LetterLoad(.outside, name: "b\(client)").run(on: ports) }
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
