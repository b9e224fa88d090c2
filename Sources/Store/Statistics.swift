extension Store {
  /// Counts for the status page.
  public func statistics() async throws -> StoreStatistics {
    let (counts, logBytes) = (counts, checkpointer.logBytes)
    return try await read { reader in
      var result = StoreStatistics()
      let pageSize = try reader.database.pragma("page_size")
      result.databaseBytes = try reader.database.pragma("page_count") * pageSize
      result.freeBytes = try reader.database.pragma("freelist_count") * pageSize
      result.logBytes = logBytes
      (result.commits, result.closures) = counts
      (result.mailboxes, result.messages) =
        try reader.database.first("SELECT count(*), ifnull(sum(messages), 0) FROM mailbox WHERE account IS NOT NULL") {
          ($0.int(0), $0.int(1))
        } ?? (0, 0)
      result.waiting = try reader.waitingCounts()
      return result
    }
  }
}

public struct StoreStatistics: Hashable, Sendable {
  /// Bytes of the database file.
  public var databaseBytes = 0
  /// Bytes of the write-ahead log that hold commits.
  public var logBytes = 0
  /// Bytes of the database file that are free for reuse.
  public var freeBytes = 0
  /// Commits and closures since the store was opened.
  public var commits = 0
  public var closures = 0
  public var mailboxes = 0
  public var messages = 0
  public var waiting: [RecipientState: Int] = [:]

  public init() {}
}
