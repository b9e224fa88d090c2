internal import Configuration
internal import MailFlow
public import Platform
internal import Synchronization

/// How fast strangers come on port 25, and how often they were refused.
///
/// Both are levels that rise by one with each event and sink with time: messages by the limit in a minute, refusals by one
/// every ten seconds. Peers with IPv6 count as their /64. Addresses of internal networks are not counted.
public final class PeerPace: Sendable {
  /// So many refusals cost nothing: addresses are mistyped.
  static let freeRefusals = 5.0
  /// Peers that are remembered at once; with more, those that are quiet are forgotten, or all.
  static let mostPeers = 20_000
  /// Replies that are late at once: each holds a connection.
  static let mostWaiting = 100

  private struct Record {
    var at: Moment
    var messages = 0.0
    var refusals = 0.0

    /// Sinks both levels. A clock that was set back sinks nothing.
    mutating func sink(to now: Moment, limit: Int) {
      let seconds =
        now > at ? Double((now - at).components.seconds) + Double((now - at).components.attoseconds) / 1e18 : 0
      messages = max(0, messages - seconds * Double(limit) / 60)
      refusals = max(0, refusals - seconds / 10)
      at = now
    }
  }

  private struct State {
    var records: [IPNetwork: Record] = [:]
    var waiting = 0
  }

  private let state = Mutex(State())
  private let clock: Clock
  private let sleep: @Sendable (Duration) async -> Void

  /// - Parameter sleep: waits; must not block a thread.
  public init(
    clock: Clock = .system,
    sleep: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
  ) {
    self.clock = clock
    self.sleep = sleep
  }

  /// Whether another message of this peer may come now.
  func hasRoom(_ peer: IPAddress?, limit: Int) -> Bool {
    guard let key = Self.key(peer) else { return true }
    return change(key, limit) { $0.messages + 1 <= Double(limit) }
  }

  /// Counts a message.
  /// - Returns: false if it is too many; then it does not count.
  func take(_ peer: IPAddress?, limit: Int) -> Bool {
    guard let key = Self.key(peer) else { return true }
    return change(key, limit) { record in
      guard record.messages + 1 <= Double(limit) else { return false }
      record.messages += 1
      return true
    }
  }

  /// Counts a refusal, and waits before it is said: a second for each beyond the free ones, up to `longest`.
  func refused(_ peer: IPAddress?, limit: Int, longest: Duration) async {
    guard longest > .zero, let key = Self.key(peer) else { return }
    let level = change(key, limit) { record in
      record.refusals = min(record.refusals + 1, 100)
      return record.refusals
    }
    let delay = min(Duration.milliseconds(Int64(max(0, level - Self.freeRefusals) * 1000)), longest)
    guard delay > .zero, begin() else { return }
    await sleep(delay)
    state.withLock { $0.waiting -= 1 }
  }

  private func begin() -> Bool {
    state.withLock { state in
      guard state.waiting < Self.mostWaiting else { return false }
      state.waiting += 1
      return true
    }
  }

  private func change<T: Sendable>(_ key: IPNetwork, _ limit: Int, _ body: (inout Record) -> T) -> T {
    let now = clock.now()
    return state.withLock { state in
      if state.records.count >= Self.mostPeers { Self.forget(&state.records, now) }
      var record = state.records[key] ?? Record(at: now)
      record.sink(to: now, limit: limit)
      let result = body(&record)
      state.records[key] = record
      return result
    }
  }

  /// Whoever has been quiet for a minute has nearly sunk; if that is not enough, it is a flood, and counting begins anew.
  private static func forget(_ records: inout [IPNetwork: Record], _ now: Moment) {
    records = records.filter { $0.value.at <= now && now - $0.value.at < .seconds(60) }
    if records.count >= mostPeers / 2 { records.removeAll() }
  }

  private static func key(_ peer: IPAddress?) -> IPNetwork? {
    guard let peer, !peer.isInternal else { return nil }
    return IPNetwork(peer, prefix: peer.isIPv4 ? 32 : 64)
  }
}
