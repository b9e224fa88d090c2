internal import Message
internal import Store

/// FETCH and UID FETCH (RFC 9051 §6.4.5).
///
///     uids ──▶ slice: rows of the store ─▶ text, on a reader thread ──▶ connection, as fast as the client reads ─┐
///               ▲                                                                                               │
///               └────────────────────────────────────────── the rest ──────────────────────────────────────────┘
///
/// A read transaction lasts for one slice or one piece of a large body; none is open while the client is waited for.
struct FetchCommand: SessionCommand {
  let request: FetchRequest

  func run(in session: Session) async throws -> Completion {
    let view = try session.requireView()
    var uids = try session.uids(request.set, isUID: request.isUID)
    if request.items.contains(.modSequence) { session.enableCondstore() }
    if let since = request.changedSince {
      uids = uids.intersection(try await session.changed(since: since, in: view.id))
    }
    let plan = FetchPlan(request.items, dialect: session.state.dialect)
    if plan.tellsFlags || plan.setsSeen {
      // Keywords that others have made since are announced before they are used.
      try await session.catchUp()
      session.writeNewKeywords()
    }
    let newlySeen = plan.setsSeen && !view.isReadOnly ? try await session.markSeen(uids) : UIDSet()
    let result = try await session.fetch(uids, plan, newlySeen: newlySeen)
    session.services.cards.want(UIDSet(result.withoutCard), of: view.id)
    try await session.catchUp()
    for (uid, modSeq) in result.told { session.view?.markTold(CollectionOfOne(uid), upTo: modSeq) }
    if result.metUnknownEncoding {
      return .no("A part has a transfer encoding that is not known", code: "UNKNOWN-CTE")
    }
    if result.metNoLeaf { return .no("BINARY can be asked of parts that have no parts of their own", code: "CANNOT") }
    if !request.isUID, result.count < uids.count {
      return .no("Some of the messages no longer exist", code: "EXPUNGEISSUED")
    }
    return .ok("That is all")
  }
}

/// What a FETCH came to.
private struct FetchResult {
  var count = 0
  var told: [(UID, ModSeq)] = []
  var withoutCard: [UID] = []
  var metUnknownEncoding = false
  var metNoLeaf = false

  mutating func add(_ slice: FetchedSlice) {
    withoutCard += slice.withoutCard
    count += slice.count
    told += slice.told
    metUnknownEncoding = metUnknownEncoding || slice.metUnknownEncoding
    metNoLeaf = metNoLeaf || slice.metNoLeaf
  }
}

extension Session {
  /// The messages with a greater mod-sequence.
  func changed(since: ModSeq, in mailbox: MailboxID) async throws -> UIDSet {
    let changes = try await services.store.read { try $0.changes(mailbox, since: since) }
    return UIDSet((changes?.changed ?? []).lazy.map(\.uid))
  }

  /// Sets `\Seen` (RFC 9051 §6.4.5), in one transaction, and only where it is not set.
  /// - Returns: the messages that were not seen before.
  fileprivate func markSeen(_ uids: UIDSet) async throws -> UIDSet {
    guard let mailbox = view?.id, !uids.isEmpty else { return UIDSet() }
    let unseen = try await services.store.read { reader in
      UIDSet(try reader.flags(mailbox, uids).lazy.filter { !$0.flags.contains(.seen) }.map(\.uid))
    }
    guard !unseen.isEmpty else { return UIDSet() }
    do {
      return try await services.flow.mailboxes.changeFlags(
        account: account, mailbox: mailbox, uids: unseen, .add, .seen
      ).changed
    } catch StoreError.diskFull {
      // The message can be read all the same.
      return UIDSet()
    }
  }

  fileprivate func fetch(_ uids: UIDSet, _ plan: FetchPlan, newlySeen: UIDSet) async throws -> FetchResult {
    var result = FetchResult()
    var rest = uids
    guard let view else { return result }
    let responder = FetchResponder(
      flow: services.flow, plan: plan, view: view, enabled: state.enabled, newlySeen: newlySeen)
    while !rest.isEmpty {
      let wanted = rest
      let slice = try await services.store.read { try responder.slice(wanted, $0) }
      result.add(slice)
      rest = slice.rest
      for piece in slice.pieces { try await send(piece) }
    }
    return result
  }

  // MARK: Streaming

  private func send(_ piece: FetchedSlice.Piece) async throws {
    switch piece {
    case .octets(let octets): try await send(octets)
    case .stored(let content, let prefix, let range, let keepingNUL):
      try await stream(content, prefix, range) { piece in
        if keepingNUL { self.writer.raw(piece) } else { self.writer.ready(piece) }
      }
    case .decoded(let content, let prefix, let part, let place, let wanted):
      guard var decoder = PartDecoder(part) else { throw incomplete(content) }
      var window = Window(wanted)
      try await stream(content, prefix, place) { self.writer.raw(window.take(decoder.decode($0))) }
      writer.raw(window.take(decoder.finish()))
      guard window.isComplete else { throw incomplete(content) }
    }
  }

  /// Reads a range of a message piece by piece, and sends what was written of each. A failure now leaves the client in the
  /// middle of a literal, from which there is no way back: the session ends.
  private func stream(
    _ content: ContentID, _ prefix: PrefixID?, _ range: Range<Int>, _ write: ([UInt8]) -> Void
  ) async throws {
    do {
      guard let message = try await services.store.open(content, prefix: prefix) else { throw incomplete(content) }
      var position = range.lowerBound
      while position < range.upperBound {
        let count = min(range.upperBound - position, FetchResponder.small)
        let piece = try await message.bytes(from: position, count: count)
        guard !piece.isEmpty else { throw incomplete(content) }
        position += piece.count
        write(piece)
        try await sendIfMuch()
      }
    } catch let error as StoreError {
      log.error("A message could not be read while it was being sent: \(error)")
      throw SessionEnd.silent
    }
  }

  private func incomplete(_ content: ContentID) -> SessionEnd {
    log.error("Content \(content) is shorter than the store says: run postroom fsck")
    return .silent
  }
}

/// Cuts a range out of pieces that follow each other.
private struct Window {
  private let wanted: Range<Int>
  private var position = 0
  private var taken = 0

  init(_ wanted: Range<Int>) { self.wanted = wanted }

  var isComplete: Bool { taken == wanted.count }

  mutating func take(_ piece: [UInt8]) -> ArraySlice<UInt8> {
    let lower = min(max(wanted.lowerBound - position, 0), piece.count)
    let upper = min(max(wanted.upperBound - position, lower), piece.count)
    position += piece.count
    taken += upper - lower
    return piece[lower..<upper]
  }
}
