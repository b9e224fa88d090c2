internal import MailFlow
internal import Store
internal import Synchronization

/// What the store's writer tells a session about one mailbox, from another thread: a new one for each that is selected.
///
/// A commit only notes how far the mailbox's history has come, and wakes the session if it idles; the session reads the changes
/// when it may tell them.
final class ChangeSignal: Sendable {
  private let newest = Atomic<ModSeq>(0)
  private let wake: @Sendable () -> Void
  private let subscription = Mutex<ChangeHub.Subscription?>(nil)

  init(_ wake: @escaping @Sendable () -> Void) { self.wake = wake }

  func subscribe(to mailbox: MailboxID, in hub: ChangeHub) {
    let new = hub.subscribe(mailbox: mailbox) { [weak self] change in
      if case .mailbox(_, let modSeq) = change { self?.raise(to: modSeq) } else { self?.raise(to: .max) }
    }
    subscription.withLock { $0 = new }
  }

  func cancel() {
    let old = subscription.withLock { subscription in
      defer { subscription = nil }
      return subscription
    }
    old?.cancel()
  }

  private func raise(to modSeq: ModSeq) {
    newest.max(modSeq, ordering: .acquiringAndReleasing)
    wake()
  }

  /// Whether there is more history than one knows who knows it up to here.
  func hasNews(beyond known: ModSeq) -> Bool { newest.load(ordering: .acquiring) > known }

  deinit { cancel() }
}
