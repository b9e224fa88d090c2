internal import Platform
internal import Synchronization

/// What the runner waits for: news that come from any thread, gathered until it looks.
///
/// A wake-up is a flag and a yield; nothing is queued, so a thousand commits while the runner is busy are one turn.
final class WakeUps: Sendable {
  private struct News {
    /// Rows may be due now.
    var due = false
    /// The earliest time, after now, at which rows that were changed become due.
    var next: Moment?
    /// Hosts in trouble are to be tried.
    var forgive = false
  }

  private let news = Mutex(News())
  let signals: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() {
    (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Something has happened that a turn should look at.
  func signal() { continuation.yield() }

  /// Rows have changed; the earliest of them is due then. `nil`: none of them is due at any time.
  func changed(due: Moment?, now: Moment) {
    guard let due else { return }
    news.withLock { news in
      if due <= now { news.due = true } else { news.next = min(news.next ?? due, due) }
    }
    signal()
  }

  /// Rows should be read, whatever the commits say.
  func readRows() {
    news.withLock { $0.due = true }
    signal()
  }

  /// Hosts in trouble are to be tried as soon as something for them is due.
  func forgive() {
    news.withLock { $0.forgive = true }
    signal()
  }

  /// Takes the news: whether rows may be due, the earliest later time, and whether hosts are forgiven.
  func take() -> (due: Bool, next: Moment?, forgive: Bool) {
    news.withLock { news in
      defer { news = News() }
      return (news.due, news.next, news.forgive)
    }
  }

  func finish() { continuation.finish() }
}
