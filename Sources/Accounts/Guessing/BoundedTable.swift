import Platform

/// A dictionary that never has more than so many entries: when it is full, the quarter that was touched longest ago goes.
struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var entries: [Key: (value: Value, touched: Moment)] = [:]
  private let limit: Int

  init(limit: Int) { self.limit = max(limit, 4) }

  var count: Int { entries.count }

  subscript(key: Key) -> Value? { entries[key]?.value }

  mutating func set(_ key: Key, _ value: Value, at now: Moment) {
    entries[key] = (value, now)
    guard entries.count > limit else { return }
    let oldest = entries.sorted { $0.value.touched < $1.value.touched }.prefix(limit / 4 + 1)
    for entry in oldest where entry.key != key { entries[entry.key] = nil }
  }

  /// Changes an entry where there is one, without touching it.
  mutating func change(_ key: Key, _ body: (inout Value) -> Void) {
    guard var entry = entries[key] else { return }
    body(&entry.value)
    entries[key] = entry
  }

  mutating func remove(_ key: Key) { entries[key] = nil }
}
