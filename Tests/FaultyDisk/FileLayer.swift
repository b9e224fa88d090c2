import CSQLite
import Synchronization

extension MemoryDisk {
  /// The name by which SQLite knows the layer of all these disks.
  public static let layer: String = {
    register()
    return "memory-disk"
  }()

  /// `UnsafeMutablePointer`s that live as long as the process: SQLite keeps them.
  private static func register() {
    guard let usual = sqlite3_vfs_find(nil) else { return }
    let layer = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    layer.initialize(to: usual.pointee)
    layer.pointee.pNext = nil
    layer.pointee.szOsFile = Int32(MemoryLayout<Handle>.size)
    let name = Array("memory-disk".utf8CString)
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: name.count)
    for (index, byte) in name.enumerated() { (copy + index).initialize(to: byte) }
    layer.pointee.zName = UnsafePointer(copy)
    layer.pointee.xOpen = { _, path, file, flags, out in OpenFile.open(path, file, flags, out) }
    layer.pointee.xDelete = { _, path, syncsFolder in
      guard let path = path.map({ String(cString: $0) }), let disk = MemoryDisk.disk(of: path) else {
        return SQLITE_OK
      }
      return disk.state.withLock { $0.delete(path, syncsFolder: syncsFolder != 0) }
    }
    layer.pointee.xAccess = { _, path, _, out in
      let path = path.map { String(cString: $0) } ?? ""
      let isThere = MemoryDisk.disk(of: path)?.state.withLock { ($0.files[path]?.content?.count ?? 0) > 0 } ?? false
      out?.pointee = isThere ? 1 : 0
      return SQLITE_OK
    }
    layer.pointee.xFullPathname = { _, path, size, out in
      guard let path, let out else { return SQLITE_CANTOPEN }
      copyText(path, to: out, size)
      return SQLITE_OK
    }
    sqlite3_vfs_register(layer, 0)
  }
}

private func copyText(_ text: UnsafePointer<CChar>, to out: UnsafeMutablePointer<CChar>, _ size: Int32) {
  var index = 0
  while index < Int(size) - 1, text[index] != 0 {
    out[index] = text[index]
    index += 1
  }
  out[index] = 0
}

/// What SQLite allocates for each open file: its own part, and ours.
private struct Handle {
  var base: sqlite3_file
  var file: Unmanaged<OpenFile>?
}

/// One connection's view of a file.
private final class OpenFile: Sendable {
  let disk: MemoryDisk
  let path: String
  let number: Int
  private static let numbers = Atomic(0)

  init(_ disk: MemoryDisk, _ path: String) {
    self.disk = disk
    self.path = path
    number = Self.numbers.add(1, ordering: .relaxed).newValue
  }

  static func open(
    _ path: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
    _ out: UnsafeMutablePointer<Int32>?
  ) -> Int32 {
    guard let file else { return SQLITE_CANTOPEN }
    file.pointee.pMethods = nil
    guard let path = path.map({ String(cString: $0) }), let disk = MemoryDisk.disk(of: path) else {
      return SQLITE_CANTOPEN
    }
    let isOff = disk.state.withLock { state in
      if !state.isOff { state.files[path, default: MemoryFile()].make() }
      return state.isOff
    }
    guard !isOff else { return SQLITE_CANTOPEN }
    out?.pointee = flags
    file.withMemoryRebound(to: Handle.self, capacity: 1) {
      $0.pointee.file = Unmanaged.passRetained(OpenFile(disk, path))
    }
    file.pointee.pMethods = methods.pointer
    return SQLITE_OK
  }

  static func of(_ file: UnsafeMutablePointer<sqlite3_file>?) -> OpenFile? {
    file?.withMemoryRebound(to: Handle.self, capacity: 1) { $0.pointee.file?.takeUnretainedValue() }
  }

  func withLocks<T: Sendable>(_ body: (inout FileLocks) -> T) -> T {
    disk.state.withLock { body(&$0.locks[path, default: FileLocks()]) }
  }

