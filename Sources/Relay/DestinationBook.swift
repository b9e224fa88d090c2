public import Platform

/// What the runner remembers about the hosts it sends to: how many connections are open, how many a host takes, and which
/// hosts are dead for now.
///
/// How many: a host that has not answered yet gets two connections, so that twenty black holes do not take all places. Its
/// first answer opens the window, each message that it takes opens it a little further, and a connection that it refuses
/// while it serves others shuts it to what it serves: it grows by one in as many messages, and shrinks at once, as TCP's does.
///
/// Which are dead: RFC 5321 §4.5.4.1 asks for such a list of unreachable hosts: each of a thousand messages for a dead
/// host would otherwise wait for a time-out of its own. The runner keeps it in the database, so a restart forgets nothing.
///
///     unknown ──answered──▶ answering ─────────hostFailed─────────▶ dead until T ──T passes──▶ one probe
///        │                   window grows and shrinks    (no other session)   ▲                    │
///        └──hostFailed──▶ dead                                                └─────hostFailed─────┤  the pause doubles
///                                          answering ◀─────────────────────────────answered────────┘
public struct DestinationBook: Sendable {
  /// How much may run at once, and how long a dead host is left alone.
  public struct Limits: Hashable, Sendable {
    /// All connections together.
    public var connections: Int
    /// To one host, however well it serves us.
    public var connectionsPerDestination: Int
    /// To one host that has not answered yet.
    public var connectionsToUnknown: Int
    /// To one host when it has just answered.
    public var firstWindow: Int
    public var firstPause: Duration
    public var longestPause: Duration

    public init(
      connections: Int = 100, connectionsPerDestination: Int = 20, firstPause: Duration = .seconds(60),
      longestPause: Duration = .seconds(3600)
    ) {
      self.connections = max(connections, 1)
      self.connectionsPerDestination = max(connectionsPerDestination, 1)
      connectionsToUnknown = min(2, self.connectionsPerDestination)
      firstWindow = min(5, self.connectionsPerDestination)
      self.firstPause = firstPause
      self.longestPause = longestPause
    }

    /// Places that only hosts without any connection may take: several that are busy, or slow, do not take them all.
    var reserve: Int { connections / 5 }
    /// Places for hosts that were in trouble, which will probably not answer.
    var probes: Int { max(connections / 4, 1) }
  }

  /// A host that does not answer.
  public struct Trouble: Hashable, Sendable {
    /// Connections in a row that failed before a message could be offered.
    public var failures: Int
    /// Nobody connects before then.
    public var until: Moment
    /// What happened, as a sentence.
    public var reason: String

    public init(failures: Int, until: Moment, reason: String) {
      self.failures = failures
      self.until = until
      self.reason = reason
    }
  }

  private struct Entry: Sendable {
    /// Connections, and attempts at one.
    var open = 0
    /// Those of them that have been answered.
    var answered = 0
    /// How many there may be; `nil`: the host has not answered yet.
    var window: Double?
    var trouble: Trouble?
    /// When there was something last; a window is remembered for a while.
    var isIdle: Bool { open == 0 && trouble == nil }
  }

  /// What a failed connection means.
  public enum Failure: Hashable, Sendable {
    /// The host is dead: nothing for it is tried for now.
    case dead(Trouble)
    /// It serves us over other connections, and only wants no more of them.
    case crowded
  }

  public var limits: Limits
  private var entries: [String: Entry] = [:]
  /// Connections open or being opened, all together.
  public private(set) var open = 0
  /// Those of them that go to hosts in trouble.
  private var probes = 0
  /// Troubles that have changed since they were taken; `nil`: over.
  private var changes: [String: Trouble?] = [:]

  public init(limits: Limits = Limits()) { self.limits = limits }

  // MARK: Connections

  /// Takes a place for one more connection to a destination. `false`: all places are taken.
  ///
  /// A host in trouble gets one connection at a time, which is the probe.
  public mutating func take(_ destination: String) -> Bool {
    guard open < limits.connections else { return false }
    var entry = entries[destination] ?? Entry()
    if entry.trouble != nil {
      guard entry.open == 0, probes < limits.probes else { return false }
      probes += 1
    } else {
      guard entry.open < window(entry) else { return false }
      guard entry.open == 0 || open < limits.connections - limits.reserve else { return false }
    }
    entry.open += 1
    entries[destination] = entry
    open += 1
    return true
  }

  private func window(_ entry: Entry) -> Int {
    guard let window = entry.window else { return min(limits.connectionsToUnknown, limits.connectionsPerDestination) }
    return min(max(Int(window), 1), limits.connectionsPerDestination)
  }

  /// How many connections a destination may have now.
  public func window(_ destination: String) -> Int {
    let entry = entries[destination] ?? Entry()
    return entry.trouble == nil ? window(entry) : 1
  }

