internal import Platform
internal import Store

/// Decides which waiting recipients go when, over which connections. Pure: rows in, batches out.
///
///     due rows ──offer──▶ lanes, one a next hop ──next(for:)──▶ in flight ──settled──▶ (gone, or due again later)
///         ▲                    │      ▲                             │
///         └──── hungry ◀───────┤      └───────── putBack ◀──────────┘
///                              └─courierToStart: a connection more, while the book has places
///
/// A row is in at most one of lane and flight, so no recipient is ever tried twice at once. What is in memory is bounded:
/// of each destination a few rows at first, more as they go; what does not fit stays in the database, where it is due
/// already, and is read when there is room (``hungry``).
struct Dispatcher: Sendable {
  /// Rows that wait in memory; more only so that each destination has its first few.
  static let backlog = 4000
  /// Rows that wait in memory for one destination.
  static let backlogPerDestination = 500
  /// With fewer rows than this in memory, a destination that has more in the database gets them.
  static let refillMark = 100
  /// RFC 5321 §4.5.3.1.8: every server takes 100 recipients.
  static let recipientsPerTransaction = 100

  /// A row that has taken off, as it was then: what tells it from itself after a change that makes it due again.
  private struct Flight: Sendable {
    var due: Moment?
    var attempts: Int
    var destination: String

    init(_ row: QueueRow) {
      (due, attempts) = (row.recipient.due, row.recipient.attempts)
      destination = Backlog.destination(row)
    }
  }

  /// What is in memory of one destination.
  private struct Shelf: Sendable {
    var waiting: Set<RecipientID> = []
    var flying = 0
    /// The database has more that is due.
    var hasMore = false
  }

  var book: DestinationBook
  private var lanes: [String: Backlog] = [:]
  private var shelves: [String: Shelf] = [:]
  private var inFlight: [RecipientID: Flight] = [:]
  /// Those in flight that were offered once more since, changed: they are due again although nobody has said that they
  /// have landed.
  private var changed: Set<RecipientID> = []
  /// Destinations with few rows in memory and more in the database.
  private(set) var hungry: Set<String> = []
  private(set) var waiting = 0
  /// A lane without any connection has been refused one because all are taken.
  private var isStarved = false

  init(limits: DestinationBook.Limits) { book = DestinationBook(limits: limits) }

  var flying: Int { inFlight.count }
  /// No rows of further destinations should be read now.
  var isFull: Bool { waiting >= 2 * Self.backlog }

  /// Whether anything of a hop is remembered.
  func uses(_ hop: String) -> Bool { lanes[hop] != nil || book.remembers(hop) }

  // MARK: Rows in

  /// How many rows of a destination should be read now, those in memory included, and which ones need not be.
  ///
  /// - Parameter isNew: nothing is known of the destination yet: its first few will do.
  func order(_ destination: String) -> (limit: Int, known: Set<RecipientID>) {
    let shelf = shelves[destination] ?? Shelf()
    let most = shelf.waiting.isEmpty && shelf.flying == 0 ? Self.refillMark / 2 : Self.backlogPerDestination
    let share = min(most, max((Self.backlog - waiting) / 8, 8))
    return (min(share + shelf.waiting.count, Self.backlogPerDestination) + shelf.flying, shelf.waiting)
  }

  /// Notes whether the database has more due rows for a destination than were read.
  mutating func note(_ destination: String, hasMore: Bool) {
    guard hasMore || shelves[destination] != nil else { return }
    shelves[destination, default: Shelf()].hasMore = hasMore
    tidy(destination)
  }

  /// Takes a due row in. `false`: it is known already, or there is no room for it now.
  mutating func offer(_ row: QueueRow, hop: String) -> Bool {
    let id = row.recipient.id
    let destination = Backlog.destination(row)
    if let flight = inFlight[id] {
      if flight.due != row.recipient.due || flight.attempts != row.recipient.attempts { changed.insert(id) }
      return false
    }
    // In place: a copy of the shelf would copy all that waits on it, for each row.
    if let shelf = shelves[destination] {
      guard !shelf.waiting.contains(id) else { return false }
      guard shelf.waiting.count < Self.backlogPerDestination else {
        shelves[destination]?.hasMore = true
        return false
      }
    }
    shelves[destination, default: Shelf()].waiting.insert(id)
    lanes[hop, default: Backlog()].add(row)
    waiting += 1
    return true
  }

  // MARK: Connections

