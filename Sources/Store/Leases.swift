internal import Synchronization

/// Who may still read what has been expunged. In memory: nobody reads across a restart.
final class Leases: Sendable {
  private struct State {
    var contents: [ContentID: Int] = [:]
    /// Contents that the reaper is deleting in the present transaction.
    var reaping: Set<ContentID> = []
    /// For each hold the id up to which its session knows what was expunged.
    var holds: [MailboxID: [Int: Int64]] = [:]
    var nextHold = 0
    /// The highest id that a committed row can have.
    var committed: Int64 = 0
    /// Something was let go since the reaper last looked.
    var wasReleased = false
  }

  private let state = Mutex(State())

  /// Takes a lease. The caller must then look, in a new read transaction, whether the content is still there.
  /// - Returns: `false` when the reaper is just deleting it.
  func take(_ content: ContentID) -> Bool {
    state.withLock { state in
      if state.reaping.contains(content) { return false }
      state.contents[content, default: 0] += 1
      return true
    }
  }

  func release(_ content: ContentID) {
    state.withLock { state in
      guard let count = state.contents[content] else { return }
      state.contents[content] = count > 1 ? count - 1 : nil
      if count == 1 { state.wasReleased = true }
    }
  }

  /// The reaper asks, before it deletes a content in its transaction.
  /// - Returns: `false` when somebody reads it.
  func beginReaping(_ content: ContentID) -> Bool {
    state.withLock { state in
      if state.contents[content] != nil { return false }
      state.reaping.insert(content)
      return true
    }
  }

  /// The reaper's transaction is over, one way or the other.
  func endReaping() { state.withLock { $0.reaping.removeAll() } }

  /// - Returns: the number of the hold.
  func hold(_ mailbox: MailboxID) -> Int {
    state.withLock { state in
      state.nextHold += 1
      state.holds[mailbox, default: [:]][state.nextHold] = state.committed
      return state.nextHold
    }
  }

  func advance(_ mailbox: MailboxID, _ hold: Int) {
    state.withLock { state in
      guard state.holds[mailbox]?[hold] != nil else { return }
      state.holds[mailbox]?[hold] = state.committed
      state.wasReleased = true
    }
  }

  func endHold(_ mailbox: MailboxID, _ hold: Int) {
    state.withLock { state in
      guard state.holds[mailbox]?.removeValue(forKey: hold) != nil else { return }
      if state.holds[mailbox]?.isEmpty == true { state.holds[mailbox] = nil }
      state.wasReleased = true
    }
  }

  /// Whether a session may still read what was expunged from a mailbox by a row of `garbage`.
  func isHeld(_ mailbox: MailboxID, garbage: Int64) -> Bool {
    state.withLock { state in
      guard let marks = state.holds[mailbox]?.values else { return false }
      return marks.contains { $0 < garbage }
    }
  }

  func setCommitted(_ id: Int64) { state.withLock { $0.committed = id } }

  /// Whether something was let go since this was last asked.
  func takeReleased() -> Bool {
    state.withLock { state in
      defer { state.wasReleased = false }
      return state.wasReleased
    }
  }
}
