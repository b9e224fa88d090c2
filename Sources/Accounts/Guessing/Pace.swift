import Platform

/// How quickly attempts of one kind may follow each other.
struct Pace: Sendable {
  /// The distance to the next attempt when this many before it came to nothing.
  let interval: @Sendable (_ failures: Int) -> Duration
  /// Attempts that may be made at once after a rest, before the distances count.
  let burst: Int
  /// Who would have to wait longer is refused at once, without a look at the password.
  let patience: Duration

  /// One account from one address where it logged in before: 10 mistakes for nothing, then slower and slower, but never
  /// so slow that somebody behind the same address is locked out.
  static let known = Pace(
    interval: { failures in
      switch failures {
      case ..<10: .zero
      case ..<100: .milliseconds(100)
      default: .milliseconds(500)
      }
    }, burst: 0, patience: .seconds(1))

  /// All accounts from one network (/24 or /64): 5 mistakes for nothing, then 1, 2, 4 … 60 seconds.
  static let network = Pace(
    interval: { failures in failures < 5 ? .zero : .seconds(min(1 << min(failures - 5, 6), 60)) }, burst: 0,
    patience: .seconds(10))

  /// One account from networks that made hardly any mistake, all of them together: many at once, for a user on a new
  /// network must get in while others guess; then one in 2 seconds, which bounds what a herd of machines can try.
  static let newcomers = Pace(interval: { _ in .seconds(2) }, burst: 500, patience: .seconds(5))

  /// One account from all networks that have made mistakes.
  static let suspects = Pace(interval: { _ in .seconds(5) }, burst: 20, patience: .seconds(10))
}

/// The attempts of one kind that were made.
struct Attempts: Sendable {
  /// After this time without a failure half of them are forgotten.
  static let halfLife = Duration.seconds(600)

  private var failures = 0
  /// When the next attempt is due if no burst is left.
  private var next: Moment
  private(set) var touched: Moment

  init(at now: Moment) { (next, touched) = (now, now) }

  /// The failures that still count. An attempt counts as one until it is known to have succeeded: many that are made at
  /// once must not all pass as the first.
  func failures(at now: Moment) -> Int {
    let age = max((now - touched).wholeMicroseconds, 0) / Self.halfLife.wholeMicroseconds
    return age >= 62 ? 0 : failures >> Int(age)
  }

  /// Takes a place in the line.
  /// - Returns: how long to wait for it; `nil`, and nothing taken, when that is more than the pace's patience.
  mutating func reserve(_ pace: Pace, at now: Moment) -> Duration? {
    let counted = failures(at: now)
    let interval = pace.interval(counted)
    // No place in the line lies further ahead than this, unless the clock was set back: then the line is empty.
    let horizon = now + pace.patience + interval * pace.burst + max(interval, .seconds(60))
    let start = next > horizon ? now : max(next, now)
    let due = start - interval * pace.burst
    let wait = max(due - now, .zero)
    guard wait <= pace.patience else { return nil }
    next = start + interval
    failures = counted + 1
    touched = now
    return wait
  }

  /// The attempt was no guess after all.
  mutating func giveBack(_ pace: Pace) {
    failures = max(failures - 1, 0)
    next = next - pace.interval(failures)
  }
}
