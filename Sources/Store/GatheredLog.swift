internal import CSQLite
internal import Synchronization

/// A layer over SQLite's files that writes the write-ahead log in large pieces.
///
/// SQLite writes each page of the log in two steps, 24 bytes about it and the page: a message that stands alone in its commit
/// would cost 28 system calls. Here they gather, and are written out in one or two, before the sync of the commit and before
/// anybody who has the file open here reads or asks for its size. Other connections read only what a finished commit has
/// announced to them, and that has been written and synced. All other files are the layer's below, untouched.
enum GatheredLog {
  /// SQLite's usual layer writes less than 128 KiB at a time, and takes more for a full disk.
  fileprivate static let limit = 1 << 16

  /// Layers by the name of the one below; SQLite keeps pointers to them for ever.
  private static let layers = Mutex<[String: String]>([:])

  /// The name of the layer over the given one; `nil` is SQLite's usual one, and stands for it where nothing can be laid over it.
  static func layer(over below: String?) -> String? {
    layers.withLock { known in
      if let name = known[below ?? ""] { return name }
      guard let base = sqlite3_vfs_find(below), base.pointee.iVersion >= 1, base.pointee.xOpen != nil else {
        return below
      }
      let name = "gathered-log-\(known.count)"
      guard register(name, over: base) else { return below }
      known[below ?? ""] = name
      return name
    }
  }

  private static func register(_ name: String, over base: UnsafeMutablePointer<sqlite3_vfs>) -> Bool {
    let characters = name.utf8CString
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: characters.count)
    for (index, byte) in characters.enumerated() { (text + index).initialize(to: byte) }
    // All but opening is done by the functions of the layer below, which look at nothing of a layer but its limits.
    let layer = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    layer.initialize(to: base.pointee)
    layer.pointee.pNext = nil
    layer.pointee.zName = UnsafePointer(text)
    layer.pointee.pAppData = UnsafeMutableRawPointer(base)
    layer.pointee.szOsFile = Int32(LogFile.room) + base.pointee.szOsFile
    layer.pointee.xOpen = { layer, name, file, flags, out in
      guard let base = layer?.pointee.pAppData?.assumingMemoryBound(to: sqlite3_vfs.self),
        let open = base.pointee.xOpen, let file
      else { return SQLITE_CANTOPEN }
      guard flags & SQLITE_OPEN_WAL != 0 else { return open(base, name, file, flags, out) }
      let log = LogFile(file)
      file.pointee.pMethods = nil
      let code = open(base, name, log.below, flags, out)
      if code == SQLITE_OK { log.begin() }
      return code
    }
    return sqlite3_vfs_register(layer, 0) == SQLITE_OK
  }
}

/// An open log: what SQLite allocated for it holds our part first, then the file of the layer below.
private struct LogFile {
  private struct Part {
    var file: sqlite3_file
    /// What gathers, ``GatheredLog/limit`` long; made at the first write, so that readers have none.
    var gathered: UnsafeMutableRawPointer?
    var count: Int
    /// Where in the file it belongs.
    var offset: sqlite3_int64
  }

  /// Enough for `Part`, and aligned for whatever the layer below puts behind it.
  static let room = (MemoryLayout<Part>.size + 15) & ~15

  private let part: UnsafeMutablePointer<Part>

  init(_ file: UnsafeMutablePointer<sqlite3_file>) {
    part = UnsafeMutableRawPointer(file).assumingMemoryBound(to: Part.self)
  }

  var below: UnsafeMutablePointer<sqlite3_file> {
    (UnsafeMutableRawPointer(part) + Self.room).assumingMemoryBound(to: sqlite3_file.self)
  }

  private var methods: sqlite3_io_methods? { below.pointee.pMethods?.pointee }

  func begin() {
    part.initialize(to: Part(file: sqlite3_file(pMethods: Self.table.pointer), gathered: nil, count: 0, offset: 0))
  }

  func close() -> Int32 {
    let written = writeOut()
    part.pointee.gathered?.deallocate()
    part.pointee.gathered = nil
    let closed = methods?.xClose(below) ?? SQLITE_OK
    return written == SQLITE_OK ? closed : written
  }

