internal import Platform

/// What closures work on: the writer's connection, what the present batch has changed in memory, and what is known to be true.
///
/// Belongs to the writer thread alone.
final class WriterCore {
  let database: Database
  let hashes: HashTail
  let leases: Leases
  let clock: Clock
  var pending: Pending
  /// Rows of mailboxes as they are committed; a cache.
  private(set) var mailboxes: [MailboxID: Mailbox] = [:]
  var fingerprints = FingerprintMap()
  var reaper = Reaper()
  /// How long a fingerprint counts.
  let fingerprintAge: Duration
  /// See ``Store/setGeneration(_:)``.
  let generation: @Sendable () -> Int
  /// The next id. Ids of a batch that was rolled back are not used again.
  private var nextID: Int64
  /// Ids reserved by the committed row in `sequence`.
  private var idMark: Int64
  /// Ids are reserved on disk in steps of this size, so that most commits need not write that row.
  private static let idStep: Int64 = 4096

  init(
    database: Database, hashes: HashTail, leases: Leases, clock: Clock, fingerprintAge: Duration,
    generation: @escaping @Sendable () -> Int
  ) throws {
    self.database = database
    self.hashes = hashes
    self.leases = leases
    self.clock = clock
    self.fingerprintAge = fingerprintAge
    self.generation = generation
    idMark = Int64(try database.number("SELECT next FROM sequence WHERE name = 'id'"))
    nextID = idMark
    pending = Pending(idMark: idMark)
    leases.setCommitted(nextID - 1)
    try loadFingerprints()
  }

  private func loadFingerprints() throws {
    let oldest = clock.now() - fingerprintAge
    var items: [FingerprintMap.Item] = []
    try database.each(
      """
      SELECT id, at, fingerprint, reply FROM (SELECT * FROM envelope ORDER BY id DESC LIMIT 100000)
      WHERE fingerprint IS NOT NULL AND at >= ? ORDER BY id DESC
      """, .int(oldest.microseconds)
    ) { row in
      // The process that was to send the reply is gone: nobody knows whether it was read.
      let reply = ReplyOutcome(rawValue: row.int(3)) == .read ? ReplyOutcome.read : .lost
      items.append(
        FingerprintMap.Item(
          fingerprint: row.int64(2), envelope: row.id(0), at: Moment(microseconds: row.int64(1)), reply: reply))
    }
    for item in items.reversed() { fingerprints.insert(item) }
  }

  // MARK: Ids

  func newID() throws -> Int64 {
    if nextID >= pending.idMark {
      let mark = nextID + Self.idStep
      try database.run("UPDATE sequence SET next = ? WHERE name = 'id'", .int(mark))
      pending.idMark = mark
    }
    defer { nextID += 1 }
    return nextID
  }

  /// A UIDVALIDITY that no mailbox had before: by the clock, and never backwards (RFC 9051 §2.3.1.1).
  func newUIDValidity() throws -> UInt32 {
    let last = try database.number("SELECT next FROM sequence WHERE name = 'uidvalidity'")
    let value = max(last + 1, Int(clock.now().seconds))
    guard let result = UInt32(exactly: value) else { throw StoreError.misuse("there is no UIDVALIDITY left") }
    try database.run("UPDATE sequence SET next = ? WHERE name = 'uidvalidity'", .int(value))
    return result
  }

  // MARK: Mailboxes

  /// A mailbox as the batch sees it. Deleted ones are not there.
  func mailbox(_ id: MailboxID) throws -> Mailbox? {
    if let changed = pending.mailboxes[id] { return changed.current }
    if pending.summary.deletedMailboxes.contains(id) { return nil }
    if let known = mailboxes[id] { return known }
    guard let loaded = try Reader(database, hashes).mailbox(id) else { return nil }
    // Not into the cache: what was read here may be rolled back.
    pending.mailboxes[id] = Pending.ChangedMailbox(stored: loaded, current: loaded)
    return loaded
  }

  func existingMailbox(_ id: MailboxID) throws -> Mailbox {
    guard let mailbox = try mailbox(id) else { throw StoreError.missing("mailbox \(id)") }
    return mailbox
  }