  /// Gives a place back.
  public mutating func giveBack(_ destination: String) {
    guard var entry = entries[destination], entry.open > 0 else { return }
    entry.open -= 1
    entry.answered = min(entry.answered, entry.open)
    open -= 1
    if entry.trouble != nil { probes = max(probes - 1, 0) }
    entries[destination] = entry.isIdle && entry.window == nil ? nil : entry
  }

  /// The host took part in a session.
  public mutating func hostAnswered(_ destination: String) {
    guard var entry = entries[destination] else { return }
    if entry.trouble != nil {
      probes = max(probes - entry.open, 0)
      entry.trouble = nil
      changes[destination] = .some(nil)
    }
    entry.answered = min(entry.answered + 1, entry.open)
    entry.window = max(entry.window ?? 0, Double(limits.firstWindow))
    entries[destination] = entry
  }

  /// The host took a message: it may take more at once.
  public mutating func hostTook(_ destination: String) {
    guard var entry = entries[destination], let window = entry.window else { return }
    entry.window = min(window + 1 / max(window, 1), Double(limits.connectionsPerDestination))
    entries[destination] = entry
  }

  /// A session came to an end that was not ours: no more of them than there are left.
  public mutating func hostClosed(_ destination: String) {
    guard var entry = entries[destination], entry.answered > 0 else { return }
    entry.answered -= 1
    entries[destination] = entry
  }

  // MARK: Trouble

  /// A connection could not be had, or was turned away as a whole. Several that fail beside each other are one failure.
  @discardableResult
  public mutating func hostFailed(
    _ destination: String, reason: String, now: Moment, chance: Double
  ) -> Failure {
    if let trouble = trouble(destination, now: now) { return .dead(trouble) }
    var entry = entries[destination] ?? Entry()
    if entry.trouble == nil, entry.answered > 0 {
      entry.window = Double(max(entry.answered, 1))
      entries[destination] = entry
      return .crowded
    }
    let failures = min((entry.trouble?.failures ?? 0) + 1, 1000)
    let trouble = Trouble(
      failures: failures, until: now + pause(failures: failures, chance: chance), reason: reason)
    if entry.trouble == nil { probes += entry.open }
    entry.trouble = trouble
    entry.window = nil
    entries[destination] = entry
    changes[destination] = .some(trouble)
    return .dead(trouble)
  }

  /// Doubles from failure to failure. Step by step and capped at once: no exponent can overflow.
  private func pause(failures: Int, chance: Double) -> Duration {
    var pause = min(limits.firstPause, limits.longestPause)
    for _ in 0..<max(failures - 1, 0) where pause < limits.longestPause {
      pause = min(pause * 2, limits.longestPause)
    }
    return RetrySchedule.spread(pause, chance: chance)
  }

  /// The trouble that forbids a connection now, if there is any.
  public func trouble(_ destination: String, now: Moment) -> Trouble? {
    guard let trouble = entries[destination]?.trouble, now < trouble.until else { return nil }
    // No pause is that long: the clock was set back.
    return trouble.until - now <= limits.longestPause * 2 ? trouble : nil
  }

  /// What an earlier process knew.
  public mutating func restore(_ troubles: [String: Trouble]) {
    for (destination, trouble) in troubles where entries[destination] == nil {
      entries[destination] = Entry(trouble: trouble)
    }
  }

  /// What has changed since this was called last, to be kept; `nil`: the trouble is over.
  public mutating func takeChanges() -> [String: Trouble?] {
    defer { changes = [:] }
    return changes
  }

  /// Whether ``takeChanges()`` has something.
  public var hasChanges: Bool { !changes.isEmpty }

  /// Whether the host has connections or is in trouble.
  public func remembers(_ destination: String) -> Bool { entries[destination].map { !$0.isIdle } ?? false }

  /// Forgets that hosts were in trouble: somebody asked for another try.
  public mutating func forgiveAll() {
    for (name, entry) in entries where entry.trouble != nil {
      probes = max(probes - entry.open, 0)
      changes[name] = .some(nil)
      var forgiven = entry
      forgiven.trouble = nil
      entries[name] = forgiven.isIdle ? nil : forgiven
    }
  }

  /// All hosts in trouble, for `postroom status`.
  public var troubles: [(destination: String, trouble: Trouble)] {
    entries.compactMap { name, entry in entry.trouble.map { (name, $0) } }.sorted { $0.0 < $1.0 }
  }

  /// How many hosts are remembered of whom nothing else is known than how many connections they took.
  private static let rememberedWindows = 1000

  /// Drops hosts whose pause ended more than a day ago and that nobody talks to, and windows when there are many: memory
  /// stays bounded.
  public mutating func prune(now: Moment) {
    let windows = entries.lazy.filter { $0.value.isIdle }.count
    for (name, entry) in entries where entry.open == 0 {
      if let trouble = entry.trouble {
        guard now >= trouble.until + .seconds(86_400) else { continue }
        changes[name] = .some(nil)
        entries[name] = nil
      } else if windows > Self.rememberedWindows {
        entries[name] = nil
      }
    }
  }
}
