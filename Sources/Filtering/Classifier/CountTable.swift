/// The counts of one scope in memory: a look-up is one access to one line of the cache.
///
/// Open addressing with linear probing; tokens whose counts have gone back to nothing keep their slot until the table is
/// next enlarged.
struct CountTable: Sendable {
  private struct Slot {
    var token: UInt64 = 0
    var count = TokenCount()
  }

  private var slots: [Slot]
  private var filled = 0
  var lessons = LessonCount()

  init(expecting count: Int = 0) {
    var size = 64
    while size < count * 2 { size *= 2 }
    slots = [Slot](repeating: Slot(), count: size)
  }

  /// Bytes that it takes.
  var footprint: Int { slots.count * MemoryLayout<Slot>.stride }

  subscript(token: UInt64) -> TokenCount {
    let mask = slots.count &- 1
    var index = Int(truncatingIfNeeded: token) & mask
    while true {
      let slot = slots[index]
      if slot.token == token { return slot.count }
      if slot.token == 0 { return TokenCount() }
      index = (index &+ 1) & mask
    }
  }

  mutating func set(_ token: UInt64, _ count: TokenCount) {
    if filled * 2 >= slots.count { grow() }
    let index = place(of: token)
    if slots[index].token == 0 {
      filled += 1
      slots[index].token = token
    }
    slots[index].count = count
  }

  /// Adds a lesson's tokens, or takes them away again.
  mutating func add(_ tokens: [UInt64], isSpam: Bool, times: Int) {
    for token in tokens {
      var count = self[token]
      if isSpam {
        count.spam = UInt32(clamping: Int(count.spam) + times)
      } else {
        count.ham = UInt32(clamping: Int(count.ham) + times)
      }
      set(token, count)
    }
    if isSpam { lessons.spam += times } else { lessons.ham += times }
  }

  private func place(of token: UInt64) -> Int {
    let mask = slots.count &- 1
    var index = Int(truncatingIfNeeded: token) & mask
    while slots[index].token != 0, slots[index].token != token { index = (index &+ 1) & mask }
    return index
  }

  private mutating func grow() {
    let old = slots
    let live = old.count { $0.count != TokenCount() }
    slots = [Slot](repeating: Slot(), count: live * 4 > old.count ? old.count * 2 : old.count)
    filled = 0
    for slot in old where slot.token != 0 && slot.count != TokenCount() {
      slots[place(of: slot.token)] = slot
      filled += 1
    }
  }
}
