internal import MailFlow
internal import Platform
internal import Synchronization

/// What the runner waits for: news that come from any thread, gathered until it looks.
///
/// A wake-up is a flag and a yield; nothing is queued, so a thousand commits while the runner is busy are one turn.
final class WakeUps: Sendable {
  struct News: Sendable {
    /// Destinations with rows that are due now.
    var destinations: Set<String> = []
    /// There may be others: all are to be looked at.
    var isRound = false
    /// The earliest time, after now, at which rows that were changed become due.
    var next: Moment?
    /// Hosts in trouble are to be tried.
    var forgive = false
  }

  /// More destinations than this are looked at with all others.
  private static let destinationLimit = 1000

  private let news = Mutex(News())
  let signals: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() {
    (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Something has happened that a turn should look at.
  func signal() { continuation.yield() }

  /// Rows have changed.
  func changed(_ change: QueueChange, now: Moment) {
    guard let due = change.due else { return }
    news.withLock { news in
      for (destination, due) in change.destinations {
        if due <= now {
          news.destinations.insert(destination)
        } else {
          news.next = min(news.next ?? due, due)
        }
      }
      if change.isOverflowing {
        if due <= now { news.isRound = true } else { news.next = min(news.next ?? due, due) }
      }
      if news.destinations.count > Self.destinationLimit {
        news.destinations = []
        news.isRound = true
      }
    }
    signal()
  }

  /// Rows should be read, whatever the commits say.
  func readRows() {
    news.withLock { $0.isRound = true }
    signal()
  }

  /// Hosts in trouble are to be tried as soon as something for them is due.
  func forgive() {
    news.withLock { $0.forgive = true }
    signal()
  }

  /// Takes the news.
  func take() -> News {
    news.withLock { news in
      defer { news = News() }
      return news
    }
  }

  func finish() { continuation.finish() }
}
