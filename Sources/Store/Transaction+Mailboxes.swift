extension Transaction {
  public func mailbox(_ id: MailboxID) throws -> Mailbox? { try core.mailbox(id) }

  public func mailbox(account: String, name: String) throws -> Mailbox? {
    guard let id = try mailboxID(account, canonicalName(name)) else { return nil }
    return try core.mailbox(id)
  }

  /// The account's mailbox with a special use, the oldest if there are several.
  public func mailbox(account: String, specialUse: SpecialUse) throws -> Mailbox? {
    let id: MailboxID? = try database.first(
      "SELECT id FROM mailbox WHERE account = ? AND special = ? ORDER BY id", .text(account),
      .text(specialUse.rawValue)
    ) { $0.id(0) }
    return try id.flatMap { try core.mailbox($0) }
  }

  /// What all mailboxes of an account hold, including what this transaction has filed so far.
  public func usage(account: String) throws -> Usage {
    var usage = try rows.usage(account: account)
    for changed in core.pending.mailboxes.values where changed.stored.account == account {
      usage.messages += changed.current.messages - changed.stored.messages
      usage.bytes += changed.current.bytes - changed.stored.bytes
    }
    return usage
  }

  /// Makes a mailbox. Superiors that are missing are made too (RFC 9051 §6.3.4).
  ///
  /// Throws ``StoreError/mailboxExists(_:)``. Rules on names beyond "not empty, at most 1,000 bytes" are the caller's.
  public mutating func createMailbox(account: String, name: String, specialUse: SpecialUse? = nil) throws -> Mailbox {
    let name = canonicalName(name)
    try checkName(name)
    guard try mailboxID(account, name) == nil else { throw StoreError.mailboxExists(name) }
    try createSuperiors(account, of: name)
    let id = MailboxID(try core.newID())
    let uidValidity = try core.newUIDValidity()
    try database.run(
      "INSERT INTO mailbox VALUES(?, ?, ?, ?, 1, 1, 0, 0, 0, 0, 1, ?, 0)", .id(id), .text(account), .text(name),
      .int(uidValidity), .optional(specialUse?.rawValue))
    core.pending.summary.accounts.insert(account)
    return try core.existingMailbox(id)
  }

  /// Renames a mailbox and its inferiors. Renaming `INBOX` moves its messages into a new mailbox and leaves it
  /// empty; its inferiors stay (RFC 9051 §6.3.6). Missing superiors of the new name are made.
  public mutating func renameMailbox(account: String, from: String, to: String) throws {
    let (from, to) = (canonicalName(from), canonicalName(to))
    guard let id = try mailboxID(account, from) else { throw StoreError.missing("mailbox \(from)") }
    guard try mailboxID(account, to) == nil else { throw StoreError.mailboxExists(to) }
    if from == inbox {
      let new = try createMailbox(account: account, name: to)
      try transferAll(id, to: new.id)
      return
    }
    let inside = from + String(Mailbox.separator)
    guard !to.hasPrefix(inside) else { throw StoreError.misuse("\(from) cannot be moved into itself") }
    try createSuperiors(account, of: to)
    try core.flush()
    for inferior in try rows.mailboxes(account: account) where inferior.name == from || inferior.name.hasPrefix(inside)
    {
      let name = to + inferior.name.dropFirst(from.count)
      if inferior.id != id, try mailboxID(account, name) != nil { throw StoreError.mailboxExists(name) }
      try checkName(name)
      try database.run("UPDATE mailbox SET name = ? WHERE id = ?", .text(name), .id(inferior.id))
      core.forgetMailbox(inferior.id)
    }
    core.pending.summary.accounts.insert(account)
  }

  /// Deletes a mailbox with its messages, not its inferiors. `INBOX` cannot be deleted. The messages go in slices
  /// afterwards.
  public mutating func deleteMailbox(_ id: MailboxID) throws {
    let mailbox = try core.existingMailbox(id)
    guard mailbox.name != inbox else { throw StoreError.misuse("INBOX cannot be deleted") }
    try removeMailbox(mailbox)
  }

  /// Sets or takes away the special use.
  public mutating func setSpecialUse(_ id: MailboxID, _ use: SpecialUse?) throws {
    let mailbox = try core.existingMailbox(id)
    try core.flush()
    try database.run("UPDATE mailbox SET special = ? WHERE id = ?", .optional(use?.rawValue), .id(id))
    core.forgetMailbox(id)
    core.pending.summary.accounts.insert(mailbox.account)
  }

  /// Subscribes to a name; there need not be a mailbox of that name.
  public mutating func subscribe(account: String, name: String) throws {
    let name = canonicalName(name)
    try checkName(name)
    try database.run("INSERT OR IGNORE INTO subscription VALUES(?, ?)", .text(account), .text(name))
    core.pending.summary.accounts.insert(account)
  }

  public mutating func unsubscribe(account: String, name: String) throws {
    try database.run(
      "DELETE FROM subscription WHERE account = ? AND name = ?", .text(account), .text(canonicalName(name)))
    core.pending.summary.accounts.insert(account)
  }

  /// Makes the present messages no longer recent.
  /// - Returns: the UID from which on they were recent to the caller, or `nil` when none was.
  public mutating func takeRecent(_ mailbox: MailboxID) throws -> UID? {
    var row = try core.existingMailbox(mailbox)
    guard row.recentFrom < row.uidNext else { return nil }
    let first = row.recentFrom
    row.recentFrom = row.uidNext
    try core.setMailbox(row)
    return first
  }

  /// Deletes everything an account has: mailboxes, subscriptions, verifier, known addresses. What it taught stays with
  /// everybody's counts.
  public mutating func purge(account: String) throws {
    try core.flush()
    for mailbox in try rows.mailboxes(account: account) { try removeMailbox(mailbox) }
    try database.run("DELETE FROM subscription WHERE account = ?", .text(account))
    try database.run("DELETE FROM verifier WHERE account = ?", .text(account))
    try database.run("DELETE FROM login WHERE account = ?", .text(account))
    try orphanLessons(of: account)
    core.pending.summary.accounts.insert(account)
  }

  // MARK: Parts

  /// Hides a mailbox at once; the reaper removes its rows.
  private mutating func removeMailbox(_ mailbox: Mailbox) throws {
    try core.flush()
    try database.run("UPDATE mailbox SET account = NULL, special = NULL WHERE id = ?", .id(mailbox.id))
    core.forgetMailbox(mailbox.id)
    core.pending.hasGarbage = true
    core.pending.summary.mailboxes[mailbox.id] = nil
    core.pending.summary.deletedMailboxes.insert(mailbox.id)
    core.pending.summary.accounts.insert(mailbox.account)
  }

  private mutating func createSuperiors(_ account: String, of name: String) throws {
    guard let slash = name.lastIndex(of: Mailbox.separator) else { return }
    let superior = canonicalName(String(name[..<slash]))
    if !superior.isEmpty, try mailboxID(account, superior) == nil {
      _ = try createMailbox(account: account, name: superior)
    }
  }

  private func mailboxID(_ account: String, _ name: String) throws -> MailboxID? {
    try database.first(
      "SELECT id FROM mailbox WHERE account = ? AND name = ?", .text(account), .text(name)
    ) { $0.id(0) }
  }

  private func checkName(_ name: String) throws {
    guard (1...1000).contains(name.utf8.count) else {
      throw StoreError.misuse("a mailbox name of \(name.utf8.count) bytes")
    }
  }
}

let inbox = "INBOX"

/// `INBOX` has no case (RFC 9051 §5.1); everything else has.
func canonicalName(_ name: String) -> String { equalKeywords(name, inbox) ? inbox : name }
