internal import Logging
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

/// What is being worked on at this moment, in a small memory-mapped file that survives the process.
///
/// Swift traps end the process without a word. Work on strangers' bytes marks its slot while it lasts, and only while it
/// lasts: not while it waits for a client, a disk or another server. A slot that is still marked when the file is next
/// opened names a suspect. The file is never synced: the page cache outlives a crash of the process, and after a power cut
/// nobody is a suspect.
///
///     slot (512 bytes): a byte for each stage, 1 while it works (16) │ content (8) │ length of the key (2) │ key
///
/// There is no signal handler that would tell a trap from `kill -9`: a parser that overflows its stack, takes all memory or
/// never ends is killed from outside too, and must count. Since a mark lasts for microseconds, a kill that is nobody's fault
/// hits hardly anybody, and nobody twice.
// @unchecked: the mapping lives as long as the object; each slot belongs to the one to whom the lock gave it, whose
// stages write a byte each.
final class CrashSlots: @unchecked Sendable {
  static let slotSize = 512
  static let slotCount = 1024
  static let fileName = "under-way"
  static let contentOffset = 16
  static let lengthOffset = 24
  static let keyOffset = 26

  struct Found: Hashable, Sendable {
    var suspect: String
    var stage: WorkStage
  }

  /// The work during which the last process ended.
  let found: Set<Found>
  private let base: UnsafeMutableRawPointer
  private let free: Mutex<[Int]>

  /// Opens (or makes) the file, reads who is suspect, and frees all slots. `nil`, and a word in the log, where that fails:
  /// then nobody is watched, and mail flows all the same.
  init?(path: String, log: Logger) {
    let size = Self.slotSize * Self.slotCount
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      log.warning("\(path) cannot be opened (errno \(errno)): crashes are not traced to their cause")
      return nil
    }
    defer { close(descriptor) }
    // Read and cleared as a file: only slots that are used become memory of this process.
    found = Self.read(descriptor, size)
    // Blocks are reserved now, because a write into a hole of a mapped file on a full disk ends the process.
    guard ftruncate(descriptor, 0) == 0, posix_fallocate(descriptor, 0, off_t(size)) == 0,
      let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), mapped != MAP_FAILED
    else {
      log.warning("\(path) cannot be mapped (errno \(errno)): crashes are not traced to their cause")
      return nil
    }
    base = mapped
    free = Mutex(Array((0..<Self.slotCount).reversed()))
  }

  deinit { munmap(base, Self.slotSize * Self.slotCount) }

  /// A slot for work on somebody's bytes, not marked yet; one that marks nothing when all are taken.
  func take(_ suspect: Suspect?) -> WorkSlot {
    guard let index = free.withLock({ $0.popLast() }) else { return .unwatched }
    let slot = base + index * Self.slotSize
    var key = suspect?.key ?? ""
    key.withUTF8 { bytes in
      let count = min(bytes.count, Self.slotSize - Self.keyOffset)
      slot.storeBytes(of: UInt16(count), toByteOffset: Self.lengthOffset, as: UInt16.self)
      if let start = bytes.baseAddress { (slot + Self.keyOffset).copyMemory(from: start, byteCount: count) }
    }
    return WorkSlot(slots: self, index: index, base: slot)
  }

  /// The process ends in order: what is under way is nobody's fault.
  func clear() {
    for index in 0..<Self.slotCount { Self.clearMarks(base + index * Self.slotSize) }
  }

  func giveBack(_ index: Int) {
    Self.clearMarks(base + index * Self.slotSize)
    free.withLock { $0.append(index) }
  }

  private static func clearMarks(_ slot: UnsafeMutableRawPointer) {
    for stage in WorkStage.allCases { WorkSlot.mark(slot, stage).pointee.store(0, ordering: .releasing) }
  }

  // MARK: What is left

  private static func read(_ descriptor: Int32, _ size: Int) -> Set<Found> {
    var bytes = [UInt8](repeating: 0, count: size)
    // A file of another size is of another version, or new.
    guard pread(descriptor, &bytes, size, 0) == size, lseek(descriptor, 0, SEEK_END) == off_t(size) else { return [] }
    var found: Set<Found> = []
    for start in stride(from: 0, to: size, by: slotSize) {
      let slot = bytes[start..<start + slotSize]
      for stage in WorkStage.allCases where slot[start + stage.rawValue] == 1 {
        found.insert(Found(suspect: suspect(in: slot, stage), stage: stage))
      }
    }
    return found
  }

  private static func suspect(in slot: ArraySlice<UInt8>, _ stage: WorkStage) -> String {
    func number(_ offset: Int, _ count: Int) -> UInt64 {
      slot.dropFirst(offset).prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    if stage == .fetch || stage == .search {
      return Suspect(content: Int64(truncatingIfNeeded: number(contentOffset, 8))).key
    }
    let length = min(Int(number(lengthOffset, 2)), slotSize - keyOffset)
    return String(decoding: slot.dropFirst(keyOffset).prefix(length), as: UTF8.self)
  }
}
