internal import Platform
internal import Synchronization

/// How many connections there may be, in all and from one neighbourhood. Shared by the listeners that it counts for.
public final class ConnectionLimits: Sendable {
  public struct Bounds: Hashable, Sendable {
    /// All connections together.
    public var total: Int
    /// Connections from one network of ``ipv4Prefix`` or ``ipv6Prefix`` bits.
    public var perPeer: Int
    public var ipv4Prefix: Int
    public var ipv6Prefix: Int

    public init(total: Int = 1000, perPeer: Int = 50, ipv4Prefix: Int = 24, ipv6Prefix: Int = 64) {
      self.total = total
      self.perPeer = perPeer
      self.ipv4Prefix = ipv4Prefix
      self.ipv6Prefix = ipv6Prefix
    }
  }

  /// Why a connection was not admitted.
  public enum Refusal: Hashable, Sendable {
    /// There are as many connections as there may be.
    case total
    /// There are as many from the peer's network as there may be.
    case perPeer
  }

  private struct State {
    var bounds: Bounds
    var total = 0
    var peers: [IPNetwork: Int] = [:]
  }

  private let state: Mutex<State>
  private let outer: ConnectionLimits?

  /// - Parameter outer: limits that hold as well, for all who share them: so a part may have bounds of its own.
  public init(_ bounds: Bounds, within outer: ConnectionLimits? = nil) {
    state = Mutex(State(bounds: bounds))
    self.outer = outer
  }

  /// The bounds may be changed at any time; who is in stays in.
  public var bounds: Bounds {
    get { state.withLock { $0.bounds } }
    set { state.withLock { $0.bounds = newValue } }
  }

  /// Connections that are in.
  public var count: Int { state.withLock { $0.total } }

  func enter() -> Bool {
    let isIn = state.withLock { state in
      guard state.total < state.bounds.total else { return false }
      state.total += 1
      return true
    }
    guard isIn else { return false }
    if outer?.enter() ?? true { return true }
    state.withLock { $0.total -= 1 }
    return false
  }

  func leave() {
    state.withLock { $0.total -= 1 }
    outer?.leave()
  }

  /// Admits one more from a peer's network. The outermost limits count neighbours.
  /// - Returns: the network under which it is counted, or `nil` if there are too many.
  func enter(_ peer: IPAddress) -> IPNetwork? {
    if let outer { return outer.enter(peer) }
    return state.withLock { state in
      let bits = peer.isIPv4 ? state.bounds.ipv4Prefix : state.bounds.ipv6Prefix
      let whole = peer.bytes.count * 8
      guard let network = IPNetwork(peer, prefix: min(max(bits, 0), whole)) ?? IPNetwork(peer, prefix: whole),
        state.peers[network, default: 0] < state.bounds.perPeer
      else { return nil }
      state.peers[network, default: 0] += 1
      return network
    }
  }

  func leave(_ network: IPNetwork) {
    if let outer { return outer.leave(network) }
    state.withLock { state in
      let left = state.peers[network, default: 0] - 1
      state.peers[network] = left > 0 ? left : nil
    }
  }
}
