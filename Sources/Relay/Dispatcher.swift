internal import Platform
internal import Store

/// What goes out in one SMTP transaction: one content, for recipients of one envelope behind one next hop.
struct Batch: Sendable {
  let envelope: StoredEnvelope
  let content: ContentID?
  let prefix: PrefixID?
  var rows: [QueueRow]

  var ids: [RecipientID] { rows.map(\.recipient.id) }
}

/// Decides which waiting recipients go when, over which connections. Pure: rows in, batches out.
///
///     due rows ──offer──▶ backlog by next hop ──next(for:)──▶ in flight ──settled──▶ (gone, or due again later)
///                              │
///                              └─courierToStart: a connection more, while the book has places
///
/// A row is in at most one of backlog and flight, so no recipient is ever tried twice at once. The backlog is bounded;
/// what does not fit stays in the database, where it is due already, and is read again when there is room.
struct Dispatcher: Sendable {
  /// Rows kept in memory for one next hop.
  static let backlogPerHop = 500
  /// RFC 5321 §4.5.3.1.8: every server takes 100 recipients.
  static let recipientsPerTransaction = 100

  private struct Lane: Sendable {
    var rows: [QueueRow] = []
    var couriers = 0
  }

  var book: DestinationBook
  private var lanes: [String: Lane] = [:]
  /// What tells a row from itself after a change that makes it due again.
  private struct Version: Hashable, Sendable {
    var due: Moment?
    var attempts: Int

    init(_ recipient: Recipient) { (due, attempts) = (recipient.due, recipient.attempts) }
  }

  /// Rows in a backlog or in flight.
  private var known: Set<RecipientID> = []
  /// Rows in flight, as they were when they took off.
  private var inFlight: [RecipientID: Version] = [:]
  /// Those of them that were offered once more since, changed: they are due again although nobody has said that they
  /// have landed.
  private var changed: Set<RecipientID> = []

  init(limits: DestinationBook.Limits) { book = DestinationBook(limits: limits) }

  var isIdle: Bool { known.isEmpty }
  var flying: Int { inFlight.count }
  var waiting: Int { known.count - inFlight.count }

  /// Whether a row is in the backlog or in flight.
  func knows(_ id: RecipientID) -> Bool { known.contains(id) }

  /// Whether anything of a hop is remembered.
  func uses(_ hop: String) -> Bool { lanes[hop] != nil || book.remembers(hop) }

  /// Takes a due row in. `false`: it is known already, or there is no room for it now.
  mutating func offer(_ row: QueueRow, hop: String) -> Bool {
    if let version = inFlight[row.recipient.id], version != Version(row.recipient) {
      changed.insert(row.recipient.id)
    }
    guard !known.contains(row.recipient.id) else { return false }
    guard (lanes[hop]?.rows.count ?? 0) < Self.backlogPerHop else { return false }
    lanes[hop, default: Lane()].rows.append(row)
    known.insert(row.recipient.id)
    return true
  }

  /// The next hop that deserves a connection more, with the place for it taken. `nil`: none does, or all places are taken.
  ///
  /// Hops with the fewest connections come first, so a destination with thousands of messages does not keep one with a
  /// single message waiting. A hop gets another connection only while it has more messages than connections.
  mutating func courierToStart() -> String? {
    let wanting = lanes.filter { _, lane in lane.rows.count > lane.couriers && !lane.rows.isEmpty }
    let inOrder = wanting.sorted { a, b in
      (a.value.couriers, a.value.rows[0].recipient.due ?? a.value.rows[0].envelope.at, a.key)
        < (b.value.couriers, b.value.rows[0].recipient.due ?? b.value.rows[0].envelope.at, b.key)
    }
    for (hop, _) in inOrder where book.take(hop) {
      lanes[hop]?.couriers += 1
      return hop
    }
    return nil
  }

  /// The next transaction for a courier, now in flight. `nil`: nothing waits for its hop any more.
  mutating func next(for hop: String) -> Batch? {
    guard var lane = lanes[hop], let first = lane.rows.first else { return nil }
    var batch = Batch(
      envelope: first.envelope, content: first.recipient.content, prefix: first.recipient.prefix, rows: [])
    var rest: [QueueRow] = []
    rest.reserveCapacity(lane.rows.count)
    for row in lane.rows {
      let belongs =
        row.envelope.id == batch.envelope.id && row.recipient.content == batch.content
        && row.recipient.prefix == batch.prefix && batch.rows.count < Self.recipientsPerTransaction
      if belongs { batch.rows.append(row) } else { rest.append(row) }
    }
    lane.rows = rest
    lanes[hop] = lane
    for row in batch.rows { inFlight[row.recipient.id] = Version(row.recipient) }
    return batch
  }

  /// Everything that waits for a hop, now in flight: its host is dead, and all of it is postponed together.
  mutating func drain(_ hop: String) -> [Batch] {
    var batches: [Batch] = []
    while let batch = next(for: hop) { batches.append(batch) }
    return batches
  }

  /// The rows have a new state in the database, or were given up on. `true`: one of them has become due again before this
  /// was known, and must be read again; nothing else would.
  mutating func settled(_ ids: [RecipientID]) -> Bool {
    for id in ids { inFlight[id] = nil }
    known.subtract(ids)
    defer { changed.subtract(ids) }
    return !changed.isDisjoint(with: ids)
  }

  /// A courier has ended; its place is free.
  mutating func courierEnded(_ hop: String) {
    book.giveBack(hop)
    guard var lane = lanes[hop] else { return }
    lane.couriers = max(lane.couriers - 1, 0)
    lanes[hop] = lane.couriers == 0 && lane.rows.isEmpty ? nil : lane
  }

  /// Forgets what waits and is not in flight: routes have changed, and the rows are read again.
  mutating func forgetBacklog() {
    for (hop, lane) in lanes {
      known.subtract(lane.rows.map(\.recipient.id))
      lanes[hop]?.rows = []
      if lane.couriers == 0 { lanes[hop] = nil }
    }
  }
}
