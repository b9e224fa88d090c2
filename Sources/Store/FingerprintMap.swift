internal import Platform

/// The fingerprints of the newest envelopes, by which a retry after a lost reply is recognised (RFC 1047): in memory,
/// bounded, loaded at start from the newest rows, so that no index on a random key is needed.
struct FingerprintMap {
  struct Item {
    let fingerprint: Int64
    let envelope: EnvelopeID
    let at: Moment
    var reply: ReplyOutcome
  }

  private let limit: Int
  private var items: [EnvelopeID: Item] = [:]
  /// The newest envelope of each fingerprint.
  private var newest: [Int64: EnvelopeID] = [:]
  /// In the order in which they came; what stands before `oldest` is gone already.
  private var order: [EnvelopeID] = []
  private var oldest = 0

  /// - Parameter limit: how many fingerprints are kept.
  init(limit: Int = 100_000) { self.limit = max(limit, 1) }

  var count: Int { items.count }

  mutating func insert(_ item: Item) {
    items[item.envelope] = item
    newest[item.fingerprint] = item.envelope
    order.append(item.envelope)
    if items.count > limit { removeOldest() }
    if oldest > 1024, oldest * 2 > order.count {
      order.removeFirst(oldest)
      oldest = 0
    }
  }

  /// The newest envelope with a fingerprint, unless its reply was read or it is too old.
  func earlier(_ fingerprint: Int64, notBefore: Moment) -> Item? {
    guard let id = newest[fingerprint], let item = items[id], item.at >= notBefore, item.reply != .read else {
      return nil
    }
    return item
  }

  /// - Returns: whether the envelope is known here.
  mutating func mark(_ envelope: EnvelopeID, _ reply: ReplyOutcome) -> Bool {
    guard items[envelope] != nil else { return false }
    items[envelope]?.reply = reply
    return true
  }

  private mutating func removeOldest() {
    while oldest < order.count {
      let id = order[oldest]
      oldest += 1
      guard let item = items.removeValue(forKey: id) else { continue }
      if newest[item.fingerprint] == id { newest[item.fingerprint] = nil }
      return
    }
  }
}