  func setMailbox(_ mailbox: Mailbox) throws {
    let stored = try pending.mailboxes[mailbox.id]?.stored ?? existingMailbox(mailbox.id)
    pending.mailboxes[mailbox.id] = Pending.ChangedMailbox(stored: stored, current: mailbox)
    pending.summary.mailboxes[mailbox.id] = mailbox.highestModSeq
  }

  /// Forgets a mailbox whose row was changed or removed by SQL.
  func forgetMailbox(_ id: MailboxID) {
    pending.mailboxes[id] = nil
    mailboxes[id] = nil
  }

  // MARK: References

  /// Lets a reference to a content or prefix go; the reaper counts it.
  func letGo(content: ContentID?, prefix: PrefixID?, mailbox: MailboxID? = nil, uid: UID? = nil) throws {
    guard content != nil || prefix != nil else { return }
    try database.run(
      "INSERT INTO garbage VALUES(?, ?, ?, ?, ?)", .int(try newID()), .optional(mailbox), .optional(content),
      .optional(prefix), .optional(uid.map { Int64($0) }))
    pending.hasGarbage = true
  }

  func retain(content: ContentID?, prefix: PrefixID?, count: Int = 1) {
    if let content { pending.contentReferences[content, default: 0] += count }
    if let prefix { pending.prefixReferences[prefix, default: 0] += count }
  }

  // MARK: Ends of a batch

  /// Writes what was gathered in memory to the rows it belongs to.
  func flush() throws {
    for (id, changed) in pending.mailboxes where changed.stored != changed.current {
      let now = changed.current
      try database.run(
        """
        UPDATE mailbox SET uidnext = ?, modseq = ?, messages = ?, unseen = ?, deleted = ?, bytes = ?, recent = ?,
          changed = ? WHERE id = ?
        """, .int(now.uidNext), .int(now.highestModSeq), .int(now.messages), .int(now.unseen), .int(now.deleted),
        .int(now.bytes), .int(now.recentFrom), .int(now.lastChange), .id(id))
      pending.mailboxes[id]?.stored = now
    }
    for (id, count) in pending.contentReferences where count != 0 {
      try database.run("UPDATE content SET refs = refs + ? WHERE id = ?", .int(count), .id(id))
      guard database.changes == 1 else { throw StoreError.missing("content \(id)") }
    }
    pending.contentReferences.removeAll(keepingCapacity: true)
    for (id, count) in pending.prefixReferences where count != 0 {
      try database.run("UPDATE prefix SET refs = refs + ? WHERE id = ?", .int(count), .id(id))
      guard database.changes == 1 else { throw StoreError.missing("prefix \(id)") }
    }
    pending.prefixReferences.removeAll(keepingCapacity: true)
  }

  /// Gives to the reaper what a closure stored and then nobody referred to.
  func discardUnreferenced() throws {
    for id in pending.contents.keys where pending.contentReferences[id, default: 0] == 0 {
      guard try database.number("SELECT refs FROM content WHERE id = ?", .id(id)) == 0 else { continue }
      retain(content: id, prefix: nil)
      try letGo(content: id, prefix: nil)
    }
    for id in pending.prefixSizes.keys where pending.prefixReferences[id, default: 0] == 0 {
      guard try database.number("SELECT refs FROM prefix WHERE id = ?", .id(id)) == 0 else { continue }
      retain(content: nil, prefix: id)
      try letGo(content: nil, prefix: id)
    }
  }

  /// After COMMIT: what was pending is true now.
  /// - Returns: what to tell the listeners.
  func accept() -> CommitSummary {
    for (id, changed) in pending.mailboxes { mailboxes[id] = changed.current }
    for id in pending.summary.deletedMailboxes { mailboxes[id] = nil }
    for item in pending.fingerprints { fingerprints.insert(item) }
    if let folded = pending.folded { hashes.advance(folded) }
    hashes.add(pending.hashes)
    if let reaper = pending.reaper { self.reaper = reaper }
    if pending.hasGarbage { reaper.mayHaveWork = true }
    idMark = pending.idMark
    let summary = pending.summary
    pending = Pending(idMark: idMark)
    leases.setCommitted(nextID - 1)
    leases.endReaping()
    return summary
  }

  /// After ROLLBACK: nothing of it happened.
  func forget() {
    pending = Pending(idMark: idMark)
    leases.endReaping()
  }
}
