internal import CSQLite
internal import Glibc
internal import Synchronization

extension Store {
  /// Copies the live database into a new file (0600) while mail flows. Everything committed before the call began is in it.
  ///
  /// The file appears under its name only when it is complete and synced. One that is there already stays as it is, and the
  /// call throws: it may be the only good backup, or no backup at all.
  /// - Returns: bytes of the copy.
  public func backup(to path: String) async throws -> Int {
    try await onThread("store-backup") { try self.copy(to: path) }
  }

  /// Runs blocking work on a thread of its own.
  func onThread<T: Sendable>(_ name: String, _ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      do {
        _ = try Worker(name) { continuation.resume(with: Result(catching: body)) }
      } catch {
        continuation.resume(throwing: error)
      }
    }
  }

  private func copy(to path: String) throws -> Int {
    let partial = path + ".part"
    guard access(path, F_OK) != 0 else { throw Self.taken(path) }
    unlink(partial)
    do {
      try Opening.makeFile(partial)
    } catch StoreError.file(_, let reason) {
      throw StoreError.file(path: path, "cannot be made: \(reason): choose a folder that the appliance may write to")
    }
    do {
      if try !copyFromSnapshot(to: partial) {
        unlink(partial)
        try Opening.makeFile(partial)
        try copyFromWriter(to: partial)
      }
      let size = try syncFile(partial)
      // Unlike `rename` it never replaces anything.
      guard link(partial, path) == 0 else {
        throw errno == EEXIST ? Self.taken(path) : StoreError.file(path: path, errorText())
      }
      unlink(partial)
      try syncFolder(of: path)
      return size
    } catch {
      unlink(partial)
      throw error
    }
  }

  private static func taken(_ path: String) -> StoreError {
    .file(path: path, "it is there already: remove it or choose another name")
  }

  /// The fast way: a connection of its own holds a read transaction, so that writes do not make the copy start again
  ///. It pins the log meanwhile.
  /// - Returns: `false` when the log has grown too long.
  private func copyFromSnapshot(to path: String) throws -> Bool {
    let source = try Database(path: self.path, role: .reader, vfs: options.vfs)
    defer { source.close() }
    return try source.reading {
      _ = try source.number("SELECT next FROM sequence")
      let copy = try BackupCopy(from: source, to: path)
      while try !copy.step(1024) {
        if checkpointer.logBytes > options.backupLogLimit { return false }
      }
      return true
    }
  }

  /// The slow way: the writer copies a little between its batches, and SQLite keeps the copy up to date.
  private func copyFromWriter(to path: String) throws {
    let steps = BackupSteps(to: path)
    let refusal = queue.withLock { queue -> StoreError? in
      if let refusal = queue.refusal ?? (queue.isClosing ? .closed : nil) { return refusal }
      if queue.backup != nil { return .misuse("another backup is being made") }
      queue.backup = steps
      return nil
    }
    if let refusal { throw refusal }
    queue.signal()
    try steps.wait()
  }
}

/// Syncs a file to disk.
/// - Returns: its size.
func syncFile(_ path: String) throws -> Int {
  let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw StoreError.file(path: path, errorText()) }
  defer { Glibc.close(file) }
  var facts = stat()
  guard fsync(file) == 0, fstat(file, &facts) == 0 else { throw StoreError.file(path: path, errorText()) }
  return Int(facts.st_size)
}

/// Syncs the folder of a file or folder, so that its name is on disk.
func syncFolder(of path: String) throws { _ = try syncFile(parent(of: path)) }

private func parent(of path: String) -> String {
  var name = path[...]
  while name.count > 1, name.last == "/" { name = name.dropLast() }
  guard let slash = name.lastIndex(of: "/") else { return "." }
  return slash == name.startIndex ? "/" : String(name[..<slash])
}

/// A copy by SQLite's online backup.
final class BackupCopy {
  private let destination: OpaquePointer
  private let backup: OpaquePointer

  init(from source: Database, to path: String) throws {
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let opened else {
      sqlite3_close_v2(opened)
      throw StoreError.file(path: path, "the copy could not be opened (SQLite error \(code))")
    }
    // It counts only when it is complete and synced; until then it needs no journal.
    sqlite3_exec(opened, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nil, nil, nil)
    guard let backup = sqlite3_backup_init(opened, "main", source.handle, "main") else {
      let error = StoreError.file(path: path, String(cString: sqlite3_errmsg(opened)))
      sqlite3_close_v2(opened)
      throw error
    }
    destination = opened
    self.backup = backup
  }

  deinit {
    sqlite3_backup_finish(backup)
    sqlite3_close_v2(destination)
  }

  /// - Returns: whether it is complete.
  func step(_ pages: Int32) throws -> Bool {
    let code = sqlite3_backup_step(backup, pages)
    switch code & 0xff {
    case SQLITE_DONE: return true
    case SQLITE_OK: return false
    case SQLITE_BUSY, SQLITE_LOCKED:
      usleep(1000)
      return false
    case SQLITE_FULL: throw StoreError.diskFull
    default: throw StoreError.sql(code: code, "the backup stopped: \(String(cString: sqlite3_errstr(code)))")
    }
  }
}

/// A backup that the writer thread makes in slices between its batches.
///
/// `@unchecked Sendable`: `copy` is touched by the writer thread alone; the rest is constant.
final class BackupSteps: @unchecked Sendable {
  private let path: String
  private var copy: BackupCopy?
  private let result = Monitor<Result<Void, any Error>?>(nil)

  init(to path: String) { self.path = path }

  /// The writer calls it between batches.
  /// - Returns: whether it is over, well or not.
  func step(from database: Database) -> Bool {
    do {
      let copy = try self.copy ?? BackupCopy(from: database, to: path)
      self.copy = copy
      guard try copy.step(64) else { return false }
      end(.success(()))
    } catch {
      end(.failure(error))
    }
    return true
  }

  /// Ends it; the store is closing, or it is over.
  func end(_ outcome: Result<Void, any Error>) {
    copy = nil
    result.withLock { $0 = $0 ?? outcome }
    result.broadcast()
  }

  /// Waits for its end.
  func wait() throws { try result.wait { $0 }?.get() }
}