  func write(_ bytes: UnsafeRawPointer?, _ count: Int, at offset: sqlite3_int64) -> Int32 {
    let isNext = part.pointee.offset + sqlite3_int64(part.pointee.count) == offset
    if !isNext || part.pointee.count + count > GatheredLog.limit {
      let code = writeOut()
      if code != SQLITE_OK { return code }
    }
    guard let bytes, count <= GatheredLog.limit else {
      return methods?.xWrite(below, bytes, Int32(count), offset) ?? SQLITE_IOERR
    }
    if part.pointee.count == 0 { part.pointee.offset = offset }
    let gathered =
      part.pointee.gathered ?? UnsafeMutableRawPointer.allocate(byteCount: GatheredLog.limit, alignment: 16)
    part.pointee.gathered = gathered
    (gathered + part.pointee.count).copyMemory(from: bytes, byteCount: count)
    part.pointee.count += count
    return SQLITE_OK
  }

  /// Writes what has gathered. After a failure it is gone: SQLite takes the whole commit back.
  func writeOut() -> Int32 {
    let count = part.pointee.count
    guard count > 0, let gathered = part.pointee.gathered else { return SQLITE_OK }
    part.pointee.count = 0
    return methods?.xWrite(below, gathered, Int32(count), part.pointee.offset) ?? SQLITE_IOERR
  }

  /// What the layer below does, with all that was written before it in its hands.
  func after(_ work: (sqlite3_io_methods, UnsafeMutablePointer<sqlite3_file>) -> Int32) -> Int32 {
    let code = writeOut()
    guard code == SQLITE_OK else { return code }
    guard let methods else { return SQLITE_IOERR }
    return work(methods, below)
  }

  private struct Table: @unchecked Sendable {  // written once, then only read
    let pointer: UnsafePointer<sqlite3_io_methods>
  }

  /// Version 1: shared memory and mapping are asked of the database's own file only.
  private static let table: Table = {
    var table = sqlite3_io_methods()
    table.iVersion = 1
    table.xClose = { $0.map { LogFile($0).close() } ?? SQLITE_OK }
    table.xRead = { file, bytes, count, offset in
      file.map { LogFile($0).after { $0.xRead($1, bytes, count, offset) } } ?? SQLITE_IOERR
    }
    table.xWrite = { file, bytes, count, offset in
      file.map { LogFile($0).write(bytes, Int(count), at: offset) } ?? SQLITE_IOERR
    }
    table.xTruncate = { file, size in file.map { LogFile($0).after { $0.xTruncate($1, size) } } ?? SQLITE_IOERR }
    table.xSync = { file, flags in file.map { LogFile($0).after { $0.xSync($1, flags) } } ?? SQLITE_IOERR }
    table.xFileSize = { file, size in file.map { LogFile($0).after { $0.xFileSize($1, size) } } ?? SQLITE_IOERR }
    table.xLock = { file, level in file.map { LogFile($0).after { $0.xLock($1, level) } } ?? SQLITE_IOERR }
    table.xUnlock = { file, level in file.map { LogFile($0).after { $0.xUnlock($1, level) } } ?? SQLITE_IOERR }
    table.xCheckReservedLock = { file, out in
      file.map { LogFile($0).after { $0.xCheckReservedLock($1, out) } } ?? SQLITE_IOERR
    }
    table.xFileControl = { file, operation, argument in
      file.map { LogFile($0).after { $0.xFileControl($1, operation, argument) } } ?? SQLITE_IOERR
    }
    table.xSectorSize = { $0.flatMap { LogFile($0).sectorSize } ?? 4096 }
    table.xDeviceCharacteristics = { $0.flatMap { LogFile($0).deviceCharacteristics } ?? 0 }
    let pointer = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    pointer.initialize(to: table)
    return Table(pointer: UnsafePointer(pointer))
  }()

  private var sectorSize: Int32? { methods?.xSectorSize(below) }
  private var deviceCharacteristics: Int32? { methods?.xDeviceCharacteristics(below) }
}
