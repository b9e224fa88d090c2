public import Platform

/// What a runner that is fair between destinations reads. Each of these looks at a bounded number of rows, however many
/// wait.
extension Reader {
  /// Queued recipients for one destination that are due by then, the earliest first.
  ///
  /// - Parameter known: those that the caller has already; they count among `limit`, and are not read.
  public func due(
    by: Moment, destination: String, limit: Int, without known: Set<RecipientID> = []
  ) throws -> DueRows {
    let ids: [RecipientID] = try database.all(
      "SELECT envelope, n FROM recipient WHERE state = 0 AND destination = ? AND due <= ? ORDER BY due LIMIT ?",
      .text(destination), .int(by.microseconds), .int(limit), row: Self.recipientID)
    return DueRows(rows: try rows(ids.filter { !known.contains($0) }), isCut: ids.count >= limit)
  }

  /// Recipients held with a time that has come, and queued ones without a destination, for whom nothing but an end can be
  /// found.
  public func dueElsewhere(by: Moment, limit: Int) throws -> [QueueRow] {
    var ids: [RecipientID] = try database.all(
      "SELECT envelope, n FROM recipient WHERE state = 1 AND due IS NOT NULL AND due <= ? ORDER BY due LIMIT ?",
      .int(by.microseconds), .int(limit), row: Self.recipientID)
    ids += try database.all(
      "SELECT envelope, n FROM recipient WHERE state = 0 AND destination IS NULL AND due <= ? ORDER BY due LIMIT ?",
      .int(by.microseconds), .int(limit), row: Self.recipientID)
    return try rows(ids)
  }

  /// Destinations with recipients that are due by then: a part of a round through all of them, in their order.
  ///
  /// - Parameters:
  ///   - after: where the last part ended; empty at the beginning.
  ///   - limit: how many destinations are looked at.
  public func destinations(due by: Moment, after: String, limit: Int) throws -> DueDestinations {
    var found: Set<String> = []
    var last = after
    for _ in 0..<limit {
      // The index on destinations is walked in jumps, from each destination to the next.
      let next: (name: String, due: Moment?)? = try database.first(
        """
        SELECT destination, due FROM recipient WHERE state = 0 AND destination > ? ORDER BY destination, due LIMIT 1
        """, .text(last)
      ) { ($0.text(0), $0.optionalInt64(1).map { Moment(microseconds: $0) }) }
      guard let next else { return DueDestinations(destinations: found, next: nil) }
      if let due = next.due, due <= by { found.insert(next.name) }
      last = next.name
    }
    return DueDestinations(destinations: found, next: last)
  }

  /// Destinations of queued recipients that have become due in a span of time: after `from` (which is not in it) and by
  /// `by`.
  ///
  /// - Parameter limit: of rows that are looked at.
  public func becameDue(after from: DueMark, by: Moment, limit: Int) throws -> BecameDue {
    var found = BecameDue(mark: from)
    var count = 0
    // The limit stands in the inner query, which walks the index alone; each row's destination is looked up by its key.
    try database.each(
      """
      SELECT d.due, d.envelope, d.n, r.destination, r.state FROM
        (SELECT due, envelope, n FROM recipient
         WHERE state <= 1 AND due IS NOT NULL AND (due, envelope, n) > (?, ?, ?) AND due <= ?
         ORDER BY due, envelope, n LIMIT ?) d
      CROSS JOIN recipient r ON r.envelope = d.envelope AND r.n = d.n
      """, .int(from.due.microseconds), .id(from.row.envelope), .int(from.row.number), .int(by.microseconds),
      .int(limit)
    ) { row in
      count += 1
      found.mark = DueMark(
        due: Moment(microseconds: row.int64(0)), row: RecipientID(row.id(1), row.int(2)))
      if row.int(4) == RecipientState.queued.rawValue, let destination = row.optionalText(3) {
        found.destinations.insert(destination)
      } else {
        found.hasOthers = true
      }
    }
    found.isCut = count >= limit
    if !found.isCut { found.mark = DueMark(after: by) }
    return found
  }

