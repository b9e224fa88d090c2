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
  public func changes(_ mailbox: MailboxID, since: ModSeq) throws -> MailboxChanges? {
    guard let row = try self.mailbox(mailbox) else { return nil }
    // No index on the sequence: a scan of 10,000 narrow rows takes about a millisecond, and nothing at all is the rule.
    let changed =
      row.highestModSeq <= since
      ? []
      : try database.all(
        "SELECT uid, flags, modseq FROM entry WHERE mailbox = ? AND modseq > ? ORDER BY uid", .id(mailbox),
        .int(since)
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
    for range in uids.ranges {
      try database.each(
        """
        SELECT uid, flags, modseq, at, zone, size, content, prefix FROM entry
        WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid
        """, .id(mailbox), .int(range.lowerBound), .int(range.upperBound)
      ) { result.append(Self.entry($0)) }
    }
    return result
  }

  /// Flags alone, of the entries of a set, by ascending UID.
  public func flags(_ mailbox: MailboxID, _ uids: UIDSet) throws -> [EntryFlags] {
    var result: [EntryFlags] = []
    for range in uids.ranges {
      try database.each(
        "SELECT uid, flags, modseq FROM entry WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid", .id(mailbox),
        .int(range.lowerBound), .int(range.upperBound)
      ) {
        result.append(
          EntryFlags(uid: $0.uint32(0), flags: Flags(rawValue: $0.int64(1)), modSeq: $0.int64(2)))
      }
    }
    return result
  }

  /// Entries of a set with columns of their contents, by ascending UID. Ask for a few hundred at a time.
  public func fetch(_ mailbox: MailboxID, _ uids: UIDSet, _ columns: FetchColumns) throws -> [FetchedEntry] {
    guard !columns.isEmpty else {
      return try entries(mailbox, uids).map {
        FetchedEntry(entry: $0, columns: ContentColumns(), prefix: [], facts: 0, headerSize: 0)
      }
    }
    var result: [FetchedEntry] = []
    for range in uids.ranges {
      // A column that is not asked for is not looked at: its overflow pages stay untouched.
      try database.each(
        """
        SELECT e.uid, e.flags, e.modseq, e.at, e.zone, e.size, e.content, e.prefix, c.facts, c.header_size, h.id,
          CASE WHEN ?4 & 1 THEN h.envelope END, CASE WHEN ?4 & 2 THEN h.bodystructure END,
          CASE WHEN ?4 & 4 THEN h.structure END, CASE WHEN ?4 & 8 THEN h.bytes END, p.bytes
        FROM entry e LEFT JOIN content c ON c.id = e.content LEFT JOIN header h ON h.id = e.content
          LEFT JOIN prefix p ON ?4 & 8 AND p.id = e.prefix
        WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 ORDER BY e.uid
        """, .id(mailbox), .int(range.lowerBound), .int(range.upperBound), .int(columns.rawValue)
      ) { row in
        guard !row.isNull(9), !row.isNull(10) else {
          throw StoreError.damaged("message \(row.int(0)) of mailbox \(mailbox) has no content")
        }
        result.append(
          FetchedEntry(
            entry: Self.entry(row),
            columns: ContentColumns(
              header: row.blob(14), envelope: row.blob(11), bodyStructure: row.blob(12), structure: row.blob(13)),
            prefix: row.blob(15), facts: row.int64(8), headerSize: row.int(9)))
      }
    }
    return result
  }

  private static func entry(_ row: Row) -> Entry {
    Entry(
      uid: row.uint32(0), flags: Flags(rawValue: row.int64(1)), modSeq: row.int64(2),
      internalDate: Moment(seconds: row.int64(3)), dateOffset: row.int(4), size: row.int(5), content: row.id(6),
      prefix: row.optionalID(7))
  }
}
