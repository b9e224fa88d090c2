extension Transaction {
  /// Files a message in a mailbox.
  public mutating func file(_ entry: NewEntry) throws -> Filed { throw StoreError.closed }

  /// Changes flags of the messages of a set that are there.
  /// - Parameters:
  ///   - flags: system flags; keyword bits are ignored.
  ///   - keywords: words. Unknown ones are added to the mailbox, except by `.remove`.
  ///   - unchangedSince: messages with a higher modification sequence fail, and stay as they are (RFC 7162 §3.1.3).
  public mutating func changeFlags(
    _ mailbox: MailboxID, _ uids: UIDSet, _ change: FlagChange, _ flags: Flags, keywords: [String] = [],
    unchangedSince: ModSeq? = nil
  ) throws -> FlagsChanged {
    throw StoreError.closed
  }

  /// Removes messages for good.
  /// - Parameter onlyDeleted: only those with `\Deleted`, as EXPUNGE and UID EXPUNGE do.
  public mutating func expunge(_ mailbox: MailboxID, _ uids: UIDSet = .all, onlyDeleted: Bool = true) throws -> Expunged
  {
    throw StoreError.closed
  }

  /// Copies messages with flags, keywords and internal date. Missing UIDs are skipped.
  public mutating func copy(_ source: MailboxID, _ uids: UIDSet, to destination: MailboxID) throws -> Copied {
    throw StoreError.closed
  }

  /// Moves messages; as ``copy(_:_:to:)``, and they leave the source in the same transaction (RFC 6851).
  public mutating func move(_ source: MailboxID, _ uids: UIDSet, to destination: MailboxID) throws -> Copied {
    throw StoreError.closed
  }
}
