import CSQLite
import Synchronization

/// A disk in memory for SQLite databases in one folder, which goes wrong as a ``Fault`` says.
///
/// It keeps apart what the process sees and what a power cut would leave: `kill -9` alone proves nothing about syncs. Connections
/// use it by the file layer ``layer``, which finds the disk by the folder of the file's path.
///
///     arm(fault) ── the n-th operation ──▶ it fails, or the power is off ──▶ afterKill() / afterPowerCut(): the disk that is left
public final class MemoryDisk: Sendable {
  struct State {
    var files: [String: MemoryFile] = [:]
    var locks: [String: FileLocks] = [:]
    var fault: Fault?
    var counted = 0
    var syncs = 0
    var hasStruck = false
    var isOff = false
    var isFull = false
    /// How many coming operations fail, and how: for tests that need no number.
    var failingSyncs = 0
    var failingWrites = 0
    var writeError = FileError.write
  }

  let state = Mutex(State())
  public let folder: String
  private static let disks = Mutex<[String: MemoryDisk]>([:])

  /// An empty disk for the database in a folder.
  public init(folder: String) {
    self.folder = folder
    mount()
  }

  private init(folder: String, _ files: sending [String: MemoryFile]) {
    self.folder = folder
    state.withLock { [files] in $0.files = files }
  }

  /// Takes the place of an earlier disk of the folder; connections that are open stay with theirs.
  public func mount() { Self.disks.withLock { $0[folder] = self } }

  /// Takes the disk out of the table.
  public func remove() { Self.disks.withLock { if $0[folder] === self { $0[folder] = nil } } }

  static func disk(of path: String) -> MemoryDisk? {
    guard let slash = path.lastIndex(of: "/") else { return nil }
    return disks.withLock { $0[String(path[..<slash])] }
  }

  // MARK: Going wrong

  /// From now on operations are counted, and the fault strikes when its number is reached.
  public func arm(_ fault: Fault) {
    state.withLock { state in
      state.fault = fault
      state.counted = 0
    }
  }

  /// Operations counted since ``arm(_:)``.
  public var counted: Int { state.withLock { $0.counted } }
  /// Whether the fault has struck.
  public var hasStruck: Bool { state.withLock { $0.hasStruck } }
  /// Whether the power is off: nothing that the process does from then on counts.
  public var isOff: Bool { state.withLock { $0.isOff } }
  public var isFull: Bool { state.withLock { $0.isFull } }
  public var syncs: Int { state.withLock { $0.syncs } }

  /// There is room on the disk again.
  public func makeRoom() {
    state.withLock { state in
      state.isFull = false
      if state.fault?.kind == .full { state.fault = nil }
    }
  }

  /// The next so many syncs fail.
  public func failSyncs(_ count: Int) { state.withLock { $0.failingSyncs = count } }

  /// The next so many writes fail.
  public func failWrites(_ count: Int, with error: Int32 = FileError.write) {
    state.withLock { state in
      state.failingWrites = count
      state.writeError = error
    }
  }

  /// What the next process finds when this one is killed: everything that it has written. To be mounted when the last connection to
  /// this disk is closed.
  public func afterKill() -> MemoryDisk {
    let files = state.withLock { state in
      state.isOff = true
      return state.files
    }
    return MemoryDisk(folder: folder, files)
  }

  /// What the next process finds when the power goes now.
  /// - Parameter seed: of what comes through of that which was not synced; `nil`: nothing of it.
  public func afterPowerCut(seed: UInt64? = nil) -> MemoryDisk {
    let (files, fault) = state.withLock { state in
      state.isOff = true
      return (state.files, state.fault)
    }
    var random = SplitMix(seed: seed ?? fault?.seed ?? 0)
    let isScattered = seed != nil || fault?.kind == .scattered
    let shares: [Double] = isScattered ? [0.1, 0.5, 0.9] : [0]
    let likelihood = shares[Int.random(in: 0..<shares.count, using: &random)]
    var left: [String: MemoryFile] = [:]
    for (path, file) in files.sorted(by: { $0.key < $1.key }) {
      guard let content = file.survivor(&random, likelihood: likelihood) else { continue }
      left[path] = MemoryFile(content: content)
    }
    return MemoryDisk(folder: folder, left)
  }
}

/// SQLite's extended codes are macros that Swift does not see.
public enum FileError {
  public static let shortRead: Int32 = SQLITE_IOERR | 2 << 8
  public static let write: Int32 = SQLITE_IOERR | 3 << 8
  public static let sync: Int32 = SQLITE_IOERR | 4 << 8
  public static let truncate: Int32 = SQLITE_IOERR | 6 << 8
  public static let delete: Int32 = SQLITE_IOERR | 10 << 8
}

extension MemoryDisk.State {
  private enum Decision {
    case goOn
    case fail
    case half
  }

  /// Counts an operation, and lets the fault strike when it is its turn.
  private mutating func decide(_ operation: Fault.Operation) -> Decision {
    guard let fault, fault.counts(operation) else { return .goOn }
    counted += 1
    if fault.kind == .errors, counted >= fault.number {
      hasStruck = true
      return .fail
    }
    guard counted == fault.number else { return .goOn }
    hasStruck = true
    switch fault.kind {
    case .error, .errors, .lostSync: return .fail
    case .torn: return .half
    case .full:
      isFull = true
      return .half
    case .cut, .scattered:
      isOff = true
      // The write that is under way may have come through in part.
      return fault.kind == .scattered ? .half : .fail
    }
  }

  mutating func write(_ path: String, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
    if isOff { return FileError.write }
    if failingWrites > 0 {
      failingWrites -= 1
      return writeError
    }
    let grows = offset + bytes.count > (files[path]?.content?.count ?? 0)
    if isFull, grows { return SQLITE_FULL }
    switch decide(.write(grows: grows)) {
    case .goOn: files[path, default: MemoryFile()].change(.write(at: offset, Array(bytes)))
    case .fail: return FileError.write
    case .half:
      files[path, default: MemoryFile()].change(.write(at: offset, Array(bytes.prefix(bytes.count / 2))))
      return isFull ? SQLITE_FULL : FileError.write
    }
    return SQLITE_OK
  }

  mutating func sync(_ path: String) -> Int32 {
    syncs += 1
    if isOff { return FileError.sync }
    if failingSyncs > 0 {
      failingSyncs -= 1
      return FileError.sync
    }
    switch decide(.sync) {
    case .goOn:
      let isNew = files[path]?.durable == nil
      files[path]?.sync()
      // With the first sync of a new file the usual layer syncs the folder: what was deleted stays so.
      if isNew { syncFolder() }
      return SQLITE_OK
    case .fail, .half:
      if fault?.kind == .lostSync { files[path]?.lose() }
      return FileError.sync
    }
  }

  mutating func truncate(_ path: String, to size: Int) -> Int32 {
    if isOff { return FileError.truncate }
    guard case .goOn = decide(.truncate) else { return FileError.truncate }
    files[path]?.change(.truncate(size))
    return SQLITE_OK
  }

  private mutating func syncFolder() {
    for path in files.keys { files[path]?.syncDeletion() }
  }

  mutating func delete(_ path: String, syncsFolder: Bool) -> Int32 {
    if isOff { return FileError.delete }
    guard files[path]?.content != nil else { return SQLITE_IOERR | 23 << 8 }
    guard case .goOn = decide(.delete) else { return FileError.delete }
    files[path]?.change(.delete)
    if syncsFolder { syncFolder() }
    return SQLITE_OK
  }
}
