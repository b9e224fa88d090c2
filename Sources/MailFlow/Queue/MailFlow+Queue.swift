public import Message
public import Platform
public import Store

extension MailFlow {
  /// Takes what is due from the queue, grouped so that one claim fits one SMTP transaction.
  ///
  /// Held recipients whose time has come are released on the way.
  /// - Parameters:
  ///   - limit: recipients at most.
  ///   - skipping: destinations for which nothing shall be taken now (a dead host, enough connections).
  public func claimDue(limit: Int, skipping: Set<String> = []) async throws -> [QueueClaim] {
    let now = clock.now()
    // Rows that others hold or that are skipped stand in the way of those behind them, so more are read than wanted.
    let margin = claims.count
    var wanted = limit + margin
    while true {
      let rows = try await store.read { [wanted] in try $0.due(by: now, limit: wanted) }
      let usable = rows.filter { row in
        !claims.isHeld(row.recipient.id) && !(row.recipient.destination.map(skipping.contains) ?? false)
      }
      if usable.count >= limit || rows.count < wanted || wanted > 100_000 {
        return try await claim(Array(usable.prefix(limit)))
      }
      wanted *= 4
    }
  }

  /// Takes what is queued for a destination, due or not: a connection is open, and what can go goes.
  public func claim(destination: String, limit: Int) async throws -> [QueueClaim] {
    let wanted = limit + claims.count
    let rows = try await store.read { try $0.queued(destination: destination, limit: wanted) }
    return try await claim(Array(rows.filter { !claims.isHeld($0.recipient.id) }.prefix(limit)))
  }

  /// When the next queued or held recipient is due; `nil` when none is.
  public func nextDue() async throws -> Moment? { try await store.read { try $0.nextDue() } }

  /// Opens what is to be sent: the trace fields of this host, the header section, the body.
  /// - Returns: `nil` if the content is gone.
  public func open(_ claim: QueueClaim) async throws -> StoredMessage? {
    try await store.open(claim.content, prefix: claim.prefix)
  }

  private struct Batch: Hashable {
    var envelope: EnvelopeID
    var destination: String
    var content: ContentID
    var prefix: PrefixID?
  }

  private func claim(_ rows: [QueueRow]) async throws -> [QueueClaim] {
    for row in rows where row.recipient.state == .held { try await releaseDue(row) }
    let queued = rows.filter { $0.recipient.state == .queued }
    let mine = claims.take(queued.map(\.recipient.id))
    var batches: [Batch: [QueueRow]] = [:]
    var order: [Batch] = []
    var broken: [RecipientID] = []
    for row in queued where mine.contains(row.recipient.id) {
      guard let content = row.recipient.content, EmailAddress(row.recipient.address) != nil else {
        broken.append(row.recipient.id)
        continue
      }
      let batch = Batch(
        envelope: row.envelope.id, destination: row.recipient.destination ?? "", content: content,
        prefix: row.recipient.prefix)
      if batches[batch] == nil { order.append(batch) }
      batches[batch, default: []].append(row)
    }
    claims.release(broken)
    do {
      var result: [QueueClaim] = []
      for batch in order { result.append(try await makeClaim(batch, batches[batch] ?? [])) }
      return result
    } catch {
      claims.release(mine)
      throw error
    }
  }

  private func makeClaim(_ batch: Batch, _ rows: [QueueRow]) async throws -> QueueClaim {
    let stored = try await store.read { try $0.content(batch.content) }
    let recipients = rows.compactMap { row -> ClaimedRecipient? in
      guard let address = EmailAddress(row.recipient.address) else { return nil }
      let options = RecipientOptions(row.recipient.options)
      return ClaimedRecipient(
        id: row.recipient.id, address: address, notify: options.notify, original: options.original,
        attempts: row.recipient.attempts)
    }
    return QueueClaim(
      id: batch.envelope, envelope: rows.first.map { Envelope($0.envelope) } ?? .nobody, content: batch.content,
      prefix: batch.prefix, facts: ContentFacts(rawValue: stored?.facts ?? 0), destination: batch.destination,
      recipients: recipients, claims: claims)
  }
}

extension Envelope {
  /// Stands for an envelope that cannot be, where the type system asks for one.
  fileprivate static var nobody: Envelope {
    Envelope(origin: .mx, reversePath: nil, recipients: [], receivedAt: Moment(microseconds: 0))
  }
}
