public import Platform
public import Store
internal import Synchronization

/// Tells those who wait what a commit has changed: idle IMAP sessions, and the relay's queue runner.
///
/// It is driven by the store's writer right after a commit is durable, and never holds it up: a wake-up is a short
/// closure that hands the news to an event loop or a stream. Nobody polls.
public final class ChangeHub: Sendable {
  /// What changed, for one who subscribed.
  public enum Change: Sendable, Hashable {
    /// Entries came, went, or changed their flags; the mailbox's newest mod-sequence.
    case mailbox(MailboxID, modseq: ModSeq)
    /// The mailbox is gone.
    case mailboxDeleted(MailboxID)
    /// Mailboxes of the account were made, renamed, deleted or (un)subscribed.
    case mailboxList(account: String)
    /// Queue rows have changed.
    case queue(QueueChange)
    /// An administrator wants something that waits tried now: that a host did not answer before counts no more. Told
    /// before the commit that makes it due.
    case retry
  }

  /// Ends the subscription when it is cancelled or goes out of use.
  public final class Subscription: Sendable {
    private let end: @Sendable () -> Void
    fileprivate init(_ end: @escaping @Sendable () -> Void) { self.end = end }
    public func cancel() { end() }
    deinit { end() }
  }

  private enum Topic: Hashable {
    case mailbox(MailboxID)
    case account(String)
    case queue
  }

  private struct Listeners {
    var next: UInt64 = 0
    var byTopic: [Topic: [UInt64: @Sendable (Change) -> Void]] = [:]
  }

  private let listeners = Mutex(Listeners())

  public init() {}

  /// Calls `wake` after each commit that changed the mailbox.
  ///
  /// `wake` runs on the store's writer thread and must return at once: it hands the news on (to an event loop, a
  /// stream) and does nothing else. It may be called once more while the subscription is being cancelled.
  public func subscribe(mailbox: MailboxID, _ wake: @escaping @Sendable (Change) -> Void) -> Subscription {
    subscribe(.mailbox(mailbox), wake)
  }

  /// The same for the list of an account's mailboxes.
  public func subscribe(account: String, _ wake: @escaping @Sendable (Change) -> Void) -> Subscription {
    subscribe(.account(account), wake)
  }

  /// The same for the queue.
  public func subscribeToQueue(_ wake: @escaping @Sendable (Change) -> Void) -> Subscription {
    subscribe(.queue, wake)
  }

  /// The queue's wake-ups as a stream. Several that come while nobody takes them are one.
  public func queueWakeUps() -> AsyncStream<Void> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let subscription = subscribeToQueue { _ in continuation.yield() }
      continuation.onTermination = { _ in subscription.cancel() }
    }
  }

  private func subscribe(_ topic: Topic, _ wake: @escaping @Sendable (Change) -> Void) -> Subscription {
    let id = listeners.withLock { listeners in
      listeners.next += 1
      listeners.byTopic[topic, default: [:]][listeners.next] = wake
      return listeners.next
    }
    return Subscription { [weak self] in self?.unsubscribe(topic, id) }
  }

  private func unsubscribe(_ topic: Topic, _ id: UInt64) {
    listeners.withLock { listeners in
      listeners.byTopic[topic]?[id] = nil
      if listeners.byTopic[topic]?.isEmpty == true { listeners.byTopic[topic] = nil }
    }
  }

  private func tell(_ topic: Topic, _ change: Change) {
    let wakes = listeners.withLock { $0.byTopic[topic].map { Array($0.values) } }
    for wake in wakes ?? [] { wake(change) }
  }

  /// Passes a commit on.
  func tell(_ summary: CommitSummary) {
    for (mailbox, modseq) in summary.mailboxes { tell(.mailbox(mailbox), .mailbox(mailbox, modseq: modseq)) }
    for mailbox in summary.deletedMailboxes { tell(.mailbox(mailbox), .mailboxDeleted(mailbox)) }
    for account in summary.accounts { tell(.account(account), .mailboxList(account: account)) }
    if summary.queueChanged { tell(.queue, .queue(QueueChange(summary))) }
  }

  /// See ``Change/retry``.
  func retryAsked() { tell(.queue, .retry) }

  /// How many subscriptions there are; for the status screen and leak tests.
  public var count: Int { listeners.withLock { $0.byTopic.values.reduce(0) { $0 + $1.count } } }
}

/// What a commit changed in the queue.
public struct QueueChange: Sendable, Hashable {
  /// The earliest time at which one of the changed rows is due; `nil`: none of them is due at any time.
  public var due: Moment?
  /// Where those that are queued go, with the earliest due time of each destination.
  public var destinations: [String: Moment]
  /// ``destinations`` does not tell everything: whoever waits for due rows must look at all.
  public var isOverflowing: Bool

  public init(due: Moment?, destinations: [String: Moment] = [:], isOverflowing: Bool = false) {
    self.due = due
    self.destinations = destinations
    self.isOverflowing = isOverflowing
  }

  init(_ summary: CommitSummary) {
    self.init(due: summary.due, destinations: summary.destinations, isOverflowing: summary.isOverflowing)
  }
}
