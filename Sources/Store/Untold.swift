public import Platform

/// A recipient that failed and whose sender was not told, because nobody knows whether it is the sender's.
public struct Untold: Hashable, Sendable {
  public let id: RecipientID
  public let at: Moment
  /// Who gets a summary: the address of ours behind which the recipient was.
  public let owner: String
}

extension Reader {
  /// Those that no summary has named yet, the oldest first.
  public func untold(limit: Int) throws -> [Untold] {
    try database.all("SELECT envelope, n, at, owner FROM untold ORDER BY envelope, n LIMIT ?", .int(limit)) {
      Untold(id: Self.recipientID($0), at: Moment(microseconds: $0.int64(2)), owner: $0.text(3))
    }
  }
}

extension Transaction {
  public mutating func noteUntold(_ id: RecipientID, at: Moment, owner: String) throws {
    try database.run(
      "INSERT OR IGNORE INTO untold VALUES(?, ?, ?, ?)", .id(id.envelope), .int(id.number), .int(at.microseconds),
      .text(owner))
  }

  /// A summary has named them.
  public mutating func removeUntold(_ ids: [RecipientID]) throws {
    for id in ids {
      try database.run("DELETE FROM untold WHERE envelope = ? AND n = ?", .id(id.envelope), .int(id.number))
    }
  }
}
