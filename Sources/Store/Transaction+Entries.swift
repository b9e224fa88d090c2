internal import Platform

extension Transaction {
  /// Files a message in a mailbox.
  public mutating func file(_ entry: NewEntry) throws -> Filed {
    var mailbox = try core.existingMailbox(entry.mailbox)
    guard let content = try storedContent(entry.content) else {
      throw StoreError.missing("content \(entry.content)")
    }
    let size = try content.size + (entry.prefix.map { try prefixSize($0) } ?? 0)
    var flags = entry.flags.intersection(.system)
    if !entry.keywords.isEmpty { flags.formUnion(try keywordBits(entry.keywords, of: mailbox.id, adding: true)) }
    let uid = try mailbox.takeUID()
    mailbox.highestModSeq += 1
    mailbox.count(flags, size: size)
    try insertRow(
      mailbox.id,
      Entry(
        uid: uid, flags: flags, modSeq: mailbox.highestModSeq, internalDate: entry.internalDate,
        dateOffset: entry.dateOffset, size: size, content: content.id, prefix: entry.prefix))
    core.retain(content: content.id, prefix: entry.prefix)
    try core.setMailbox(mailbox)
    return Filed(
      mailbox: mailbox.id, uidValidity: mailbox.uidValidity, uid: uid, modSeq: mailbox.highestModSeq)
  }

  /// Removes messages for good.
  /// - Parameter onlyDeleted: only those with `\Deleted`, as EXPUNGE and UID EXPUNGE do.
  public mutating func expunge(
    _ mailbox: MailboxID, _ uids: UIDSet = .all, onlyDeleted: Bool = true
  ) throws -> Expunged {
    let row = try core.existingMailbox(mailbox)
    var leaving: [Entry] = []
    // Deleting looks at every row: spare that where the counter says that there is nothing.
    if !onlyDeleted || row.deleted > 0 {
      leaving = try rows.entries(mailbox, uids).filter { !onlyDeleted || $0.flags.contains(.deleted) }
    }
    return try remove(leaving, from: row)
  }

  /// Copies messages with flags, keywords and internal date. Missing UIDs are skipped.
  public mutating func copy(_ source: MailboxID, _ uids: UIDSet, to destination: MailboxID) throws -> Copied {
    try copyEntries(try rows.entries(source, uids), from: source, to: destination)
  }

  /// Moves messages; as ``copy(_:_:to:)``, and they leave the source in the same transaction (RFC 6851).
  public mutating func move(_ source: MailboxID, _ uids: UIDSet, to destination: MailboxID) throws -> Copied {
    let entries = try rows.entries(source, uids)
    let copied = try copyEntries(entries, from: source, to: destination)
    // Read again: source and destination may be one mailbox.
    let expunged = try remove(entries, from: try core.existingMailbox(source))
    return Copied(
      uidValidity: copied.uidValidity, source: copied.source, destination: copied.destination,
      expungedModSeq: expunged.modSeq)
  }

  // MARK: Parts

  /// Moves all of `INBOX` when it is renamed.
  mutating func transferAll(_ source: MailboxID, to destination: MailboxID) throws {
    _ = try move(source, .all, to: destination)
  }

  private mutating func copyEntries(
    _ entries: [Entry], from source: MailboxID, to destination: MailboxID
  ) throws -> Copied {
    _ = try core.existingMailbox(source)
    var mailbox = try core.existingMailbox(destination)
    let translation = try keywordTranslation(entries, from: source, to: destination)
    var uids: [UID] = []
    if !entries.isEmpty { mailbox.highestModSeq += 1 }
    for entry in entries {
      let flags = translation(entry.flags)
      let uid = try mailbox.takeUID()
      mailbox.count(flags, size: entry.size)
      try insertRow(
        destination,
        Entry(
          uid: uid, flags: flags, modSeq: mailbox.highestModSeq, internalDate: entry.internalDate,
          dateOffset: entry.dateOffset, size: entry.size, content: entry.content, prefix: entry.prefix))
      core.retain(content: entry.content, prefix: entry.prefix)
      uids.append(uid)
    }
    if !entries.isEmpty { try core.setMailbox(mailbox) }
    return Copied(
      uidValidity: mailbox.uidValidity, source: entries.map(\.uid), destination: uids, expungedModSeq: nil)
  }

  /// Removes entries that are there, with one row of `expunged` for all of them.
  private mutating func remove(_ entries: [Entry], from row: Mailbox) throws -> Expunged {
    var mailbox = row
    let uids = UIDSet(entries.map(\.uid))
    guard !uids.isEmpty else { return Expunged(uids: uids, modSeq: mailbox.highestModSeq) }
    mailbox.highestModSeq += 1
    for entry in entries {
      try database.run("DELETE FROM entry WHERE mailbox = ? AND uid = ?", .id(mailbox.id), .int(entry.uid))
      try core.letGo(content: entry.content, prefix: entry.prefix, mailbox: mailbox.id, uid: entry.uid)
      mailbox.uncount(entry.flags, size: entry.size)
    }
    try database.run(
      "INSERT INTO expunged VALUES(?, ?, ?)", .id(mailbox.id), .int(mailbox.highestModSeq), .blob(uids.encoded()))
    try core.setMailbox(mailbox)
    return Expunged(uids: uids, modSeq: mailbox.highestModSeq)
  }

  private func insertRow(_ mailbox: MailboxID, _ entry: Entry) throws {
    try database.run(
      "INSERT INTO entry VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", .id(mailbox), .int(entry.uid), .id(entry.content),
      .optional(entry.prefix), .int(entry.modSeq), .int(entry.flags.rawValue), .int(entry.internalDate.seconds),
      .int(entry.dateOffset), .int(entry.size))
  }
}

extension Mailbox {
  mutating func takeUID() throws -> UID {
    // The highest number stays free, so that there always is a next UID to announce.
    guard uidNext < .max else { throw StoreError.mailboxFull(id) }
    defer { uidNext += 1 }
    return uidNext
  }

  mutating func count(_ flags: Flags, size: Int) {
    messages += 1
    bytes += size
    if !flags.contains(.seen) { unseen += 1 }
    if flags.contains(.deleted) { deleted += 1 }
  }

  mutating func uncount(_ flags: Flags, size: Int) {
    messages -= 1
    bytes -= size
    if !flags.contains(.seen) { unseen -= 1 }
    if flags.contains(.deleted) { deleted -= 1 }
  }

  mutating func recount(from old: Flags, to new: Flags) {
    if old.contains(.seen) != new.contains(.seen) { unseen += new.contains(.seen) ? -1 : 1 }
    if old.contains(.deleted) != new.contains(.deleted) { deleted += new.contains(.deleted) ? 1 : -1 }
  }
}
