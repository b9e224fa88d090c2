internal import Message
internal import Platform
public import Store

/// What administrators do with mail that waits: the queue proper, what is held, and the quarantine.
///
/// Every change is a state and a trace row in one transaction, with the name of whoever asked for it. Errors are
/// ``QueueError`` or the store's.
public struct QueueService: Sendable {
  let flow: MailFlow

  /// Waiting recipients, the oldest first. With `.quarantined` as the filter's state it lists the quarantine.
  public func list(_ filter: QueueFilter = QueueFilter()) async throws -> [QueueListing] {
    try await flow.store.read { try $0.waiting(filter) }.map(QueueListing.init)
  }

  /// One waiting recipient with its header section and its journey.
  public func show(_ id: RecipientID) async throws -> QueueDetail {
    var filter = QueueFilter(envelope: id.envelope)
    filter.limit = 10_000
    let rows = try await flow.store.read { [filter] in try $0.waiting(filter) }
    guard let row = rows.first(where: { $0.recipient.id == id }) else { throw QueueError.notThere(id) }
    let columns = try await flow.store.read { reader in
      try row.recipient.content.flatMap { try reader.columns(of: $0, [.header, .structure]) }
    }
    guard let journey = try await flow.journey(of: id.envelope) else { throw QueueError.notThere(id) }
    let attachments = columns.flatMap { MIMEStructure(encoded: $0.structure) }?.attachments ?? []
    return QueueDetail(
      listing: QueueListing(row), header: Self.lines(HeaderSection(columns?.header ?? [])),
      attachments: attachments.map { displayable($0.fileName ?? $0.type, limit: 255) }, journey: journey)
  }

  /// Makes queued recipients due now.
  public func retry(_ id: RecipientID, by actor: String) async throws {
    flow.changes.retryAsked()
    try await change(id, from: [.queued], "queued", "to be tried now, asked by \(actor)") { row, now in
      row.due = now
    }
  }

  /// Makes everything due now that is queued, for one destination or for all. Returns how many there were.
  @discardableResult
  public func retryAll(destination: String? = nil, by actor: String) async throws -> Int {
    var filter = QueueFilter(state: .queued, destination: destination, limit: 500)
    var count = 0
    while true {
      let rows = try await flow.store.read { [filter] in try $0.waiting(filter) }
      for row in rows where row.recipient.attempting == nil {
        do {
          try await retry(row.recipient.id, by: actor)
          count += 1
        } catch is QueueError {
          // It was settled between the listing and now, which is as good.
        }
      }
      guard let last = rows.last, rows.count == filter.limit else { return count }
      filter.after = last.recipient.id
    }
  }

  /// Keeps a queued recipient until it is released.
  public func hold(_ id: RecipientID, by actor: String) async throws {
    try await change(id, from: [.queued], "held", "held by \(actor)") { row, _ in
      row.state = .held
      row.due = nil
      row.said = "held by \(actor)"
    }
  }

  /// Lets a held or quarantined recipient go; see ``MailFlow/release(_:by:)``.
  @discardableResult
  public func release(_ id: RecipientID, by actor: String) async throws -> RecipientState {
    try await flow.release(id, by: actor)
  }

  /// The same for many at once; gives those that stayed as they were, and why. Hosts that did not answer before are tried at
  /// once.
  public func release(_ ids: [RecipientID], by actor: String) async -> [RecipientID: any Error] {
    flow.changes.retryAsked()
    return await flow.release(ids, by: actor)
  }

  /// Drops a waiting recipient for good. Nobody is told.
  public func delete(_ id: RecipientID, by actor: String) async throws {
    try await change(id, from: [.queued, .held, .quarantined], "discarded", "deleted by \(actor)", .freeing) { row, _ in
      row.state = .discarded
      row.due = nil
    }
  }

  private func change(
    _ id: RecipientID, from states: Set<RecipientState>, _ what: String, _ words: String,
    _ purpose: Store.Purpose = .adding, _ edit: @escaping @Sendable (inout Recipient, Moment) -> Void
  ) async throws {
    let now = flow.clock.now()
    let words = displayable(words, limit: 500)
    try await flow.store.write(purpose) { transaction in
      guard let current = try transaction.recipient(id) else { throw QueueError.notThere(id) }
      guard states.contains(current.state) else { throw QueueError.wrongState(id, current.state) }
      // After the final dot nobody can call it back; before it, the attempt's end would contradict the change.
      guard current.attempting == nil else { throw QueueError.underWay(id) }
      let step = TraceStep(
        at: now, recipient: current.address, stage: Stage.administration, what: what, words: words)
      try transaction.update(id, trace: step) { edit(&$0, now) }
    }
  }

  private static func lines(_ header: HeaderSection) -> [String] {
    header.prefix(500).map { field in
      field.name.isEmpty
        ? displayable(field.unfolded, limit: 1000)
        : "\(displayable(field.nameText, limit: 80)): \(displayable(field.text, limit: 1000))"
    }
  }
}

extension MailFlow {
  /// The queue, what is held, and the quarantine.
  public var queue: QueueService { QueueService(flow: self) }
}
