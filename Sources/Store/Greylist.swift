public import Platform

/// How long senders wait, and are remembered.
public struct GreylistRule: Hashable, Sendable {
  public var delay: Duration
  /// From the last message on.
  public var keep: Duration
  /// Whoever comes again only after this begins anew.
  public static let patience = Duration.seconds(2 * 86_400)

  public init(delay: Duration, keep: Duration) {
    self.delay = delay
    self.keep = keep
  }
}

/// What a sender's key stands for.
public enum GreylistStanding: Hashable, Sendable {
  /// It came again after the delay, now or before.
  case passed
  /// It shall come again after this.
  case waiting(Duration)
}

/// A row: since when a key waits, when it was last seen, and whether it came again.
private struct GreylistRow {
  var first: Moment
  var last: Moment
  var passed: Bool

  /// The row after a message, and what becomes of that. A clock that was set back makes nobody wait longer than the delay.
  static func after(_ row: GreylistRow?, _ now: Moment, _ rule: GreylistRule) -> (GreylistRow, GreylistStanding) {
    let new = (GreylistRow(first: now, last: now, passed: false), GreylistStanding.waiting(rule.delay))
    guard var row, row.first <= now else { return new }
    if row.passed {
      guard now - row.last < rule.keep else { return new }
      row.last = now
      return (row, .passed)
    }
    guard now - row.first < max(GreylistRule.patience, rule.delay + rule.delay) else { return new }
    row.last = now
    let waited = now - row.first
    guard waited >= rule.delay else { return (row, .waiting(rule.delay - waited)) }
    row.passed = true
    return (row, .passed)
  }

  static func read(_ key: String, _ database: Database) throws -> GreylistRow? {
    try database.first("SELECT first, last, passed FROM greylist WHERE key = ?", .text(key)) { row in
      GreylistRow(
        first: Moment(microseconds: row.int64(0)), last: Moment(microseconds: row.int64(1)), passed: row.int(2) != 0)
    }
  }
}

extension Transaction {
  /// Notes that a suspicious message of this key came.
  public mutating func greylist(_ key: String, at now: Moment, _ rule: GreylistRule) throws -> GreylistStanding {
    let (row, standing) = GreylistRow.after(try GreylistRow.read(key, database), now, rule)
    try database.run(
      "INSERT OR REPLACE INTO greylist(key, first, last, passed) VALUES(?, ?, ?, ?)", .text(key),
      .int(row.first.microseconds), .int(row.last.microseconds), .int(row.passed ? 1 : 0))
    return standing
  }

  /// Forgets keys that did not come again, and those that have not come for long.
  public mutating func retireGreylist(at now: Moment, _ rule: GreylistRule) throws {
    let patience = max(GreylistRule.patience, rule.delay + rule.delay)
    try database.run("DELETE FROM greylist WHERE passed = 0 AND first < ?", .int((now - patience).microseconds))
    try database.run("DELETE FROM greylist WHERE passed = 1 AND last < ?", .int((now - rule.keep).microseconds))
  }
}

extension Reader {
  /// What would be said to a message of this key now.
  public func greylistStanding(_ key: String, at now: Moment, _ rule: GreylistRule) throws -> GreylistStanding {
    GreylistRow.after(try GreylistRow.read(key, database), now, rule).1
  }

  /// Whether one of ours has sent mail to an address, as far back as envelopes are kept. It looks through them all: for rare
  /// questions.
  public func hasWritten(to address: String) throws -> Bool {
    try database.number(
      """
      SELECT EXISTS(
        SELECT 1 FROM recipient r JOIN envelope e ON e.id = r.envelope
        WHERE r.address = ? COLLATE NOCASE AND e.account IS NOT NULL)
      """, .text(address)) == 1
  }
}
