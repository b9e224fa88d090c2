internal import CSQLite
internal import Glibc
internal import Platform

/// Making, checking and migrating the database file.
enum Opening {
  static let fileName = "postroom.db"

  /// Makes the folder (0700), if it is missing. Its name is on disk before anything is put into it.
  static func makeFolder(_ folder: String) throws {
    if mkdir(folder, 0o700) == 0 {
      try syncFolder(of: folder)
    } else if errno != EEXIST {
      throw StoreError.file(path: folder, errorText())
    }
    var facts = stat()
    guard stat(folder, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else {
      throw StoreError.file(path: folder, "it is no folder: name another one")
    }
  }

  /// Makes the file (0600), if it is missing: SQLite would make it readable by others. Its log gets the same mode. A name
  /// is on disk only when its folder is synced; without that a power cut could take away the file with all its synced
  /// content.
  static func makeFile(_ path: String) throws {
    let file = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if file < 0 {
      if errno == EEXIST { return }
      throw StoreError.file(path: path, errorText())
    }
    Glibc.close(file)
    try syncFolder(of: path)
  }

  /// Whether a folder's file system is write-protected. It is the same for root and everybody else.
  static func isWriteProtected(_ folder: String) -> Bool {
    var facts = statvfs()
    let readOnly: UInt = 1  // ST_RDONLY, an enumeration that Swift does not see as a flag
    return statvfs(folder, &facts) == 0 && facts.f_flag & readOnly != 0
  }

  /// The name by which SQLite opens a database that nobody can write, and that has no log to be read: it could not make the files
  /// that it wants beside it (https://sqlite.org/wal.html#readonly). `nil` where it can be opened as usual.
  static func frozenName(_ path: String) -> String? {
    guard let slash = path.lastIndex(of: "/"), isWriteProtected(String(path[..<slash])) else { return nil }
    guard access(path + "-wal", F_OK) != 0 else { return nil }
    let escaped = path.utf8.map { byte -> String in
      byte == UInt8(ascii: "%") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
        ? "%" + String(byte, radix: 16) : String(decoding: [byte], as: UTF8.self)
    }
    return "file:" + escaped.joined() + "?immutable=1"
  }

  /// Opens the writer's connection, brings the schema up to date, and sweeps up what was on its way in.
  static func writer(_ path: String, vfs: String?, migrating: (Int, Int) -> Void) throws -> Database {
    let isProtected = isWriteProtected(path)
    if !isProtected, access(path, W_OK) == 0 { try LeftLog(path: path, vfs: vfs).rewrite() }
    let database = try Database(path: path, role: .writer, vfs: vfs)
    if database.isReadOnly {
      try checkReadable(database)
    } else {
      try prepare(database, migrating: migrating) { try LeftLog(path: path, vfs: vfs).syncFolder() }
      try sweepStaging(database)
    }
    return database
  }

  /// - Parameter syncFolder: makes durable that a rollback journal is gone. The first writes to a new file have one, before it is
  ///   in WAL mode; if a power cut brought it back later, it would take away all that is there by then.
  private static func prepare(
    _ database: Database, migrating: (Int, Int) -> Void, syncFolder: () throws -> Void
  ) throws {
    let isNew = try database.pragma("schema_version") == 0
    if isNew { try database.execute(Schema.settings) }
    try checkOrigin(database, isNew: isNew)
    let mode = try database.dynamic("PRAGMA journal_mode=WAL", []) { $0.text(0) }.first ?? ""
    guard mode == "wal" else { throw StoreError.damaged("SQLite does not take journal_mode=WAL") }
    if isNew { try syncFolder() }
    let version = try database.pragma("user_version")
    guard version < Schema.steps.count else { return }
    if !isNew { migrating(version, Schema.steps.count) }
    for next in version..<Schema.steps.count { try step(database, from: next) }
  }

  /// What can only be read must be complete already.
  private static func checkReadable(_ database: Database) throws {
    try checkOrigin(database)
    guard try database.pragma("user_version") == Schema.steps.count else {
      throw StoreError.damaged("its schema is old, and it cannot be changed because the database can only be read")
    }
  }

  /// Refuses what is not ours, and what is newer than this program.
  static func checkOrigin(_ database: Database, isNew: Bool = false) throws {
    let application = try database.pragma("application_id")
    guard isNew || application == Schema.applicationID else {
      throw StoreError.damaged("it was not written by Postroom")
    }
    let version = try database.pragma("user_version")
    guard version <= Schema.steps.count else {
      throw StoreError.newerSchema(found: version, known: Schema.steps.count)
    }
  }

  /// One step of the schema in one transaction: it is there, or it is not.
  private static func step(_ database: Database, from version: Int) throws {
    try database.execute("BEGIN IMMEDIATE")
    do {
      try database.execute(Schema.steps[version])
      try database.execute(
        "PRAGMA application_id=\(Schema.applicationID); PRAGMA user_version=\(version + 1); COMMIT")
    } catch {
      if database.inTransaction { try database.execute("ROLLBACK") }
      throw error
    }
  }

  /// Bodies that were on their way in when the process ended: nobody will finish them.
  private static func sweepStaging(_ database: Database) throws {
    #if DEBUG
      if Mutation.noStagingSweep.isOn { return }
    #endif
    // Deleting nothing would write a page all the same.
    guard try database.number("SELECT count(*) FROM staging") > 0 else { return }
    try database.execute(
      "BEGIN IMMEDIATE; INSERT OR IGNORE INTO carcass SELECT body FROM staging; DELETE FROM staging; COMMIT")
  }
}
