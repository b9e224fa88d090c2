import CSQLite
import Synchronization

/// SQLite's extended codes are macros that Swift does not see.
let failedWrite: Int32 = SQLITE_IOERR | 3 << 8
let failedSync: Int32 = SQLITE_IOERR | 4 << 8

/// A file layer for SQLite that passes everything to the usual one, counts syncs, and fails when it is told to.
final class FaultyFiles: Sendable {
  private struct State {
    var syncs = 0
    var failingSyncs = 0
    var failingWrites = 0
    var writeError = failedWrite
  }

  let name: String
  private let state = Mutex(State())

  /// For each open file: whose it is, and how the usual layer works on it.
  private struct OpenFile: @unchecked Sendable {
    let owner: FaultyFiles
    let methods: UnsafePointer<sqlite3_io_methods>
  }

  private static let files = Mutex<[UInt: OpenFile]>([:])
  private static let layers = Mutex<[UInt: FaultyFiles]>([:])
  private static let names = Atomic(0)

  /// Registers a layer of its own; SQLite keeps it until the process ends.
  init() {
    name = "faulty\(Self.names.add(1, ordering: .relaxed).newValue)"
    guard let usual = sqlite3_vfs_find(nil) else { return }
    let layer = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    layer.initialize(to: usual.pointee)
    layer.pointee.pNext = nil
    let bytes = UnsafeMutablePointer<CChar>.allocate(capacity: name.utf8.count + 1)
    for (index, byte) in (name.utf8.map { CChar(bitPattern: $0) } + [0]).enumerated() { bytes[index] = byte }
    layer.pointee.zName = UnsafePointer(bytes)
    layer.pointee.xOpen = { layer, path, file, flags, out in
      FaultyFiles.open(layer, path, file, flags, out)
    }
    Self.layers.withLock { $0[UInt(bitPattern: layer)] = self }
    sqlite3_vfs_register(layer, 0)
  }

  var syncs: Int { state.withLock { $0.syncs } }
  func failSyncs(_ count: Int) { state.withLock { $0.failingSyncs = count } }
  func failWrites(_ count: Int, with error: Int32 = failedWrite) {
    state.withLock {
      $0.failingWrites = count
      $0.writeError = error
    }
  }

  private func sync() -> Bool {
    state.withLock { state in
      state.syncs += 1
      if state.failingSyncs > 0 {
        state.failingSyncs -= 1
        return false
      }
      return true
    }
  }

  private func writeError() -> Int32? {
    state.withLock { state -> Int32? in
      guard state.failingWrites > 0 else { return nil }
      state.failingWrites -= 1
      return state.writeError
    }
  }

  private static func file(_ file: UnsafeMutablePointer<sqlite3_file>?) -> OpenFile? {
    files.withLock { $0[UInt(bitPattern: file)] }
  }

  private static func open(
    _ layer: UnsafeMutablePointer<sqlite3_vfs>?, _ path: UnsafePointer<CChar>?,
    _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32, _ out: UnsafeMutablePointer<Int32>?
  ) -> Int32 {
    guard let usual = sqlite3_vfs_find("unix"), let open = usual.pointee.xOpen, let file,
      let owner = layers.withLock({ $0[UInt(bitPattern: layer)] })
    else { return SQLITE_CANTOPEN }
    let code = open(usual, path, file, flags, out)
    guard code == SQLITE_OK, let methods = file.pointee.pMethods else { return code }
    files.withLock { $0[UInt(bitPattern: file)] = OpenFile(owner: owner, methods: methods) }
    let changed = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    changed.initialize(to: methods.pointee)
    changed.pointee.xSync = { file, flags in
      guard let open = FaultyFiles.file(file) else { return failedSync }
      guard open.owner.sync() else { return failedSync }
      return open.methods.pointee.xSync(file, flags)
    }
    changed.pointee.xWrite = { file, bytes, count, offset in
      guard let open = FaultyFiles.file(file) else { return failedWrite }
      if let error = open.owner.writeError() { return error }
      return open.methods.pointee.xWrite(file, bytes, count, offset)
    }
    changed.pointee.xClose = { file in
      guard let open = FaultyFiles.file(file) else { return SQLITE_OK }
      FaultyFiles.files.withLock { $0[UInt(bitPattern: file)] = nil }
      return open.methods.pointee.xClose(file)
    }
    file.pointee.pMethods = UnsafePointer(changed)
    return SQLITE_OK
  }
}
