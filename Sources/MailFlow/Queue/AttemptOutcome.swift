public import Platform

/// What came of an attempt for one recipient.
public enum AttemptOutcome: Sendable, Hashable {
  /// The next hop took it over. `supportsDSN`: NOTIFY was passed on; otherwise success is reported here, as `relayed`
  /// (RFC 3461 §5.2.2 b).
  case relayed(host: String, reply: String, supportsDSN: Bool)
  /// Not now; `until` is when to try again.
  case deferred(until: Moment, status: String, host: String?, reply: String)
  /// Never. The sender is told, where one may be told. `host` nil: no other server said so, we did.
  case failed(status: String, host: String?, reply: String)
  /// The connection broke after the final dot: perhaps it was taken, perhaps not. It stays queued.
  case uncertain(until: Moment, host: String?, reason: String)
}
