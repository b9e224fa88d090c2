internal import Message
internal import Platform
internal import Store
internal import Synchronization

/// Refusals on their way into the trace: a few a minute for each peer in words, the rest as one row that counts them.
///
/// "Why did it not arrive" is the office's first question, and a stranger who is refused a thousand times a second
/// must not fill the disk with the answer. Rows ride on the next commit; nobody waits for them.
final class RefusalLedger: Sendable {
  /// Rows in words for one peer in one minute.
  static let rowsPerMinute = 5
  /// Peers remembered at a time; all others share one account.
  static let peerLimit = 10_000

  private struct Account {
    var since: Moment
    var rows = 0
    var suppressed = 0
    var last: Refusal?

    /// Whether its minute is over, or lies ahead because the clock was set back.
    func isOver(at now: Moment) -> Bool { now - since >= .seconds(60) || now < since }
  }

  private struct State {
    var peers: [String: Account] = [:]
    /// Comes by while there is something to count.
    var sweeper: Task<Void, Never>?
  }

  private let store: Store
  private let clock: Clock
  private let state = Mutex(State())

  init(store: Store, clock: Clock) {
    self.store = store
    self.clock = clock
  }

  func add(_ refusal: Refusal) {
    let now = refusal.at
    let rows: [Refusal] = state.withLock { state in
      var rows: [Refusal] = []
      let isKnown = state.peers[refusal.peer] != nil
      let key = isKnown || state.peers.count < Self.peerLimit ? refusal.peer : "others"
      var account = state.peers[key] ?? Account(since: now)
      if account.isOver(at: now) {
        if let row = Self.row(for: account, at: now) { rows.append(row) }
        account = Account(since: now)
      }
      if account.rows < Self.rowsPerMinute {
        account.rows += 1
        rows.append(refusal)
      } else {
        account.suppressed += 1
        account.last = refusal
      }
      state.peers[key] = account
      if state.sweeper == nil { state.sweeper = sweeper() }
      return rows
    }
    for row in rows { store.traceLazily(row) }
  }

  /// Writes the counts whose minute is over, all of them at the end of the process.
  /// - Returns: whether peers are left.
  @discardableResult
  func sweep(all: Bool = false) -> Bool {
    let now = clock.now()
    let (rows, isLeft): ([Refusal], Bool) = state.withLock { state in
      var rows: [Refusal] = []
      for (peer, account) in state.peers where all || account.isOver(at: now) {
        if let row = Self.row(for: account, at: now) { rows.append(row) }
        state.peers[peer] = nil
      }
      if state.peers.isEmpty {
        state.sweeper?.cancel()
        state.sweeper = nil
      }
      return (rows, !state.peers.isEmpty)
    }
    for row in rows { store.traceLazily(row) }
    return isLeft
  }

  /// Peers remembered at this moment.
  var peers: Int { state.withLock { $0.peers.count } }

  private func sweeper() -> Task<Void, Never> {
    Task { [weak self] in
      while (try? await Task.sleep(for: .seconds(60))) != nil {
        guard let self, self.sweep() else { return }
      }
    }
  }

  private static func row(for account: Account, at now: Moment) -> Refusal? {
    guard account.suppressed > 0, var row = account.last else { return nil }
    row.at = now
    row.count = account.suppressed
    row.words = "\(account.suppressed) more refusals within a minute, the last one: \(row.words)"
    return row
  }
}
