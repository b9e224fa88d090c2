import Foundation
import Testing

/// The data can only be read: people read their mail, new mail is put off, and nothing crashes.
@Suite(
  "EndToEnd: a read-only database", .serialized,
  .enabled(if: SmallDisk.obstacle == nil, "nothing can be mounted here: \(SmallDisk.obstacle ?? "")"))
struct ReadOnlyTests {
  /// - Parameter inOrder: whether the last process took its log over into the database before it ended.
  @Test(arguments: [true, false])
  func mailCanBeRead(inOrder: Bool) throws {
    let disk = try SmallDisk(megabytes: 32)
    let office = try TestAppliance(
      extra: "[limits]\ndisk-reserve = \"1 MiB\"\n", plaintext: true, data: disk.path + "/data",
      launcher: disk.launcher)
    try office.start()
    for number in 0..<3 {
      try office.receive(to: ["alice@office.example"], "Message-ID: <before\(number)@disk>\r\n\r\nx")
    }
    _ = try office.imap()
    if inOrder { office.stop() } else { office.kill() }
    try disk.protect(true)
    try office.start()
    #expect(office.log.contains("can only be read"))

    #expect(try Wire.offer(office).hasPrefix("451 4.3.0"))
    let imap = try office.imap()
    let ids = try imap.imap("FETCH 1:* (BODY[HEADER.FIELDS (MESSAGE-ID)])").joined()
    for number in 0..<3 { #expect(ids.contains("<before\(number)@disk>")) }
    #expect(try imap.imap("STORE 1 +FLAGS (\\Deleted)").last?.hasPrefix("a NO") == true)
    #expect(try imap.imap("APPEND INBOX {10}").last?.hasPrefix("a NO") == true)
    #expect(try imap.imap("NOOP").last?.hasPrefix("a OK") == true)
    #expect(office.isRunning)

    // The protection is taken away: the service manager's restart is all that it needs.
    try disk.protect(false)
    try TestAppliance.wait("it ends to be started anew") { !office.isRunning }
    try office.start()
    try office.receive(to: ["alice@office.example"], "Message-ID: <after@disk>\r\n\r\nx")
    #expect(try office.count() == 4)
    #expect(try office.tell("fsck").contains("Sound"))
  }
}
