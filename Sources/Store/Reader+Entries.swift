internal import Platform

extension Reader {
  public func snapshot(_ mailbox: MailboxID) throws -> MailboxSnapshot? {
    guard let row = try self.mailbox(mailbox) else { return nil }
    var uids: [UID] = []
    var flags: [Flags] = []
    var modSeqs: [ModSeq] = []
    var contents: [ContentID] = []
    uids.reserveCapacity(row.messages)
    flags.reserveCapacity(row.messages)
    modSeqs.reserveCapacity(row.messages)
    contents.reserveCapacity(row.messages)
    try database.each(
      "SELECT uid, flags, modseq, content FROM entry WHERE mailbox = ? ORDER BY uid", .id(mailbox)
    ) {
      uids.append($0.uint32(0))
      flags.append(Flags(rawValue: $0.int64(1)))
      modSeqs.append($0.int64(2))
      contents.append($0.id(3))
    }
    return MailboxSnapshot(
      mailbox: row, keywords: try keywords(mailbox), uids: uids, flags: flags, modSeqs: modSeqs, contents: contents)
  }

  /// What happened after a modification sequence.
  /// - Parameter known: UIDs below it were there already.
  public func changes(_ mailbox: MailboxID, since: ModSeq, known: UID = 1) throws -> MailboxChanges? {
    guard let row = try self.mailbox(mailbox) else { return nil }
    // No index on the sequence: a scan of 10,000 narrow rows takes about a millisecond. Where only messages came, as is the
    // rule, nothing but them is looked at.
    let first = row.lastChange <= since ? known : 1
    let changed =
      row.highestModSeq <= since
      ? []
      : try database.all(
        "SELECT uid, flags, modseq FROM entry WHERE mailbox = ? AND uid >= ? AND modseq > ? ORDER BY uid",
        .id(mailbox), .int(first), .int(since)
      ) {
        EntryFlags(
          uid: $0.uint32(0), flags: Flags(rawValue: $0.int64(1)), modSeq: $0.int64(2))
      }
    return MailboxChanges(
      mailbox: row, keywords: try keywords(mailbox), changed: changed, expunged: try expunged(mailbox, since: since))
  }

  /// UIDs expunged after a modification sequence.
  public func expunged(_ mailbox: MailboxID, since: ModSeq) throws -> UIDSet {
    var result = UIDSet()
    try database.each(
      "SELECT uids FROM expunged WHERE mailbox = ? AND modseq > ?", .id(mailbox), .int(since)
    ) { row in
      guard let uids = UIDSet(encoded: row.blob(0)) else {
        throw StoreError.damaged("an expunged set of mailbox \(mailbox) cannot be read")
      }
      result = result.union(uids)
    }
    return result
  }

  /// Entries of a set, by ascending UID.
  public func entries(_ mailbox: MailboxID, _ uids: UIDSet) throws -> [Entry] {
    var result: [Entry] = []
    try each(mailbox, uids) {
      result.append($0)
      return true
    }
    return result
  }

  /// Calls a closure for each entry of a set, by ascending UID, until it says `false`.
  private func each(_ mailbox: MailboxID, _ uids: UIDSet, _ body: (Entry) throws -> Bool) throws {
    for span in uids.spans {
      var goesOn = true
      try database.eachWhile(
        """
        SELECT uid, flags, modseq, at, zone, size, content, prefix FROM entry
        WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid
        """, .id(mailbox), .int(span.lowerBound), .int(span.upperBound)
      ) { row in
        let entry = Self.entry(row)
        if uids.contains(entry.uid) { goesOn = try body(entry) }
        return goesOn
      }
      guard goesOn else { return }
    }
  }

  /// Flags alone, of the entries of a set, by ascending UID.
  public func flags(_ mailbox: MailboxID, _ uids: UIDSet) throws -> [EntryFlags] {
    var result: [EntryFlags] = []
    for span in uids.spans {
      try database.each(
        "SELECT uid, flags, modseq FROM entry WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid", .id(mailbox),
        .int(span.lowerBound), .int(span.upperBound)
      ) { row in
        let uid = row.uint32(0)
        guard uids.contains(uid) else { return }
        result.append(EntryFlags(uid: uid, flags: Flags(rawValue: row.int64(1)), modSeq: row.int64(2)))
      }
    }
    return result
  }

  /// Entries of a set with columns of their contents, by ascending UID. Ask for a few hundred at a time.
  public func fetch(_ mailbox: MailboxID, _ uids: UIDSet, _ columns: FetchColumns) throws -> [FetchedEntry] {
    var result: [FetchedEntry] = []
    try fetch(mailbox, uids, columns) {
      result.append($0)
      return true
    }
    return result
  }

