internal import Logging
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Who is being worked for at this moment, in a small memory-mapped file that survives the process.
///
/// Swift traps end the process without a word. Each piece of work on strangers' bytes owns a slot while it lasts; a
/// slot that is still taken when the file is next opened names a suspect. The file is never synced: the page cache
/// outlives a crash of the process, and after a power cut nobody is a suspect.
///
///     slot (256 bytes): taken? (1) │ length of the key (1) │ key (up to 254 bytes)
// @unchecked: the mapping lives as long as the object; each slot is written only by the one to whom the lock gave it.
final class CrashSlots: @unchecked Sendable {
  static let slotSize = 256
  static let slotCount = 1024
  static let fileName = "under-way"

  /// A slot while it is taken. Gives itself back.
  final class Slot: Sendable {
    private let slots: CrashSlots
    private let index: Int
    fileprivate init(slots: CrashSlots, index: Int) {
      self.slots = slots
      self.index = index
    }
    deinit { slots.giveBack(index) }
  }

  /// The keys of the work during which the last process ended.
  let suspects: [String]
  private let base: UnsafeMutableRawPointer
  private let free: Mutex<[Int]>

  /// Opens (or makes) the file, reads who is suspect, and frees all slots. `nil`, and a word in the log, where that fails:
  /// then nobody is watched, and mail flows all the same.
  init?(path: String, log: Logger) {
    let size = Self.slotSize * Self.slotCount
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      log.warning("\(path) cannot be opened (errno \(errno)): crashes are not traced to their cause")
      return nil
    }
    defer { close(descriptor) }
    // Blocks are reserved now, because a write into a hole of a mapped file on a full disk ends the process.
    guard posix_fallocate(descriptor, 0, off_t(size)) == 0,
      let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), mapped != MAP_FAILED
    else {
      log.warning("\(path) cannot be mapped (errno \(errno)): crashes are not traced to their cause")
      return nil
    }
    base = mapped
    suspects = (0..<Self.slotCount).compactMap { Self.key(in: mapped + $0 * Self.slotSize) }
    memset(mapped, 0, size)
    free = Mutex(Array((0..<Self.slotCount).reversed()))
  }

  deinit { munmap(base, Self.slotSize * Self.slotCount) }

  /// Takes a slot for work on somebody's bytes; `nil` when all are taken.
  func take(_ key: String) -> Slot? {
    guard let index = free.withLock({ $0.popLast() }) else { return nil }
    let slot = base + index * Self.slotSize
    let bytes = Array(key.utf8.prefix(Self.slotSize - 2))
    slot.storeBytes(of: UInt8(bytes.count), toByteOffset: 1, as: UInt8.self)
    bytes.withUnsafeBytes { (slot + 2).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: $0.count) }
    slot.storeBytes(of: 1, as: UInt8.self)
    return Slot(slots: self, index: index)
  }

  /// The process ends in order: what is under way is nobody's fault.
  func clear() {
    for index in 0..<Self.slotCount { (base + index * Self.slotSize).storeBytes(of: 0, as: UInt8.self) }
  }

  private func giveBack(_ index: Int) {
    (base + index * Self.slotSize).storeBytes(of: 0, as: UInt8.self)
    free.withLock { $0.append(index) }
  }

  private static func key(in slot: UnsafeMutableRawPointer) -> String? {
    guard slot.load(as: UInt8.self) == 1 else { return nil }
    let length = min(Int(slot.load(fromByteOffset: 1, as: UInt8.self)), slotSize - 2)
    return String(decoding: UnsafeRawBufferPointer(start: slot + 2, count: length), as: UTF8.self)
  }
}
