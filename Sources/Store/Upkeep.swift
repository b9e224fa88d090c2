public import Platform

extension Store {
  /// Deletes envelopes (with recipients and trace) and refusals from before a moment, unless a recipient still waits.
  /// One slice of at most 10 ms.
  /// - Returns: whether there is more to delete; then call again.
  public func retire(before: Moment) async throws -> Bool { throw StoreError.closed }

  /// Copies the live database into a new file while mail flows. Everything committed before the call began is in it.
  /// - Returns: bytes of the copy.
  public func backup(to path: String) async throws -> Int { throw StoreError.closed }

  /// Puts a backup into an empty (or missing) folder. All mailboxes get a new UIDVALIDITY, because UIDs that were given
  /// out after the backup could be given out again. Queued recipients become held if `holdingQueue`, because they may have been
  /// sent since. Blocks.
  public static func restore(_ backup: String, into folder: String, holdingQueue: Bool = false) throws -> RestoreReport
  {
    throw StoreError.closed
  }

  /// Checks a database that no process has open. Blocks. Changes nothing.
  public static func check(folder: String) throws -> CheckReport { throw StoreError.closed }

  /// Checks the open database on a connection of its own, while mail flows.
  public func check() async throws -> CheckReport { throw StoreError.closed }

  /// Counts for the status page.
  public func statistics() async throws -> StoreStatistics { throw StoreError.closed }
}

public struct RestoreReport: Hashable, Sendable {
  public let messages: Int
  public let mailboxes: Int
  public let queued: Int
}

/// What ``Store/check()`` found.
public struct CheckReport: Hashable, Sendable {
  /// A sentence each; empty when all is well.
  public internal(set) var problems: [String] = []
  public internal(set) var mailboxes = 0
  public internal(set) var messages = 0
  public internal(set) var envelopes = 0
  public internal(set) var recipients: [RecipientState: Int] = [:]

  public var isSound: Bool { problems.isEmpty }
}

public struct StoreStatistics: Hashable, Sendable {
  /// Bytes of the database file.
  public var databaseBytes = 0
  /// Bytes of the write-ahead log.
  public var logBytes = 0
  /// Bytes of the database file that are free for reuse.
  public var freeBytes = 0
  /// Commits and closures since the store was opened.
  public var commits = 0
  public var closures = 0
  public var mailboxes = 0
  public var messages = 0
  public var waiting: [RecipientState: Int] = [:]
}
