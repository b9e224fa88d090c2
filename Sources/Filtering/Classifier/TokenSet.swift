/// The tokens of one message, each once, in the order in which they came; bounded, whatever the message is.
struct TokenSet {
  /// Tokens of one message. What comes behind them is not counted.
  static let limit = 3_000

  private(set) var tokens: [UInt64] = []
  /// Open addressing; 0 is free, for no token is 0.
  private var slots: [UInt64]

  init() {
    slots = [UInt64](repeating: 0, count: 2048)
    tokens.reserveCapacity(1024)
  }

  var isFull: Bool { tokens.count >= Self.limit }

  mutating func insert(_ token: UInt64) {
    guard !isFull else { return }
    if tokens.count &* 2 >= slots.count { grow() }
    if Self.place(token, in: &slots) { tokens.append(token) }
  }

  /// - Returns: whether it was not there.
  @inline(__always)
  private static func place(_ token: UInt64, in slots: inout [UInt64]) -> Bool {
    let mask = slots.count &- 1
    var index = Int(truncatingIfNeeded: token) & mask
    while slots[index] != 0 {
      if slots[index] == token { return false }
      index = (index &+ 1) & mask
    }
    slots[index] = token
    return true
  }

  private mutating func grow() {
    var larger = [UInt64](repeating: 0, count: slots.count * 2)
    for token in tokens { _ = Self.place(token, in: &larger) }
    slots = larger
  }
}