  /// The same one after the other, until the closure says `false`.
  public func fetch(
    _ mailbox: MailboxID, _ uids: UIDSet, _ columns: FetchColumns, _ take: (FetchedEntry) throws -> Bool
  ) throws {
    let fromCard = columns.intersection(.card)
    guard !fromCard.isEmpty else {
      return try each(mailbox, uids) { entry in
        var fetched = FetchedEntry(entry)
        try complete(&fetched, columns, in: mailbox)
        return try take(fetched)
      }
    }
    for span in uids.spans {
      var goesOn = true
      // A column that is not asked for is not looked at: its overflow pages stay untouched.
      try database.eachWhile(
        """
        SELECT e.uid, e.flags, e.modseq, e.at, e.zone, e.size, e.content, e.prefix, k.facts,
          CASE WHEN ?4 & 1 THEN k.envelope END, CASE WHEN ?4 & 2 THEN k.bodystructure END,
          CASE WHEN ?4 & 16 THEN k.fields END
        FROM entry e LEFT JOIN card k ON k.id = (e.mailbox << 32 | e.uid)
        WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 ORDER BY e.uid
        """, .id(mailbox), .int(span.lowerBound), .int(span.upperBound), .int(fromCard.rawValue)
      ) { row in
        var fetched = FetchedEntry(Self.entry(row))
        guard uids.contains(fetched.entry.uid) else { return true }
        Self.takeCard(row, fromCard, into: &fetched)
        try complete(&fetched, columns, in: mailbox)
        goesOn = try take(fetched)
        return goesOn
      }
      guard goesOn else { return }
    }
  }

  /// Takes up what the columns of a card, from 8 on, have.
  private static func takeCard(_ row: Row, _ wanted: FetchColumns, into fetched: inout FetchedEntry) {
    guard !row.isNull(8) else { return }
    fetched.facts = row.int64(8)
    if wanted.contains(.envelope), !row.isNull(9) {
      fetched.columns.envelope = row.blob(9)
      fetched.loaded.insert(.envelope)
    }
    if wanted.contains(.bodyStructure), !row.isNull(10) {
      fetched.columns.bodyStructure = row.blob(10)
      fetched.loaded.insert(.bodyStructure)
    }
    if wanted.contains(.listedFields), !row.isNull(11) {
      fetched.columns.header = row.blob(11)
      fetched.loaded.insert(.listedFields)
    }
  }

  /// Reads those columns of an entry's content that are wanted and that it does not have yet.
  public func complete(_ fetched: inout FetchedEntry, _ wanted: FetchColumns, in mailbox: MailboxID) throws {
    var missing = wanted.subtracting(fetched.loaded)
    guard !missing.isEmpty else { return }
    if missing.contains(.listedFields) { missing.insert(.header) }
    let (content, prefix) = (fetched.entry.content, fetched.entry.prefix)
    let isThere: Bool? = try database.first(
      """
      SELECT c.id, c.body, c.header_size, c.body_size, c.facts,
        CASE WHEN ?2 & 1 THEN h.envelope END, CASE WHEN ?2 & 2 THEN h.bodystructure END,
        CASE WHEN ?2 & 4 THEN h.structure END, CASE WHEN ?2 & 8 THEN h.bytes END, p.bytes
      FROM content c JOIN header h ON h.id = c.id LEFT JOIN prefix p ON ?2 & 8 AND p.id = ?3 WHERE c.id = ?1
      """, .id(content), .int(missing.rawValue), .optional(prefix)
    ) { row in
      fetched.content = Self.content(row)
      fetched.facts = row.int64(4)
      if missing.contains(.envelope) { fetched.columns.envelope = row.blob(5) }
      if missing.contains(.bodyStructure) { fetched.columns.bodyStructure = row.blob(6) }
      if missing.contains(.structure) { fetched.columns.structure = row.blob(7) }
      if missing.contains(.header) {
        fetched.columns.header = row.blob(8)
        fetched.prefix = row.blob(9)
      }
      return true
    }
    guard isThere == true else {
      throw StoreError.damaged("message \(fetched.entry.uid) of mailbox \(mailbox) has no content")
    }
    fetched.loaded.formUnion(missing.contains(.header) ? missing.union(.listedFields) : missing)
  }

  private static func entry(_ row: Row) -> Entry {
    Entry(
      uid: row.uint32(0), flags: Flags(rawValue: row.int64(1)), modSeq: row.int64(2),
      internalDate: Moment(seconds: row.int64(3)), dateOffset: row.int(4), size: row.int(5), content: row.id(6),
      prefix: row.optionalID(7))
  }
}
