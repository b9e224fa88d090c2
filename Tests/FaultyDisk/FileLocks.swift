import CSQLite

/// The locks of one file and the shared memory of its log's index, for connections of one process.
struct FileLocks {
  private static let slots = 8

  private var shared: Set<Int> = []
  private var reserved: Int?
  private var pending: Int?
  private var exclusive: Int?

  /// For each lock of the log's index: who shares it, and who has it alone.
  private var slotShared: [Set<Int>] = Array(repeating: [], count: slots)
  private var slotExclusive: [Int?] = Array(repeating: nil, count: slots)
  /// Addresses of the index's pages, and who has them mapped.
  private(set) var regions: [UInt] = []
  private var mappers: Set<Int> = []

  // MARK: The five levels of SQLite's file locks

  mutating func lock(_ who: Int, _ level: Int32) -> Int32 {
    switch level {
    case SQLITE_LOCK_SHARED:
      if let pending, pending != who { return SQLITE_BUSY }
      if let exclusive, exclusive != who { return SQLITE_BUSY }
      shared.insert(who)
    case SQLITE_LOCK_RESERVED:
      if let reserved, reserved != who { return SQLITE_BUSY }
      reserved = who
    default:
      if let pending, pending != who { return SQLITE_BUSY }
      if let reserved, reserved != who { return SQLITE_BUSY }
      pending = who
      guard shared.subtracting([who]).isEmpty else { return SQLITE_BUSY }
      exclusive = who
    }
    return SQLITE_OK
  }

  mutating func unlock(_ who: Int, _ level: Int32) {
    if reserved == who { reserved = nil }
    if pending == who { pending = nil }
    if exclusive == who { exclusive = nil }
    if level == SQLITE_LOCK_NONE { shared.remove(who) }
  }

  var isReserved: Bool { reserved != nil || exclusive != nil }

  // MARK: The log's index

  mutating func lockSlots(_ who: Int, _ range: Range<Int>, _ flags: Int32) -> Int32 {
    guard range.upperBound <= Self.slots else { return SQLITE_ERROR }
    if flags & SQLITE_SHM_UNLOCK != 0 {
      for slot in range {
        slotShared[slot].remove(who)
        if slotExclusive[slot] == who { slotExclusive[slot] = nil }
      }
      return SQLITE_OK
    }
    for slot in range {
      if let holder = slotExclusive[slot], holder != who { return SQLITE_BUSY }
      if flags & SQLITE_SHM_EXCLUSIVE != 0, !slotShared[slot].subtracting([who]).isEmpty { return SQLITE_BUSY }
    }
    for slot in range {
      if flags & SQLITE_SHM_EXCLUSIVE != 0 { slotExclusive[slot] = who } else { slotShared[slot].insert(who) }
    }
    return SQLITE_OK
  }

  /// - Returns: the page's address; 0 when it is not there and shall not be made.
  mutating func map(_ who: Int, _ number: Int, size: Int, isWriting: Bool) -> UInt {
    mappers.insert(who)
    while regions.count <= number {
      guard isWriting else { return 0 }
      let region = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
      region.initializeMemory(as: UInt8.self, repeating: 0, count: size)
      regions.append(UInt(bitPattern: region))
    }
    return regions[number]
  }

  mutating func unmap(_ who: Int) {
    mappers.remove(who)
    guard mappers.isEmpty else { return }
    for region in regions { UnsafeMutableRawPointer(bitPattern: region)?.deallocate() }
    regions = []
  }

  /// A connection is gone.
  mutating func forget(_ who: Int) {
    unlock(who, SQLITE_LOCK_NONE)
    _ = lockSlots(who, 0..<Self.slots, SQLITE_SHM_UNLOCK)
  }
}
