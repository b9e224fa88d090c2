public import Platform
internal import Synchronization

extension Store {
  /// Deletes envelopes (with recipients and trace) and refusals from before a moment, unless a recipient still waits.
  /// One slice of at most 10 ms.
  /// - Returns: whether there is more to delete; then call again.
  public func retire(before: Moment) async throws -> Bool {
    let after = retirement.withLock { $0 }
    let (last, hasRefusals) = try await write(.freeing) { transaction in
      try transaction.retireTransportSecurity(before: before)
      return (
        try transaction.retireEnvelopes(before: before, after: after), try transaction.retireRefusals(before: before)
      )
    }
    // Those that wait are left behind; the next run begins at the front again.
    retirement.withLock { $0 = last ?? 0 }
    return last != nil || hasRefusals
  }
}

extension Transaction {
  private static var slice: Int { 50 }

  /// - Returns: the last id that was looked at, if there may be more.
  mutating func retireEnvelopes(before: Moment, after: Int64) throws -> Int64? {
    let oldest = try database.all(
      "SELECT id, at, message_id FROM envelope WHERE id > ? ORDER BY id LIMIT ?", .int(after), .int(Self.slice)
    ) { (id: $0.int64(0), at: $0.int64(1), messageID: $0.optionalText(2)) }
    // Ids follow time: the first one that is young enough ends it.
    let old = oldest.prefix { $0.at < before.microseconds }
    for envelope in old {
      let waiting = try database.number(
        "SELECT count(*) FROM recipient WHERE envelope = ? AND state <= 2", .int(envelope.id))
      guard waiting == 0 else { continue }
      try database.run("DELETE FROM trace WHERE envelope = ?", .int(envelope.id))
      try database.run("DELETE FROM recipient WHERE envelope = ?", .int(envelope.id))
      try database.run("DELETE FROM envelope WHERE id = ?", .int(envelope.id))
      if let messageID = envelope.messageID {
        try database.run(
          "DELETE FROM hash WHERE hash = ? AND id = ?", .int(HashTail.key(messageID: messageID)), .int(envelope.id))
      }
    }
    return old.count == Self.slice ? old.last?.id : nil
  }

  /// - Returns: whether there may be more.
  mutating func retireRefusals(before: Moment) throws -> Bool {
    let oldest = try database.all("SELECT id, at FROM refusal ORDER BY id LIMIT ?", .int(Self.slice * 4)) {
      (id: $0.int64(0), at: $0.int64(1))
    }
    let old = oldest.prefix { $0.at < before.microseconds }
    guard let last = old.last else { return false }
    try database.run("DELETE FROM refusal WHERE id <= ?", .int(last.id))
    return old.count == Self.slice * 4
  }
}
