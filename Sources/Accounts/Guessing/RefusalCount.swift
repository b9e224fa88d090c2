import Platform
import Synchronization

/// Counts attempts that were refused unseen, so that a storm of guesses makes one line a minute in the log and not one
/// each.
final class RefusalCount: Sendable {
  private let state = Mutex<(since: Moment?, count: Int)>((nil, 0))

  /// Counts one.
  /// - Returns: how many to report now; `nil` when the last report is less than a minute old.
  func add(at now: Moment) -> Int? {
    state.withLock { state in
      state.count += 1
      if let since = state.since, now >= since, now - since < .seconds(60) { return nil }
      defer { state = (now, 0) }
      return state.count
    }
  }
}
