extension Reader {
  /// An account's mailboxes by name.
  public func mailboxes(account: String) throws -> [Mailbox] {
    try database.all(
      """
      SELECT id, account, name, uidvalidity, uidnext, modseq, messages, unseen, deleted, bytes, recent, special, changed
      FROM mailbox WHERE account = ? ORDER BY name
      """, .text(account), row: Self.mailbox)
  }

  public func mailbox(_ id: MailboxID) throws -> Mailbox? {
    try database.first(
      """
      SELECT id, account, name, uidvalidity, uidnext, modseq, messages, unseen, deleted, bytes, recent, special, changed
      FROM mailbox WHERE id = ? AND account IS NOT NULL
      """, .id(id), row: Self.mailbox)
  }

  public func mailbox(account: String, name: String) throws -> Mailbox? {
    try database.first(
      """
      SELECT id, account, name, uidvalidity, uidnext, modseq, messages, unseen, deleted, bytes, recent, special, changed
      FROM mailbox WHERE account = ? AND name = ?
      """, .text(account), .text(canonicalName(name)), row: Self.mailbox)
  }

  /// Names an account has subscribed to; some may have no mailbox.
  public func subscriptions(account: String) throws -> [String] {
    try database.all("SELECT name FROM subscription WHERE account = ? ORDER BY name", .text(account)) { $0.text(0) }
  }

  public func usage(account: String) throws -> Usage {
    try database.first(
      "SELECT ifnull(sum(messages), 0), ifnull(sum(bytes), 0) FROM mailbox WHERE account = ?", .text(account)
    ) { Usage(messages: $0.int(0), bytes: $0.int(1)) } ?? Usage()
  }

  /// Accounts that have mailboxes.
  public func accounts() throws -> [String] {
    try database.all("SELECT DISTINCT account FROM mailbox WHERE account IS NOT NULL ORDER BY account") { $0.text(0) }
  }

  public func keywords(_ mailbox: MailboxID) throws -> Keywords {
    var keywords = Keywords()
    try database.each("SELECT number, name FROM keyword WHERE mailbox = ? ORDER BY number", .id(mailbox)) { row in
      let number = row.int(0)
      guard (0..<Flags.keywordLimit).contains(number) else { return }
      while keywords.names.count <= number { keywords.names.append(nil) }
      keywords.names[number] = row.text(1)
    }
    return keywords
  }

  private static func mailbox(_ row: Row) -> Mailbox {
    Mailbox(
      id: row.id(0), account: row.text(1), name: row.text(2), uidValidity: row.uint32(3), uidNext: row.uint32(4),
      highestModSeq: row.int64(5), lastChange: row.int64(12), messages: row.int(6), unseen: row.int(7),
      deleted: row.int(8), bytes: row.int(9),
      recentFrom: row.uint32(10), specialUse: row.optionalText(11).flatMap(SpecialUse.init(rawValue:)))
  }
}
