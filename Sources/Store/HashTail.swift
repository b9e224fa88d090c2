internal import Platform
internal import Synchronization

/// The newest entries of the `hash` index, in memory.
///
/// An index on random keys costs a page a message. So new hashes gather here (16 bytes each); when there are enough, they are
/// sorted and inserted in order, a few with each commit, so that neighbours share pages. `sequence.fold` moves after the last
/// slice: after a crash the tail is read again from the rows with newer ids, and a slice that was done is only repeated.
final class HashTail: Sendable {
  struct Item {
    let hash: Int64
    /// Of a body, or of an envelope.
    let id: Int64
  }

  /// How far the fold will have got when the batch is committed.
  struct Progress {
    let cursor: Int
    let isFinished: Bool
  }

  private struct State {
    var tail: [Int64: [Int64]] = [:]
    var count = 0
    /// The highest id that is or was in the tail.
    var highest: Int64 = 0
    /// Sorted, while they are being folded in.
    var folding: [Item] = []
    var cursor = 0
    /// What `sequence.fold` becomes after the last slice.
    var foldingMark: Int64 = 0
  }

  private let state = Mutex(State())
  private let limit: Int

  /// - Parameter limit: how many hashes gather before they are folded in.
  init(limit: Int = 60_000) { self.limit = limit }

  /// The first 8 bytes of a SHA-256.
  static func key(_ sha256: [UInt8]) -> Int64 {
    Int64(bitPattern: sha256.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// The key of a Message-ID: without angle brackets and the white space around them.
  static func key(messageID: String) -> Int64 { key(SHA256.hash(bareMessageID(messageID).utf8)) }

  static func bareMessageID(_ text: String) -> Substring {
    let isEdge: (Character) -> Bool = { $0.isWhitespace || $0 == "<" || $0 == ">" }
    var bare = text[...]
    while let first = bare.first, isEdge(first) { bare.removeFirst() }
    while let last = bare.last, isEdge(last) { bare.removeLast() }
    return bare
  }

  /// Adds what a commit has made durable.
  func add(_ items: [Item]) {
    guard !items.isEmpty else { return }
    state.withLock { state in
      for item in items {
        state.tail[item.hash, default: []].append(item.id)
        state.highest = max(state.highest, item.id)
      }
      state.count += items.count
      guard state.count >= limit, state.folding.isEmpty else { return }
      state.folding = state.tail.flatMap { hash, ids in ids.map { Item(hash: hash, id: $0) } }
        .sorted { ($0.hash, $0.id) < ($1.hash, $1.id) }
      state.foldingMark = state.highest
      state.cursor = 0
      state.tail.removeAll(keepingCapacity: true)
      state.count = 0
    }
  }

  /// Ids in the tail or in the fold with a hash; the index itself is asked besides.
  func ids(_ hash: Int64) -> [Int64] {
    state.withLock { state in
      var result = state.tail[hash] ?? []
      var low = 0
      var high = state.folding.count
      while low < high {
        let middle = (low + high) / 2
        if state.folding[middle].hash < hash { low = middle + 1 } else { high = middle }
      }
      while low < state.folding.count, state.folding[low].hash == hash {
        result.append(state.folding[low].id)
        low += 1
      }
      return result
    }
  }

  /// Whether a fold is under way.
  var isFolding: Bool { state.withLock { !$0.folding.isEmpty } }

  /// Inserts the next slice of the fold, inside the writer's transaction.
  /// - Returns: what to hand to ``advance(_:)`` after the commit; `nil` when there is nothing to fold.
  func fold(_ count: Int, into database: Database) throws -> Progress? {
    let (slice, end, mark) = state.withLock { state -> (ArraySlice<Item>, Int, Int64?) in
      let end = min(state.cursor + count, state.folding.count)
      return (state.folding[state.cursor..<end], end, end == state.folding.count ? state.foldingMark : nil)
    }
    guard !slice.isEmpty else { return nil }
    for item in slice {
      try database.run("INSERT OR IGNORE INTO hash VALUES(?, ?)", .int(item.hash), .int(item.id))
    }
    if let mark { try database.run("UPDATE sequence SET next = ? WHERE name = 'fold'", .int(mark)) }
    return Progress(cursor: end, isFinished: mark != nil)
  }

  func advance(_ progress: Progress) {
    state.withLock { state in
      state.cursor = progress.cursor
      if progress.isFinished {
        state.folding = []
        state.cursor = 0
      }
    }
  }

  /// Reads the tail again when the store is opened.
  func load(from database: Database) throws {
    let mark = Int64(try database.number("SELECT next FROM sequence WHERE name = 'fold'"))
    var items = try database.all("SELECT id, sha256 FROM body WHERE id > ?", .int(mark)) {
      Item(hash: Self.key($0.blob(1)), id: $0.int64(0))
    }
    try database.each(
      "SELECT id, message_id FROM envelope WHERE id > ? AND message_id IS NOT NULL", .int(mark)
    ) { items.append(Item(hash: Self.key(messageID: $0.text(1)), id: $0.int64(0))) }
    add(items)
  }
}
