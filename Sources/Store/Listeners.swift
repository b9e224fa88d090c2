internal import Synchronization

/// Who wants to be told of commits and of the end.
final class Listeners: Sendable {
  private struct State {
    var commits: [@Sendable (CommitSummary) -> Void] = []
    var failures: [@Sendable (StoreError) -> Void] = []
  }

  private let state = Mutex(State())

  func add(commit: @escaping @Sendable (CommitSummary) -> Void) { state.withLock { $0.commits.append(commit) } }

  func add(failure: @escaping @Sendable (StoreError) -> Void) { state.withLock { $0.failures.append(failure) } }

  func tell(_ summary: CommitSummary) {
    guard !summary.isEmpty else { return }
    for listener in state.withLock({ $0.commits }) { listener(summary) }
  }

  func tell(_ error: StoreError) {
    for listener in state.withLock({ $0.failures }) { listener(error) }
  }

  /// Lets go of everybody, so that no circle of references outlives the store.
  func clear() { state.withLock { $0 = State() } }
}
