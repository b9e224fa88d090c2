internal import CSQLite

#if DEBUG
  internal import Platform
#endif

/// The write-ahead log that the last process left.
///
/// After a sync that failed the system may count pages as clean that never came to the disk: the next process reads a commit that a
/// power cut would take away again, and with it all that stands behind it in the log. So what is found is written once more and synced
/// before anybody builds on it. An orderly end leaves no log.
struct LeftLog {
  /// SQLite's usual layer writes less than 128 KiB at a time, and takes more for a full disk.
  private static let step = 1 << 16

  let path: String
  /// The name of SQLite's file layer; `nil` is the usual one.
  let vfs: String?

  init(path: String, vfs: String?) {
    self.path = path + "-wal"
    self.vfs = vfs
  }

  /// Blocks. Throws when the log cannot be read or synced: then nothing may be promised.
  func rewrite() throws {
    #if DEBUG
      if Mutation.logAsFound.isOn { return }
    #endif
    guard let layer = sqlite3_vfs_find(vfs), let access = layer.pointee.xAccess, let open = layer.pointee.xOpen else {
      return
    }
    let file = UnsafeMutableRawPointer.allocate(byteCount: Int(layer.pointee.szOsFile), alignment: 16)
    defer { file.deallocate() }
    file.initializeMemory(as: UInt8.self, repeating: 0, count: Int(layer.pointee.szOsFile))
    let handle = file.assumingMemoryBound(to: sqlite3_file.self)
    // The layer keeps the name as long as the file is open.
    try path.withCString { name in
      var isThere: Int32 = 0
      guard access(layer, name, SQLITE_ACCESS_EXISTS, &isThere) == SQLITE_OK, isThere != 0 else { return }
      try check(open(layer, name, handle, SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE, nil))
      guard let methods = handle.pointee.pMethods?.pointee else { return }
      defer { _ = methods.xClose(handle) }
      try rewrite(handle, methods)
    }
  }

  /// Syncs the folder, so that files that were deleted stay so. SQLite's file layer can do that only with a deletion: a file is
  /// made for it. Blocks.
  func syncFolder() throws {
    guard let layer = sqlite3_vfs_find(vfs), let open = layer.pointee.xOpen, let delete = layer.pointee.xDelete else {
      return
    }
    let file = UnsafeMutableRawPointer.allocate(byteCount: Int(layer.pointee.szOsFile), alignment: 16)
    defer { file.deallocate() }
    file.initializeMemory(as: UInt8.self, repeating: 0, count: Int(layer.pointee.szOsFile))
    let handle = file.assumingMemoryBound(to: sqlite3_file.self)
    try (path + "-new").withCString { name in
      try check(open(layer, name, handle, SQLITE_OPEN_TEMP_DB | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil))
      _ = handle.pointee.pMethods?.pointee.xClose(handle)
      try check(delete(layer, name, 1))
    }
  }

  private func rewrite(_ file: UnsafeMutablePointer<sqlite3_file>, _ methods: sqlite3_io_methods) throws {
    var size: sqlite3_int64 = 0
    try check(methods.xFileSize(file, &size))
    var buffer = [UInt8](repeating: 0, count: min(Self.step, Int(size)))
    var offset = 0
    while offset < Int(size) {
      let count = Int32(min(buffer.count, Int(size) - offset))
      try check(methods.xRead(file, &buffer, count, sqlite3_int64(offset)))
      try check(methods.xWrite(file, buffer, count, sqlite3_int64(offset)))
      offset += Int(count)
    }
    try check(methods.xSync(file, SQLITE_SYNC_FULL))
  }

  private func check(_ code: Int32) throws {
    guard code == SQLITE_OK else {
      let words = String(cString: sqlite3_errstr(code))
      throw StoreError.file(
        path: path, "the log of the last process cannot be made durable (\(words)): look at the disk")
    }
  }
}
