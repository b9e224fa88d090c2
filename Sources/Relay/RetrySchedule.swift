public import Configuration
public import Platform

/// When a recipient that could not be reached is tried again, and when we stop.
///
/// RFC 5321 §4.5.4.1: two attempts in the first hour, then one every two or three hours, giving up after four to
/// five days; all of it configurable. The waits grow as the configuration says and the last one is repeated; each is
/// shortened or lengthened by up to a fifth at random, so that messages that failed together do not all come back in
/// the same second.
public struct RetrySchedule: Hashable, Sendable {
  /// The wait after the first failed attempt, the second, …; the last one is repeated. Never empty.
  public let waits: [Duration]
  /// Counted from acceptance: a recipient still waiting then is given up.
  public let giveUpAfter: Duration
  /// Counted from acceptance: an attempt is made then, so that the sender hears of the delay in time.
  public let noticeAfter: Duration?

  /// - Parameter waits: none gives one wait of half an hour, which RFC 5321 §4.5.4.1 names as the least in general.
  public init(waits: [Duration], giveUpAfter: Duration, noticeAfter: Duration? = nil) {
    self.waits = waits.isEmpty ? [.seconds(1800)] : waits
    self.giveUpAfter = giveUpAfter
    self.noticeAfter = noticeAfter
  }

  public init(_ queue: Configuration.Queue) {
    self.init(waits: queue.retry, giveUpAfter: queue.giveUpAfter, noticeAfter: queue.delayNoticeAfter)
  }

  /// What follows a failed attempt.
  public enum Next: Hashable, Sendable {
    case retry(at: Moment)
    case giveUp
  }

  /// Decides what follows the failed attempt number `attempt` (1 is the first).
  ///
  /// - Parameters:
  ///   - accepted: when the message was accepted.
  ///   - now: the end of the failed attempt.
  ///   - notBefore: an earlier attempt is known to be useless: the host is left alone until then.
  ///   - chance: a random number in 0..<1.
  ///
  /// The last attempt falls exactly on the end of the period, so that the whole of it is used. A message that was held
  /// for days, or whose appliance was switched off, is not given up after its first attempt: it first gets half of the
  /// attempts that fit into the period.
  public func next(
    attempt: Int, accepted: Moment, now: Moment, notBefore: Moment? = nil, chance: Double
  ) -> Next {
    let end = accepted + giveUpAfter
    guard now < end || attempt < leastAttempts else { return .giveUp }
    var wanted = max(now + wait(afterAttempts: attempt, chance: chance), notBefore ?? now)
    // The waits are hours long by then: without this the notice of a delay could come twice as late.
    if let notice = noticeAfter.map({ accepted + $0 }), now < notice { wanted = min(wanted, notice) }
    return .retry(at: now < end ? min(wanted, end) : wanted)
  }

  /// Half of the attempts that fit into the period if each wait takes its configured time, or an hour where that is
  /// longer: so long may a dead host be left alone (``DestinationBook``), and the period must end for it too.
  private var leastAttempts: Int {
    let longestPause = Duration.seconds(3600)
    var left = giveUpAfter
    var attempts = 1
    for wait in waits where left > .zero {
      left -= max(wait, longestPause)
      attempts += 1
    }
    if left > .zero, let last = waits.last {
      attempts += Int(clamping: left.wholeMicroseconds / max(last, longestPause).wholeMicroseconds)
    }
    return attempts / 2
  }

  /// The wait after the failed attempt number `attempts`, with its random part.
  public func wait(afterAttempts attempts: Int, chance: Double) -> Duration {
    Self.spread(waits[min(max(attempts, 1) - 1, waits.count - 1)], chance: chance)
  }

  /// A duration between four and six fifths of the given one, and never under a second.
  static func spread(_ duration: Duration, chance: Double) -> Duration {
    let microseconds = min(max(duration.wholeMicroseconds, 1_000_000), 1 << 50)
    return .microseconds(Int64(Double(microseconds) * (0.8 + 0.4 * min(max(chance, 0), 1))))
  }
}
