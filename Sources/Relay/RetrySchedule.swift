public import Platform

/// When a recipient that could not be reached is tried again, and when we stop.
///
/// RFC 5321 §4.5.4.1: two attempts in the first hour, then one every two or three hours, giving up after
/// four to five days. The pause doubles from attempt to attempt up to a longest one; each is shortened or
/// lengthened by up to a fifth at random, so that messages that failed together do not all come back in
/// the same second.
public struct RetrySchedule: Hashable, Sendable {
  /// The pause after the first failed attempt.
  public var firstPause: Duration
  /// No pause is longer.
  public var longestPause: Duration
  /// Counted from acceptance: a recipient still waiting then is given up.
  public var giveUpAfter: Duration
  /// Counted from acceptance: a recipient still waiting then is worth one "delayed" notice (RFC 3461 §5.2.5).
  public var delayNoticeAfter: Duration

  public init(
    firstPause: Duration = .seconds(15 * 60), longestPause: Duration = .seconds(3 * 3600),
    giveUpAfter: Duration = .seconds(5 * 86_400), delayNoticeAfter: Duration = .seconds(4 * 3600)
  ) {
    self.firstPause = firstPause
    self.longestPause = longestPause
    self.giveUpAfter = giveUpAfter
    self.delayNoticeAfter = delayNoticeAfter
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
  ///   - chance: a random number in 0..<1.
  ///
  /// The last try falls exactly on the end of the period, so that the whole of it is used.
  public func next(attempt: Int, accepted: Moment, now: Moment, chance: Double) -> Next {
    let end = accepted + giveUpAfter
    guard now < end else { return .giveUp }
    return .retry(at: min(now + pause(attempt: attempt, chance: chance), end))
  }

  /// The pause after the failed attempt number `attempt`, with its random part.
  public func pause(attempt: Int, chance: Double) -> Duration {
    var pause = min(max(firstPause, .seconds(1)), longestPause)
    var step = 1
    // Doubled step by step and capped at once: no exponent can overflow.
    while step < attempt, pause < longestPause {
      pause = min(pause * 2, longestPause)
      step += 1
    }
    let factor = 0.8 + 0.4 * min(max(chance, 0), 1)
    return .microseconds(Int64(Double(pause.wholeMicroseconds) * factor))
  }

  /// Whether the sender should be told now that the recipient is still waiting.
  public func delayNoticeIsDue(accepted: Moment, now: Moment, alreadySent: Bool) -> Bool {
    !alreadySent && now >= accepted + delayNoticeAfter && now < accepted + giveUpAfter
  }
}