  /// When the next queued recipient, or one held with a time, becomes due after a moment.
  public func nextDue(after: Moment) throws -> Moment? {
    try database.first(
      "SELECT due FROM recipient WHERE state <= 1 AND due IS NOT NULL AND due > ? ORDER BY due LIMIT 1",
      .int(after.microseconds)
    ) { Moment(microseconds: $0.int64(0)) }
  }

  /// Whether a queued recipient that was never tried is due only after a moment. Looks at all that are due later.
  public func hasUntried(dueAfter moment: Moment) throws -> Bool {
    try database.first(
      """
      SELECT 1 FROM recipient WHERE state <= 1 AND due IS NOT NULL AND due > ? AND state = 0 AND attempts = 0 LIMIT 1
      """, .int(moment.microseconds)
    ) { _ in true } ?? false
  }

  /// When the next queued recipient becomes due after a moment; those that are held do not count.
  public func nextDueQueued(after: Moment) throws -> Moment? {
    try database.first(
      """
      SELECT due FROM recipient WHERE state <= 1 AND due IS NOT NULL AND due > ? AND state = 0 ORDER BY due LIMIT 1
      """, .int(after.microseconds)
    ) { Moment(microseconds: $0.int64(0)) }
  }
}

extension Reader {
  /// Destinations with recipients that have been tried and still wait, those with the most of them first.
  ///
  /// Looks at every queued row: for a person who asks, not for a runner.
  public func destinationsInTrouble(limit: Int) throws -> [DestinationInTrouble] {
    let found: [(name: String, waiting: Int, oldest: EnvelopeID)] = try database.all(
      """
      SELECT destination, count(*), min(envelope) FROM recipient
      WHERE state = 0 AND destination IS NOT NULL AND attempts > 0 GROUP BY destination ORDER BY 2 DESC, 1 LIMIT ?
      """, .int(limit)
    ) { ($0.text(0), $0.int(1), $0.id(2)) }
    return try found.compactMap { destination in
      try database.first(
        """
        SELECT e.at, r.due, r.said FROM recipient r JOIN envelope e ON e.id = r.envelope
        WHERE r.envelope = ? AND r.destination = ? AND r.state = 0 AND r.attempts > 0 ORDER BY r.n LIMIT 1
        """, .id(destination.oldest), .text(destination.name)
      ) {
        DestinationInTrouble(
          name: destination.name, waiting: destination.waiting, oldest: Moment(microseconds: $0.int64(0)),
          nextAttempt: $0.optionalInt64(1).map { Moment(microseconds: $0) }, said: $0.optionalText(2))
      }
    }
  }
}

/// A destination whose mail waits although it has been tried.
public struct DestinationInTrouble: Hashable, Sendable, Codable {
  public let name: String
  /// Recipients that wait.
  public let waiting: Int
  /// When the oldest of them was accepted, when it is tried next, and what was said about it last.
  public let oldest: Moment
  public let nextAttempt: Moment?
  public let said: String?
}

/// Due rows of one destination.
public struct DueRows: Sendable {
  public let rows: [QueueRow]
  /// There may be more.
  public let isCut: Bool
}

/// A part of a round through the destinations.
public struct DueDestinations: Sendable {
  public let destinations: Set<String>
  /// Where the next part begins; `nil`: the round is over.
  public let next: String?

  public init(destinations: Set<String>, next: String?) {
    self.destinations = destinations
    self.next = next
  }
}

/// A place in the order in which recipients become due.
public struct DueMark: Hashable, Sendable {
  public var due: Moment
  /// The row at that moment up to which all were seen.
  public var row: RecipientID

  public init(due: Moment, row: RecipientID) {
    self.due = due
    self.row = row
  }

  /// Behind all that is due at a moment.
  public init(after due: Moment) { self.init(due: due, row: RecipientID(EnvelopeID(.max), 0)) }
}

/// What has become due in a span of time.
public struct BecameDue: Sendable {
  public var destinations: Set<String> = []
  /// Recipients that are held until a time, or have no destination, were among them.
  public var hasOthers = false
  /// There may be more, from ``mark`` on.
  public var isCut = false
  public var mark: DueMark

  public init(mark: DueMark) { self.mark = mark }
}
