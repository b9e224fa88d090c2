internal import Platform
internal import Store

/// What goes out in one SMTP transaction: one content, for recipients of one envelope behind one next hop.
struct Batch: Sendable {
  /// What recipients must have in common for that.
  struct Key: Hashable, Sendable {
    let envelope: EnvelopeID
    let content: ContentID?
    let prefix: PrefixID?
    /// An alias or group sends it on: it may leave with a reverse-path of ours, which the others must not have.
    let isForwarded: Bool

    init(_ row: QueueRow) {
      (envelope, content, prefix) = (row.envelope.id, row.recipient.content, row.recipient.prefix)
      isForwarded = row.forwardedBy != nil
    }
  }

  let key: Key
  let envelope: StoredEnvelope
  var rows: [QueueRow]

  var content: ContentID? { key.content }
  var prefix: PrefixID? { key.prefix }
  var ids: [RecipientID] { rows.map(\.recipient.id) }
}

/// What waits in memory for one next hop. Where it serves several destinations, as a smart host does, they have their turns
/// one after the other, so that a thousand messages for one of them do not keep another's first waiting.
struct Backlog: Sendable {
  /// Connections that serve it, or are being opened.
  var couriers = 0
  /// Rows that wait.
  private(set) var count = 0
  private var batches: [Batch.Key: [QueueRow]] = [:]
  /// The batches of each destination, in their order.
  private var queues: [String: FIFO<Batch.Key>] = [:]
  /// Whose turn it is.
  private var turns = FIFO<String>()

  var isEmpty: Bool { batches.isEmpty }
  /// Transactions that wait, at least.
  var transactions: Int { batches.count }

  /// When the batch that goes next was, or is, due.
  var due: Moment? {
    turns.first.flatMap { queues[$0]?.first }.flatMap { batches[$0]?.first }.map { $0.recipient.due ?? $0.envelope.at }
  }

  mutating func add(_ row: QueueRow) {
    count += 1
    let key = Batch.Key(row)
    if batches[key]?.append(row) != nil { return }
    batches[key] = [row]
    let destination = Self.destination(row)
    if queues[destination]?.append(key) == nil {
      var queue = FIFO<Batch.Key>()
      queue.append(key)
      queues[destination] = queue
      turns.append(destination)
    }
  }

  /// The next batch, with at most so many recipients.
  mutating func take(limit: Int) -> Batch? {
    guard let destination = turns.popFirst(), let key = queues[destination]?.first, var rows = batches[key],
      let first = rows.first
    else { return nil }
    var batch = Batch(key: key, envelope: first.envelope, rows: rows)
    if rows.count > limit {
      batch.rows = Array(rows.prefix(limit))
      rows.removeFirst(limit)
      batches[key] = rows
    } else {
      batches[key] = nil
      _ = queues[destination]?.popFirst()
    }
    if queues[destination]?.isEmpty == true { queues[destination] = nil } else { turns.append(destination) }
    count -= batch.rows.count
    return batch
  }

  /// Rows of a batch that was taken and not sent: they go first again.
  mutating func putBack(_ key: Batch.Key, _ rows: [QueueRow]) {
    guard let first = rows.first else { return }
    count += rows.count
    if let others = batches[key] {
      batches[key] = rows + others
      return
    }
    batches[key] = rows
    let destination = Self.destination(first)
    if queues[destination]?.putBack(key) == nil {
      var queue = FIFO<Batch.Key>()
      queue.append(key)
      queues[destination] = queue
      turns.putBack(destination)
    }
  }

  /// Takes everything out.
  mutating func removeAll() -> [QueueRow] {
    let rows = batches.values.flatMap { $0 }
    (batches, queues, turns, count) = ([:], [:], FIFO(), 0)
    return rows
  }

  static func destination(_ row: QueueRow) -> String { row.recipient.destination ?? "" }
}
