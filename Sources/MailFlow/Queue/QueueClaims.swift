internal import Store
internal import Synchronization

/// Which queue rows somebody in this process is working on. Memory only: after a crash nobody holds any.
final class QueueClaims: Sendable {
  private let held = Mutex<Set<RecipientID>>([])

  /// Takes those that nobody holds.
  func take(_ ids: [RecipientID]) -> Set<RecipientID> {
    held.withLock { held in
      let free = Set(ids).subtracting(held)
      held.formUnion(free)
      return free
    }
  }

  func release(_ ids: some Sequence<RecipientID>) { held.withLock { $0.subtract(ids) } }

  func isHeld(_ id: RecipientID) -> Bool { held.withLock { $0.contains(id) } }

  var count: Int { held.withLock { $0.count } }
}
