internal import Glibc
public import Platform

extension Store {
  /// Puts a backup into an empty (or missing) folder. All mailboxes get a new UIDVALIDITY, because UIDs that were given
  /// out after the backup could be given out again (RFC 9051 §2.3.1.1). Blocks.
  /// - Parameters:
  ///   - holdingQueue: queued recipients become held, because they may have been sent since the backup.
  ///   - at: the present time.
  public static func restore(
    _ backup: String, into folder: String, holdingQueue: Bool = false, at: Moment
  ) throws -> RestoreReport {
    try Opening.makeFolder(folder)
    let lock = try StoreLock(folder: folder)
    defer { withExtendedLifetime(lock) {} }
    let path = folder + "/" + Opening.fileName
    guard access(path, F_OK) != 0 else {
      throw StoreError.file(path: folder, "there is a database already: name an empty folder, or move that one away")
    }
    let partial = path + ".part"
    unlink(partial)
    try Opening.makeFile(partial)
    do {
      try copyFile(backup, to: partial)
      let report: RestoreReport
      do {
        report = try renew(partial, holdingQueue: holdingQueue, at: at)
      } catch StoreError.damaged(let what) {
        throw StoreError.file(path: backup, "it is no sound backup (\(what)): take another one")
      }
      _ = try syncFile(partial)
      guard rename(partial, path) == 0 else { throw StoreError.file(path: path, errorText()) }
      try syncFolder(of: path)
      return report
    } catch {
      for suffix in ["", "-wal", "-shm", "-journal"] { unlink(partial + suffix) }
      throw error
    }
  }

  /// Makes a copied backup fit to be the living database.
  private static func renew(_ path: String, holdingQueue: Bool, at: Moment) throws -> RestoreReport {
    let database = try Database(path: path, role: .writer)
    defer { database.close() }
    try Opening.checkOrigin(database)
    let words = try database.dynamic("PRAGMA quick_check(10)", []) { $0.text(0) }
    guard words == ["ok"] else { throw StoreError.damaged(words.joined(separator: "; ")) }
    let report = RestoreReport(
      messages: try database.number("SELECT count(*) FROM entry"),
      mailboxes: try database.number("SELECT count(*) FROM mailbox WHERE account IS NOT NULL"),
      queued: try database.number("SELECT count(*) FROM recipient WHERE state = 0"))
    try database.execute("BEGIN IMMEDIATE")
    try renewNumbers(database, at: at)
    if holdingQueue { try holdQueue(database, at: at) }
    try database.execute("COMMIT")
    return report
  }

  private static func renewNumbers(_ database: Database, at: Moment) throws {
    let last = try database.number("SELECT next FROM sequence WHERE name = 'uidvalidity'")
    let base = max(last, Int(at.seconds))
    try database.run(
      """
      UPDATE mailbox SET uidvalidity = ?1 + n FROM (SELECT id AS old, row_number() OVER (ORDER BY id) AS n FROM mailbox)
      WHERE id = old
      """, .int(base))
    let count = try database.number("SELECT count(*) FROM mailbox")
    guard UInt32(exactly: base + count) != nil else { throw StoreError.misuse("there is no UIDVALIDITY left") }
    try database.run("UPDATE sequence SET next = ? WHERE name = 'uidvalidity'", .int(base + count))
    // Ids that were given out after the backup are in traces and logs: they must not come to mean something else.
    try database.run("UPDATE sequence SET next = next + 1000000 WHERE name = 'id'")
  }

  private static func holdQueue(_ database: Database, at: Moment) throws {
    let words = "restored from a backup: release it if it was not sent since"
    try database.run(
      """
      INSERT INTO trace SELECT r.envelope, (SELECT ifnull(max(n), -1) FROM trace t WHERE t.envelope = r.envelope)
      + row_number() OVER (PARTITION BY r.envelope ORDER BY r.n), ?, r.n, 1, NULL, 'restore', 'held', ?
      FROM recipient r WHERE r.state = 0
      """, .int(at.microseconds), .text(words))
    try database.run("UPDATE recipient SET state = 1, due = NULL, said = ? WHERE state = 0", .text(words))
  }

  private static func copyFile(_ from: String, to: String) throws {
    let source = Glibc.open(from, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else {
      throw StoreError.file(path: from, "\(errorText()): name a file that `postroom backup` has made")
    }
    defer { Glibc.close(source) }
    let target = Glibc.open(to, O_WRONLY | O_TRUNC | O_CLOEXEC)
    guard target >= 0 else { throw StoreError.file(path: to, errorText()) }
    defer { Glibc.close(target) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = Glibc.read(source, &buffer, buffer.count)
      if count == 0 { return }
      guard count > 0 else { throw StoreError.file(path: from, errorText()) }
      var done = 0
      while done < count {
        let wrote = buffer[done..<count].withUnsafeBytes { Glibc.write(target, $0.baseAddress, $0.count) }
        guard wrote > 0 else { throw errno == ENOSPC ? StoreError.diskFull : .file(path: to, errorText()) }
        done += wrote
      }
    }
  }
}

/// What a restored backup holds.
public struct RestoreReport: Hashable, Sendable {
  public let messages: Int
  public let mailboxes: Int
  public let queued: Int
}
