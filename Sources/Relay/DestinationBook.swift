public import Platform

/// What the runner remembers about the hosts it sends to: how many connections are open, and which hosts
/// are dead for now.
///
/// RFC 5321 §4.5.4.1 asks for such a list of unreachable hosts: each of a thousand messages for a dead
/// host would otherwise wait for a time-out of its own. The book is memory only; after a restart each host
/// gets a fresh chance, the rows in the database keep their own times.
///
///     answering ──hostFailed──▶ dead until T ──T passes──▶ one probe ──answered──▶ answering
///                                    ▲                        │
///                                    └──────hostFailed────────┘  (the pause doubles)
public struct DestinationBook: Sendable {
  /// How much may run at once, and how long a dead host is left alone.
  public struct Limits: Hashable, Sendable {
    public var connections: Int
    public var connectionsPerDestination: Int
    public var firstPause: Duration
    public var longestPause: Duration

    public init(
      connections: Int = 20, connectionsPerDestination: Int = 4, firstPause: Duration = .seconds(60),
      longestPause: Duration = .seconds(3600)
    ) {
      self.connections = max(connections, 1)
      self.connectionsPerDestination = max(connectionsPerDestination, 1)
      self.firstPause = firstPause
      self.longestPause = longestPause
    }
  }

  /// A host that does not answer.
  public struct Trouble: Hashable, Sendable {
    /// Connections in a row that failed before a message could be offered.
    public var failures: Int
    /// Nobody connects before then.
    public var until: Moment
    /// What happened, as a sentence.
    public var reason: String
  }

  private struct Entry: Sendable {
    var open = 0
    var trouble: Trouble?
  }

  public let limits: Limits
  private var entries: [String: Entry] = [:]
  /// Connections open or being opened, all together.
  public private(set) var open = 0

  public init(limits: Limits = Limits()) { self.limits = limits }

  /// Takes a place for one more connection to a destination. `false`: all places are taken.
  ///
  /// A host in trouble gets one connection at a time, which is the probe.
  public mutating func take(_ destination: String) -> Bool {
    guard open < limits.connections else { return false }
    let entry = entries[destination] ?? Entry()
    let most = entry.trouble == nil ? limits.connectionsPerDestination : 1
    guard entry.open < most else { return false }
    entries[destination, default: Entry()].open += 1
    open += 1
    return true
  }

  /// Gives a place back.
  public mutating func giveBack(_ destination: String) {
    guard var entry = entries[destination], entry.open > 0 else { return }
    entry.open -= 1
    open -= 1
    entries[destination] = entry.open == 0 && entry.trouble == nil ? nil : entry
  }

  /// The host could not be reached, or turned the whole connection away. Several connections that fail beside each other
  /// are one failure.
  public mutating func hostFailed(_ destination: String, reason: String, now: Moment, chance: Double) {
    guard trouble(destination, now: now) == nil else { return }
    let failures = min((entries[destination]?.trouble?.failures ?? 0) + 1, 1000)
    entries[destination, default: Entry()].trouble = Trouble(
      failures: failures, until: now + pause(failures: failures, chance: chance), reason: reason)
  }

  /// Doubles from failure to failure. Step by step and capped at once: no exponent can overflow.
  private func pause(failures: Int, chance: Double) -> Duration {
    var pause = min(limits.firstPause, limits.longestPause)
    for _ in 0..<max(failures - 1, 0) where pause < limits.longestPause {
      pause = min(pause * 2, limits.longestPause)
    }
    return RetrySchedule.spread(pause, chance: chance)
  }

  /// The host took part in a session.
  public mutating func hostAnswered(_ destination: String) {
    guard var entry = entries[destination] else { return }
    entry.trouble = nil
    entries[destination] = entry.open == 0 ? nil : entry
  }

  /// The trouble that forbids a connection now, if there is any.
  public func trouble(_ destination: String, now: Moment) -> Trouble? {
    guard let trouble = entries[destination]?.trouble, now < trouble.until else { return nil }
    // No pause is that long: the clock was set back.
    return trouble.until - now <= limits.longestPause * 2 ? trouble : nil
  }

  /// Whether the host has connections or is in trouble.
  public func remembers(_ destination: String) -> Bool { entries[destination] != nil }

  /// Forgets that hosts were in trouble: somebody asked for another try.
  public mutating func forgiveAll() {
    for name in entries.keys { hostAnswered(name) }
  }

  /// All hosts in trouble, for `postroom status`.
  public var troubles: [(destination: String, trouble: Trouble)] {
    entries.compactMap { name, entry in entry.trouble.map { (name, $0) } }.sorted { $0.0 < $1.0 }
  }

  /// Drops hosts whose pause ended more than a day ago and that nobody talks to: memory stays bounded.
  public mutating func prune(now: Moment) {
    entries = entries.filter { _, entry in
      if entry.open > 0 { return true }
      guard let trouble = entry.trouble else { return false }
      return now < trouble.until + .seconds(86_400)
    }
  }
}
