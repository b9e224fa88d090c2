extension Transaction {
  public func mailbox(_ id: MailboxID) throws -> Mailbox? { throw StoreError.closed }

  public func mailbox(account: String, name: String) throws -> Mailbox? { throw StoreError.closed }

  /// The account's mailbox with a special use, the oldest if there are several.
  public func mailbox(account: String, specialUse: SpecialUse) throws -> Mailbox? { throw StoreError.closed }

  /// What all mailboxes of an account hold, including what this transaction has filed so far.
  public func usage(account: String) throws -> Usage { throw StoreError.closed }

  /// Makes a mailbox. Superiors that are missing are made too (RFC 9051 §6.3.4).
  ///
  /// Throws ``StoreError/mailboxExists(_:)``. Rules on names beyond "not empty, at most 1,000 bytes" are the caller's.
  public mutating func createMailbox(account: String, name: String, specialUse: SpecialUse? = nil) throws -> Mailbox {
    throw StoreError.closed
  }

  /// Renames a mailbox and its inferiors. Renaming `INBOX` moves its messages into a new mailbox and leaves it
  /// empty; its inferiors stay (RFC 9051 §6.3.6).
  public mutating func renameMailbox(account: String, from: String, to: String) throws { throw StoreError.closed }

  /// Deletes a mailbox with its messages, not its inferiors. `INBOX` cannot be deleted. The messages go in slices afterwards.
  public mutating func deleteMailbox(_ id: MailboxID) throws { throw StoreError.closed }

  /// Sets or takes away the special use.
  public mutating func setSpecialUse(_ id: MailboxID, _ use: SpecialUse?) throws { throw StoreError.closed }

  /// Subscribes to a name; there need not be a mailbox of that name.
  public mutating func subscribe(account: String, name: String) throws { throw StoreError.closed }

  public mutating func unsubscribe(account: String, name: String) throws { throw StoreError.closed }

  /// Makes the present messages no longer recent.
  /// - Returns: the UID from which on they were recent to the caller, or `nil` when none was.
  public mutating func takeRecent(_ mailbox: MailboxID) throws -> UID? { throw StoreError.closed }

  /// Deletes everything an account has: mailboxes, subscriptions, verifier, known addresses.
  public mutating func purge(account: String) throws { throw StoreError.closed }
}
