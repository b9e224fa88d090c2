public import Platform

extension Reader {
  /// Recipients that are queued, or held with a time, and due by then; the earliest first.
  public func due(by: Moment, limit: Int) throws -> [QueueRow] {
    let ids: [RecipientID] = try database.all(
      """
      SELECT envelope, n FROM recipient WHERE state <= 1 AND due IS NOT NULL AND due <= ?
      ORDER BY due, envelope, n LIMIT ?
      """, .int(by.microseconds), .int(limit), row: Self.recipientID)
    return try rows(ids)
  }

  /// Queued recipients for a destination, the earliest due first.
  public func queued(destination: String, limit: Int) throws -> [QueueRow] {
    let ids: [RecipientID] = try database.all(
      "SELECT envelope, n FROM recipient WHERE state = 0 AND destination = ? ORDER BY due LIMIT ?",
      .text(destination), .int(limit), row: Self.recipientID)
    return try rows(ids)
  }

  /// When the next queued recipient, or one held with a time, is due; it may be past.
  public func nextDue() throws -> Moment? {
    try database.first(
      "SELECT due FROM recipient WHERE state <= 1 AND due IS NOT NULL ORDER BY due LIMIT 1"
    ) { Moment(microseconds: $0.int64(0)) }
  }

  /// Waiting recipients, the oldest first.
  public func waiting(_ filter: QueueFilter) throws -> [QueueRow] {
    var conditions = ["r.state <= 2"]
    var values: [Value] = []
    func add(_ condition: String, _ value: Value?) {
      guard let value else { return }
      conditions.append(condition)
      values.append(value)
    }
    add("r.state = ?", filter.state.map { .int($0.rawValue) })
    add("r.address = ? COLLATE NOCASE", filter.recipient.map { .text($0) })
    add("ifnull(e.sender, '') = ? COLLATE NOCASE", filter.sender.map { .text($0) })
    add("r.destination = ? COLLATE NOCASE", filter.destination.map { .text($0) })
    add("e.account = ?", filter.account.map { .text($0) })
    add("r.envelope = ?", filter.envelope.map { .id($0) })
    add("e.at <= ?", filter.acceptedBy.map { .int($0.microseconds) })
    // `lower` of SQLite knows ASCII only, which is what servers say.
    add("instr(lower(ifnull(r.said, '')), lower(?)) > 0", filter.reason.map { .text($0) })
    if let after = filter.after {
      conditions.append("(r.envelope, r.n) > (?, ?)")
      values += [.id(after.envelope), .int(after.number)]
    }
    values.append(.int(filter.limit))
    let ids = try database.dynamic(
      """
      SELECT r.envelope, r.n FROM recipient r JOIN envelope e ON e.id = r.envelope
      WHERE \(conditions.joined(separator: " AND ")) ORDER BY r.envelope, r.n LIMIT ?
      """, values, row: Self.recipientID)
    return try rows(ids)
  }

  /// How many recipients wait, by state.
  public func waitingCounts() throws -> [RecipientState: Int] {
    var counts: [RecipientState: Int] = [:]
    try database.each("SELECT state, count(*) FROM recipient WHERE state <= 2 GROUP BY state") { row in
      if let state = RecipientState(rawValue: row.int(0)) { counts[state] = row.int(1) }
    }
    return counts
  }

  /// Recipients whose attempt began and did not end: after a start, their outcome is uncertain.
  public func attempting() throws -> [QueueRow] {
    try rows(
      database.all(
        "SELECT envelope, n FROM recipient WHERE state <= 2 AND attempting IS NOT NULL ORDER BY envelope, n",
        row: Self.recipientID))
  }

  /// The envelope with which a content came in; `nil` for one that was appended. Ids grow, and an envelope's is given soon
  /// after its content's, so that no index is needed.
  public func envelope(bringing content: ContentID) throws -> EnvelopeID? {
    try database.first(
      "SELECT id FROM envelope WHERE id > ?1 AND id < ?1 + 1000 AND content = ?1", .id(content)
    ) { $0.id(0) }
  }

  public func envelope(_ id: EnvelopeID) throws -> StoredEnvelope? {
    try database.first(
      """
      SELECT id, at, origin, content, sender, peer, helo, account, options, fingerprint, reply, message_id, subject,
      size FROM envelope WHERE id = ?
      """, .id(id), row: Self.envelope)
  }

  public func recipient(_ id: RecipientID) throws -> Recipient? {
    try database.first(
      """
      SELECT envelope, n, address, state, due, destination, attempts, attempting, said, options, content, prefix
      FROM recipient WHERE envelope = ? AND n = ?
      """, .id(id.envelope), .int(id.number), row: Self.recipient)
  }

  public func recipients(of envelope: EnvelopeID) throws -> [Recipient] {
    try database.all(
      """
      SELECT envelope, n, address, state, due, destination, attempts, attempting, said, options, content, prefix
      FROM recipient WHERE envelope = ? ORDER BY n
      """, .id(envelope), row: Self.recipient)
  }

  // MARK: Rows

  func rows(_ ids: [RecipientID]) throws -> [QueueRow] {
    var envelopes: [EnvelopeID: StoredEnvelope] = [:]
    return try ids.compactMap { id in
      guard let envelope = try envelopes[id.envelope] ?? self.envelope(id.envelope),
        let recipient = try self.recipient(id)
      else { return nil }
      envelopes[id.envelope] = envelope
      return QueueRow(envelope: envelope, recipient: recipient)
    }
  }

  static func recipientID(_ row: Row) -> RecipientID { RecipientID(row.id(0), row.int(1)) }

  static func envelope(_ row: Row) -> StoredEnvelope {
    StoredEnvelope(
      id: row.id(0), at: Moment(microseconds: row.int64(1)), origin: row.text(2), content: row.optionalID(3),
      sender: row.optionalText(4), peer: row.optionalText(5), helo: row.optionalText(6), account: row.optionalText(7),
      options: row.blob(8), fingerprint: row.optionalInt64(9), reply: ReplyOutcome(rawValue: row.int(10)) ?? .pending,
      messageID: row.optionalText(11), subject: row.optionalText(12), size: row.int(13))
  }

  private static func recipient(_ row: Row) throws -> Recipient {
    guard let state = RecipientState(rawValue: row.int(3)) else {
      throw StoreError.damaged("recipient \(recipientID(row)) is in the unknown state \(row.int(3))")
    }
    return Recipient(
      id: recipientID(row), address: row.text(2), state: state,
      due: row.optionalInt64(4).map { Moment(microseconds: $0) },
      destination: row.optionalText(5), attempts: row.int(6),
      attempting: row.optionalInt64(7).map { Moment(microseconds: $0) },
      said: row.optionalText(8), options: row.blob(9), content: row.optionalID(10), prefix: row.optionalID(11))
  }
}