  func read(_ bytes: UnsafeMutableRawPointer, _ count: Int, at offset: Int) -> Int32 {
    let address = UInt(bitPattern: bytes)
    return disk.state.withLock { state in
      guard let bytes = UnsafeMutableRawPointer(bitPattern: address) else { return SQLITE_IOERR }
      let size = state.files[path]?.content?.count ?? 0
      let there = max(0, min(count, size - offset))
      if there > 0 {
        state.files[path]?.content?.withUnsafeBytes { content in
          guard let base = content.baseAddress else { return }
          bytes.copyMemory(from: base + offset, byteCount: there)
        }
      }
      guard there < count else { return SQLITE_OK }
      (bytes + there).initializeMemory(as: UInt8.self, repeating: 0, count: count - there)
      return FileError.shortRead
    }
  }

  func close() {
    disk.state.withLock { state in
      state.locks[path]?.forget(number)
      state.locks[path]?.unmap(number)
    }
  }

  private struct Methods: @unchecked Sendable {  // written once, then only read
    let pointer: UnsafePointer<sqlite3_io_methods>
  }

  private static let methods: Methods = {
    var table = sqlite3_io_methods()
    table.iVersion = 2
    table.xClose = { file in
      OpenFile.of(file)?.close()
      file?.withMemoryRebound(to: Handle.self, capacity: 1) { $0.pointee.file?.release() }
      return SQLITE_OK
    }
    table.xRead = { file, bytes, count, offset in
      guard let open = OpenFile.of(file), let bytes else { return SQLITE_IOERR }
      return open.read(bytes, Int(count), at: Int(offset))
    }
    table.xWrite = { file, bytes, count, offset in
      guard let open = OpenFile.of(file) else { return FileError.write }
      let address = UInt(bitPattern: bytes)
      return open.disk.state.withLock {
        let buffer = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: Int(count))
        return $0.write(open.path, buffer, at: Int(offset))
      }
    }
    table.xTruncate = { file, size in
      guard let open = OpenFile.of(file) else { return FileError.truncate }
      return open.disk.state.withLock { $0.truncate(open.path, to: Int(size)) }
    }
    table.xSync = { file, _ in
      guard let open = OpenFile.of(file) else { return FileError.sync }
      return open.disk.state.withLock { $0.sync(open.path) }
    }
    table.xFileSize = { file, size in
      guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
      size?.pointee = sqlite3_int64(open.disk.state.withLock { $0.files[open.path]?.content?.count ?? 0 })
      return SQLITE_OK
    }
    table.xLock = { file, level in
      guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
      return open.withLocks { $0.lock(open.number, level) }
    }
    table.xUnlock = { file, level in
      guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
      open.withLocks { $0.unlock(open.number, level) }
      return SQLITE_OK
    }
    table.xCheckReservedLock = { file, out in
      out?.pointee = OpenFile.of(file)?.withLocks { $0.isReserved } == true ? 1 : 0
      return SQLITE_OK
    }
    table.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    table.xSectorSize = { _ in 4096 }
    // What is not written to is never harmed: the usual layer promises it too.
    table.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    table.xShmMap = { file, number, size, extend, out in
      guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
      let address = open.withLocks { $0.map(open.number, Int(number), size: Int(size), isWriting: extend != 0) }
      out?.pointee = UnsafeMutableRawPointer(bitPattern: address)
      return SQLITE_OK
    }
    table.xShmLock = { file, first, count, flags in
      guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
      return open.withLocks { $0.lockSlots(open.number, Int(first)..<Int(first + count), flags) }
    }
    // Taking the lock orders memory.
    table.xShmBarrier = { file in OpenFile.of(file)?.withLocks { _ in } }
    table.xShmUnmap = { file, _ in
      guard let open = OpenFile.of(file) else { return SQLITE_OK }
      open.withLocks { $0.unmap(open.number) }
      return SQLITE_OK
    }
    let pointer = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    pointer.initialize(to: table)
    return Methods(pointer: UnsafePointer(pointer))
  }()
}
