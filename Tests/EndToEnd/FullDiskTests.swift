import Foundation
import Testing

/// The disk fills up under the running appliance: mail is refused before it comes, people can read and delete, and when there is room
/// again everything goes on by itself.
@Suite(
  "EndToEnd: a full disk", .serialized,
  .enabled(if: SmallDisk.obstacle == nil, "a full disk cannot be tested here: \(SmallDisk.obstacle ?? "")"))
struct FullDiskTests {
  /// So much must stay free before mail is taken in. More than the ballast of 64 MiB: what that gives back is for deleting.
  private static let reserve = 80 << 20

  /// An appliance on a disk of 240 MB.
  private static func appliance() throws -> (TestAppliance, SmallDisk) {
    let disk = try SmallDisk(megabytes: 240)
    let office = try TestAppliance(
      extra: "[limits]\ndisk-reserve = \"80 MiB\"\n", plaintext: true, data: disk.path + "/data",
      launcher: disk.launcher)
    try office.start()
    // The ballast is laid when nothing else is to be done.
    try TestAppliance.wait("the ballast", seconds: 30) {
      FileManager.default.fileExists(atPath: disk.outside + "/data/ballast")
    }
    return (office, disk)
  }

  private static func envelope(_ office: TestAppliance) throws -> Wire {
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("MAIL FROM:<someone@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    return wire
  }

  @Test func mailIsRefusedAndDeletingGoesOn() throws {
    let (office, disk) = try Self.appliance()
    for number in 0..<6 {
      try office.receive(to: ["alice@office.example"], "Message-ID: <before\(number)@disk>\r\n\r\nx")
    }
    let process = office.processID

    // Less is left than the reserve: nothing is taken in.
    disk.fill(leaving: Self.reserve / 2)
    usleep(300_000)
    #expect(try Wire.offer(office).hasPrefix("452 4.3.1"))
    var imap = try office.imap()
    let refused = try imap.imap("APPEND INBOX {10}")
    #expect(refused.last?.hasPrefix("a NO") == true, "\(refused)")

    // Nothing is left at all.
    disk.fill(leaving: 0)
    usleep(300_000)
    #expect(try Wire.offer(office).hasPrefix("452 4.3.1"))
    imap = try office.imap()
    #expect(try imap.imap("FETCH 1:* (BODY.PEEK[])").last?.hasPrefix("a OK") == true)
    let stored = try imap.imap("STORE 1:2 +FLAGS (\\Deleted)")
    #expect(stored.last?.hasPrefix("a OK") == true, "\(stored)")
    let expunged = try imap.imap("EXPUNGE")
    #expect(expunged.last?.hasPrefix("a OK") == true, "\(expunged)")
    #expect(try office.count() == 4)
    // What the ballast gave back is not for new mail.
    #expect(try Wire.offer(office).hasPrefix("452 4.3.1"))

    // There is room again.
    disk.clear()
    try TestAppliance.wait("mail is taken in again") { try Wire.offer(office).hasPrefix("354") }
    try office.receive(to: ["alice@office.example"], "Message-ID: <after@disk>\r\n\r\nx")
    #expect(office.isRunning && office.processID == process, "it went on without a restart")
    let ids = try office.imap().imap("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])").joined()
    for number in 2..<6 { #expect(ids.contains("<before\(number)@disk>")) }
    #expect(ids.contains("<after@disk>"))
    #expect(try office.tell("fsck").contains("Sound"))
  }

  /// An administrator who finds a full disk starts the service anew.
  @Test func itStartsOnAFullDisk() throws {
    let (office, disk) = try Self.appliance()
    try office.receive(to: ["alice@office.example"], "Message-ID: <before@disk>\r\n\r\nx")
    disk.fill(leaving: 0)
    office.kill()
    disk.fill(leaving: 0)
    try office.start()
    #expect(try office.imap().imap("STORE 1 +FLAGS (\\Deleted)").last?.hasPrefix("a OK") == true)
    #expect(try office.imap().imap("EXPUNGE").last?.hasPrefix("a OK") == true)
    #expect(try office.count() == 0)
    #expect(try office.tell("fsck").contains("Sound"))
  }

  /// The disk fills up in the middle of a large message.
  @Test func aMessageThatFillsTheDiskIsRefused() throws {
    let (office, disk) = try Self.appliance()
    try office.receive(to: ["alice@office.example"], "Message-ID: <before@disk>\r\n\r\nx")
    let wire = try Self.envelope(office)
    try wire.ask("DATA", 354)
    try wire.send("Subject: large\r\n\r\n")
    let line = Array((String(repeating: "y", count: 998) + "\r\n").utf8)
    for number in 0..<20_000 {
      if number == 5_000 { disk.fill(leaving: 0) }
      try wire.send(line)
    }
    try wire.say(".")
    #expect(try wire.expect(452).contains("4.3.1"))
    try wire.ask("RSET", 250)
    #expect(try office.count() == 1)
    disk.clear()
    try TestAppliance.wait("mail is taken in again") { try Wire.offer(office).hasPrefix("354") }
    #expect(try office.tell("fsck").contains("Sound"))
    #expect(office.isRunning)
  }
}
