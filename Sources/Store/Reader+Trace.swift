internal import Platform

extension Reader {
  /// An envelope's steps in order.
  public func trace(of envelope: EnvelopeID) throws -> [TraceStep] {
    try database.all(
      """
      SELECT t.at, ifnull(r.address, t.recipient), t.state, t.stage, t.what, t.words FROM trace t
      LEFT JOIN recipient r ON r.envelope = t.envelope AND r.n = t.number WHERE t.envelope = ? ORDER BY t.n
      """, .id(envelope)
    ) { row in
      var step = TraceStep(
        at: Moment(microseconds: row.int64(0)), recipient: row.optionalText(1), stage: row.text(3), what: row.text(4),
        words: row.text(5))
      step.state = row.optionalInt64(2).flatMap { RecipientState(rawValue: Int($0)) }
      return step
    }
  }

  /// Envelopes that fit, the newest first.
  public func envelopes(matching query: TraceQuery) throws -> [StoredEnvelope] {
    var search = Search(query)
    if let messageID = query.messageID { try narrow(&search, toMessageID: messageID) }
    if let address = query.address {
      search.add(
        """
        (instr(lower(ifnull(sender, '')), ?1) OR
        EXISTS (SELECT 1 FROM recipient r WHERE r.envelope = envelope.id AND instr(lower(r.address), ?1)))
        """, .text(asciiLowercased(address)))
    }
    return try database.dynamic(
      """
      SELECT id, at, origin, content, sender, peer, helo, account, options, fingerprint, reply, message_id, subject,
      size FROM envelope \(search.clause) ORDER BY id DESC LIMIT \(max(query.limit, 0))
      """, search.values, row: Self.envelope)
  }

  /// Refusals that fit, the newest first.
  public func refusals(matching query: TraceQuery) throws -> [Refusal] {
    var search = Search(query)
    if let messageID = query.messageID {
      search.add("trim(ifnull(message_id, ''), '<> ') = ?1", .text(String(HashTail.bareMessageID(messageID))))
    }
    if let address = query.address {
      search.add(
        "(instr(lower(ifnull(sender, '')), ?1) OR instr(lower(ifnull(recipient, '')), ?1))",
        .text(asciiLowercased(address)))
    }
    return try database.dynamic(
      """
      SELECT at, peer, helo, sender, recipient, message_id, subject, stage, words, count FROM refusal
      \(search.clause) ORDER BY id DESC LIMIT \(max(query.limit, 0))
      """, search.values
    ) { row in
      Refusal(
        at: Moment(microseconds: row.int64(0)), peer: row.text(1), helo: row.optionalText(2),
        sender: row.optionalText(3), recipient: row.optionalText(4), messageID: row.optionalText(5),
        subject: row.optionalText(6), stage: row.text(7), words: row.text(8), count: row.int(9))
    }
  }

  /// By the hash index: the rows it names are few, and each is compared.
  private func narrow(_ search: inout Search, toMessageID messageID: String) throws {
    let key = HashTail.key(messageID: messageID)
    let found = try hashes.ids(key) + database.all("SELECT id FROM hash WHERE hash = ?", .int(key)) { $0.int64(0) }
    let ids = Set(found).sorted().map(String.init).joined(separator: ",")
    search.add(
      "id IN (\(ids)) AND trim(ifnull(message_id, ''), '<> ') = ?1",
      .text(String(HashTail.bareMessageID(messageID))))
  }
}

/// The conditions of a trace query in SQL.
private struct Search {
  private(set) var conditions: [String] = []
  private(set) var values: [Value] = []

  init(_ query: TraceQuery) {
    if let from = query.from { add("at >= ?1", .int(from.microseconds)) }
    if let until = query.until { add("at <= ?1", .int(until.microseconds)) }
    for word in query.subject { add("instr(lower(ifnull(subject, '')), ?1)", .text(asciiLowercased(word))) }
  }

  /// - Parameter condition: `?1` in it stands for the value.
  mutating func add(_ condition: String, _ value: Value) {
    values.append(value)
    conditions.append(
      condition.split(separator: "?1", omittingEmptySubsequences: false).joined(separator: "?\(values.count)"))
  }

  var clause: String { conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ") }
}

/// As SQLite's `lower()` does it.
private func asciiLowercased(_ text: String) -> String {
  String(decoding: text.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
}
