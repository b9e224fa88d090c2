internal import Platform
internal import Store
internal import Synchronization

/// How many bytes of unfinished messages there may be: in all, from one peer, and against the free disk.
///
/// Strangers decide how much they send at once; this decides how much of it the house holds. Bytes in memory
/// and bytes staged on disk count alike, from their arrival until the message is committed or dropped.
///
/// The last tenth of the whole is for messages so small that they are never staged: a crowd that sends large ones slowly holds
/// up others of its kind, and not everybody's daily mail.
final class StagingBudget: Sendable {
  /// One message's share; gives it back when it goes.
  final class Share: Sendable {
    private let budget: StagingBudget
    private let peer: String
    private let held = Mutex(0)

    fileprivate init(budget: StagingBudget, peer: String) {
      self.budget = budget
      self.peer = peer
    }

    /// Takes more; `false` if there is no room, and then nothing was taken.
    func take(_ bytes: Int) -> Bool {
      let before = held.withLock { $0 }
      guard budget.take(bytes, ofMessage: before, peer: peer) else { return false }
      held.withLock { $0 += bytes }
      return true
    }

    /// Whether the disk can take so many bytes and keep its reserve.
    func fitsOnDisk(_ bytes: Int) -> Bool { budget.fitsOnDisk(bytes) }

    /// Gives everything back. Harmless when repeated.
    func release() {
      let bytes = held.withLock { held in
        defer { held = 0 }
        return held
      }
      if bytes > 0 { budget.give(bytes, peer: peer) }
    }

    deinit { release() }
  }

  private struct Held {
    var total = 0
    var byPeer: [String: Int] = [:]
  }

  /// How much there may be, in bytes. A reload changes it under messages that are on their way.
  struct Limits: Sendable {
    /// For all peers together.
    var total: Int
    /// For one peer.
    var perPeer: Int
    /// What must stay free on the disk.
    var reserve: Int
  }

  private let limits: @Sendable () -> Limits
  private let freeSpace: @Sendable () -> Int?
  private let held = Mutex(Held())

  /// - Parameter freeSpace: bytes available on the data folder's file system; `nil` if it cannot be asked.
  init(limits: @escaping @Sendable () -> Limits, freeSpace: @escaping @Sendable () -> Int?) {
    self.limits = limits
    self.freeSpace = freeSpace
  }

  func share(of peer: IPAddress?) -> Share { Share(budget: self, peer: Self.key(peer)) }

  /// Whether a message of this size could come in now.
  func hasRoom(for size: Int, from peer: IPAddress?) -> Bool {
    guard fitsOnDisk(size) else { return false }
    let limits = limits()
    let key = Self.key(peer)
    return held.withLock { held in
      fits(size, in: held.total, Self.total(limits, forMessage: size))
        && fits(size, in: held.byPeer[key] ?? 0, limits.perPeer)
    }
  }

  private func fitsOnDisk(_ bytes: Int) -> Bool {
    guard let free = freeSpace() else { return true }
    let (left, overflow) = free.subtractingReportingOverflow(limits().reserve)
    return !overflow && left >= max(bytes, 0)
  }

  /// Bytes held at this moment.
  var total: Int { held.withLock { $0.total } }

  /// Bytes that the peer with the most of them holds.
  var largest: Int { held.withLock { $0.byPeer.values.max() ?? 0 } }

  /// How much there may be in all once a message has grown to a size.
  private static func total(_ limits: Limits, forMessage size: Int) -> Int {
    size > Store.inlineLimit ? limits.total - limits.total / 10 : limits.total
  }

  private func fits(_ bytes: Int, in used: Int, _ limit: Int) -> Bool {
    let (sum, overflow) = used.addingReportingOverflow(bytes)
    return !overflow && sum <= limit
  }

  /// - Parameter before: what the message has taken so far.
  private func take(_ bytes: Int, ofMessage before: Int, peer: String) -> Bool {
    let limits = limits()
    let (size, overflow) = before.addingReportingOverflow(bytes)
    let total = Self.total(limits, forMessage: overflow ? .max : size)
    return held.withLock { held in
      let mine = held.byPeer[peer] ?? 0
      guard fits(bytes, in: held.total, total), fits(bytes, in: mine, limits.perPeer) else { return false }
      held.total += bytes
      held.byPeer[peer] = mine + bytes
      return true
    }
  }

  private func give(_ bytes: Int, peer: String) {
    held.withLock { held in
      held.total -= bytes
      let mine = (held.byPeer[peer] ?? 0) - bytes
      held.byPeer[peer] = mine > 0 ? mine : nil
    }
  }

  /// One peer is a network: an IPv6 client has a whole /64 to itself.
  private static func key(_ peer: IPAddress?) -> String {
    guard let peer else { return "local" }
    return peer.isIPv4 ? peer.description : (IPNetwork(peer, prefix: 64)?.description ?? peer.description)
  }
}
