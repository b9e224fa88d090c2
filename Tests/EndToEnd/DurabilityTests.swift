import Foundation
import Testing

/// What a power cut must not take: not only the content of files is synced, but also their names, which are the content of
/// the folder that holds them. `strace` shows what the kernel is asked for.
@Suite("EndToEnd: names on disk") struct DurabilityTests {
  /// The calls of a command, in order, that make names or sync.
  private func calls(_ office: TestAppliance, _ arguments: String...) throws -> [String] {
    let trace = office.folder.file("calls")
    let done = try Program.run(
      "strace",
      [
        "-f", "-y", "-s", "300", "-o", trace, "-e", "trace=/^(mkdir|rename|link|openat$|fsync$|fdatasync$)",
        TestAppliance.binary,
      ] + arguments + ["--config", office.configurationFile])
    guard done.status == 0 else { throw TestAppliance.Failed(description: "\(arguments): \(done)") }
    return try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// The first call behind a place that has all these words; its place.
  private func find(_ words: String..., in calls: [String], after start: Int = -1) throws -> Int {
    let found = calls.indices.first { index in index > start && words.allSatisfy { calls[index].contains($0) } }
    return try #require(found, "\(words) is missing behind call \(start) in:\n\(calls.joined(separator: "\n"))")
  }

  @Test func theFirstDatabaseAndItsFolder() throws {
    let office = try TestAppliance()
    let data = office.folder.file("data")
    try FileManager.default.removeItem(atPath: data)
    let calls = try calls(office, "account", "list")
    let folderMade = try find("mkdir", "\"\(data)\"", in: calls)
    let folderSynced = try find("fsync(", "<\(office.folder.path)>", in: calls, after: folderMade)
    let fileMade = try find("openat", "postroom.db\"", "O_CREAT|O_EXCL", in: calls, after: folderSynced)
    let fileSynced = try find("fsync(", "<\(data)>", in: calls, after: fileMade)
    // Only then is anything written that somebody may be told about.
    let firstCommit = calls.firstIndex { $0.contains("sync(") && $0.contains("/postroom.db") }
    #expect(try #require(firstCommit) > fileSynced)
  }

  @Test func aBackupAndWhatIsRestored() throws {
    let office = try TestAppliance()
    let (data, copy) = (office.folder.file("data"), office.folder.file("copy.db"))
    let backup = try calls(office, "backup", copy)
    let copied = try find("fsync(", "copy.db.part>", in: backup)
    let named = try find("link", "\"\(copy)\"", in: backup, after: copied)
    _ = try find("fsync(", "<\(office.folder.path)>", in: backup, after: named)

    try FileManager.default.removeItem(atPath: data)
    let restore = try calls(office, "restore", copy)
    let made = try find("mkdir", "\"\(data)\"", in: restore)
    let madeSynced = try find("fsync(", "<\(office.folder.path)>", in: restore, after: made)
    let written = try find("fsync(", "postroom.db.part>", in: restore, after: madeSynced)
    let renamed = try find("rename", "postroom.db.part\"", "postroom.db\"", in: restore, after: written)
    _ = try find("fsync(", "<\(data)>", in: restore, after: renamed)
  }
}
