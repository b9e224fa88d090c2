internal import MailFlow
internal import Store
internal import Synchronization

/// What the store's writer tells a session about its selected mailbox, from another thread.
///
/// A commit only raises a flag and wakes the session if it idles; the session reads the changes when it may tell them.
final class ChangeSignal: Sendable {
  private let changed = Atomic<Bool>(false)
  private let wake: @Sendable () -> Void
  private let subscription = Mutex<ChangeHub.Subscription?>(nil)

  init(_ wake: @escaping @Sendable () -> Void) { self.wake = wake }

  func subscribe(to mailbox: MailboxID, in hub: ChangeHub) {
    let new = hub.subscribe(mailbox: mailbox) { [weak self] _ in self?.raise() }
    subscription.withLock { $0 = new }
  }

  func cancel() {
    let old = subscription.withLock { subscription in
      defer { subscription = nil }
      return subscription
    }
    old?.cancel()
  }

  func raise() {
    changed.store(true, ordering: .releasing)
    wake()
  }

  /// Whether something changed since the last call.
  func takeChanged() -> Bool { changed.exchange(false, ordering: .acquiringAndReleasing) }

  deinit { cancel() }
}
