public import Platform

/// A next hop that does not answer, as it is kept over a restart.
public struct StoredTrouble: Hashable, Sendable {
  /// What tells the next hop from others, opaque to the store.
  public var destination: String
  /// Failures in a row.
  public var failures: Int
  /// Nobody connects before then.
  public var until: Moment
  /// What happened, as a sentence.
  public var reason: String

  public init(destination: String, failures: Int, until: Moment, reason: String) {
    self.destination = destination
    self.failures = failures
    self.until = until
    self.reason = reason
  }
}

extension Reader {
  /// Next hops that did not answer, at most 10,000.
  public func troubles() throws -> [StoredTrouble] {
    try database.all("SELECT destination, failures, until, reason FROM trouble ORDER BY destination LIMIT 10000") {
      StoredTrouble(
        destination: $0.text(0), failures: $0.int(1), until: Moment(microseconds: $0.int64(2)), reason: $0.text(3))
    }
  }
}

extension Transaction {
  public mutating func set(_ trouble: StoredTrouble) throws {
    try database.run(
      "INSERT OR REPLACE INTO trouble VALUES(?, ?, ?, ?)", .text(trouble.destination), .int(trouble.failures),
      .int(trouble.until.microseconds), .text(trouble.reason))
  }

  /// The next hop answers again, or is of no interest any more.
  public mutating func removeTrouble(_ destination: String) throws {
    try database.run("DELETE FROM trouble WHERE destination = ?", .text(destination))
  }
}
