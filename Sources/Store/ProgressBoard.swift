internal import Synchronization

/// What the writer thread is doing, for others to see.
final class ProgressBoard: Sendable {
  private struct State {
    var activity = WriterProgress.Activity.idle
    var since = monotonicNanoseconds()
    var commits = 0
    var closures = 0
  }

  private let state = Mutex(State())

  func set(_ activity: WriterProgress.Activity) {
    let now = monotonicNanoseconds()
    state.withLock {
      $0.activity = activity
      $0.since = now
    }
  }

  func committed(_ closures: Int) {
    state.withLock {
      $0.commits += 1
      $0.closures += closures
    }
  }

  var counts: (commits: Int, closures: Int) { state.withLock { ($0.commits, $0.closures) } }

  func progress(waiting: Int) -> WriterProgress {
    let (activity, since) = state.withLock { ($0.activity, $0.since) }
    let elapsed = monotonicNanoseconds() &- since
    return WriterProgress(
      activity: activity, since: .nanoseconds(Int64(clamping: elapsed)), waiting: waiting)
  }
}