  /// The next hop that deserves a connection more, with the place for it taken. `nil`: none does, or all places are taken.
  ///
  /// Hops with the fewest connections come first, so a destination with thousands of messages does not keep one with a
  /// single message waiting. A hop gets another connection only while it has more transactions than connections.
  mutating func courierToStart() -> String? {
    isStarved = false
    var wanting: [(couriers: Int, due: Moment, hop: String)] = []
    for (hop, lane) in lanes where lane.transactions > lane.couriers {
      wanting.append((lane.couriers, lane.due ?? Moment(seconds: 0), hop))
    }
    guard !wanting.isEmpty else { return nil }
    guard book.open < book.limits.connections else {
      isStarved = wanting.contains { $0.couriers == 0 }
      return nil
    }
    wanting.sort { ($0.couriers, $0.due, $0.hop) < ($1.couriers, $1.due, $1.hop) }
    for candidate in wanting {
      if book.take(candidate.hop) {
        lanes[candidate.hop]?.couriers += 1
        return candidate.hop
      }
      if candidate.couriers == 0, book.open >= book.limits.connections { isStarved = true }
    }
    return nil
  }

  /// Whether a courier should give its connection up for the sake of a hop that has none.
  func shouldYield(_ hop: String) -> Bool { isStarved && (lanes[hop]?.couriers ?? 0) > 1 }

  /// A courier has ended; its place is free.
  mutating func courierEnded(_ hop: String) {
    book.giveBack(hop)
    guard var lane = lanes[hop] else { return }
    lane.couriers = max(lane.couriers - 1, 0)
    lanes[hop] = lane.couriers == 0 && lane.isEmpty ? nil : lane
  }

  // MARK: Rows out

  /// The next transaction for a courier, now in flight. `nil`: nothing waits for its hop any more.
  mutating func next(for hop: String) -> Batch? {
    guard let batch = lanes[hop]?.take(limit: Self.recipientsPerTransaction) else { return nil }
    waiting -= batch.rows.count
    for row in batch.rows {
      let id = row.recipient.id
      inFlight[id] = Flight(row)
      let destination = Backlog.destination(row)
      shelves[destination]?.waiting.remove(id)
      shelves[destination]?.flying += 1
      tidy(destination)
    }
    return batch
  }

  /// Rows of a batch that were not offered to anybody: they wait again, before all others.
  mutating func putBack(_ batch: Batch, _ rows: [QueueRow], hop: String) {
    // What has changed since is read again instead.
    let ids = rows.map(\.recipient.id)
    let same = rows.filter { !changed.contains($0.recipient.id) }
    lanes[hop, default: Backlog()].putBack(batch.key, same)
    waiting += same.count
    for id in ids { land(id) }
    for row in same { shelves[Backlog.destination(row), default: Shelf()].waiting.insert(row.recipient.id) }
    for row in rows where changed.remove(row.recipient.id) != nil {
      let destination = Backlog.destination(row)
      shelves[destination, default: Shelf()].hasMore = true
      tidy(destination)
    }
  }

  /// Everything that waits for a hop, now in flight: its host is dead, and all of it is postponed together.
  mutating func drain(_ hop: String) -> [Batch] {
    var batches: [Batch] = []
    while let batch = next(for: hop) { batches.append(batch) }
    return batches
  }

  /// The rows have a new state in the database, or were given up on. `true`: one of them has become due again before this
  /// was known, and must be read again (its destination is ``hungry`` now); nothing else would.
  mutating func settled(_ ids: [RecipientID]) -> Bool {
    var isDueAgain = false
    for id in ids {
      guard let destination = land(id) else { continue }
      if changed.remove(id) != nil {
        isDueAgain = true
        shelves[destination, default: Shelf()].hasMore = true
      }
      tidy(destination)
    }
    return isDueAgain
  }

  /// Forgets what waits and is not in flight: routes have changed, and the rows are read again.
  mutating func forgetBacklog() {
    for (hop, lane) in lanes {
      _ = lanes[hop]?.removeAll()
      if lane.couriers == 0 { lanes[hop] = nil }
    }
    waiting = 0
    hungry = []
    for destination in shelves.keys {
      shelves[destination]?.waiting = []
      shelves[destination]?.hasMore = false
      tidy(destination)
    }
  }

  // MARK: Bookkeeping

  @discardableResult
  private mutating func land(_ id: RecipientID) -> String? {
    guard let flight = inFlight.removeValue(forKey: id) else { return nil }
    shelves[flight.destination]?.flying -= 1
    return flight.destination
  }

  /// Whether a destination is hungry, and whether there is anything to remember of it.
  private mutating func tidy(_ destination: String) {
    guard let shelf = shelves[destination] else { return }
    if shelf.hasMore, shelf.waiting.count < Self.refillMark {
      hungry.insert(destination)
    } else {
      hungry.remove(destination)
    }
    if shelf.waiting.isEmpty, shelf.flying == 0, !shelf.hasMore { shelves[destination] = nil }
  }
}
