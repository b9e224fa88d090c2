/// Removes for good what nobody refers to any more, in slices: an expunge only notes what it let go.
struct Reaper {
  /// Whether a look may find something.
  var mayHaveWork = true
  /// Rows of `garbage` up to here are held by somebody.
  private var cursor: Int64 = 0
  /// Whether rows were left because somebody may still read them.
  private var leftHeld = false
  /// Whether pages were freed since this was last asked.
  var hasFreed = false

  /// Somebody let go.
  mutating func lookAgain() {
    guard leftHeld else { return }
    (cursor, leftHeld, mayHaveWork) = (0, false, true)
  }

  /// One slice, inside the writer's transaction, after all references of the batch have been written.
  /// - Parameter rows: how many rows it may touch, roughly.
  mutating func slice(_ core: WriterCore, rows: Int) throws {
    if try reapGarbage(core, rows: rows) { return }
    if try reapChunks(core) { return }
    if try emptyMailbox(core, rows: rows) { return }
    mayHaveWork = false
  }

  private mutating func reapGarbage(_ core: WriterCore, rows: Int) throws -> Bool {
    struct Garbage {
      let id: Int64
      let mailbox: MailboxID?
      let content: ContentID?
      let prefix: PrefixID?
      let uid: UID?
    }
    let garbage = try core.database.all(
      "SELECT id, mailbox, content, prefix, uid FROM garbage WHERE id > ? ORDER BY id LIMIT ?", .int(cursor), .int(rows)
    ) {
      Garbage(
        id: $0.int64(0), mailbox: $0.optionalID(1), content: $0.optionalID(2), prefix: $0.optionalID(3),
        uid: $0.isNull(4) ? nil : $0.uint32(4))
    }
    for row in garbage {
      cursor = row.id
      if let mailbox = row.mailbox, core.leases.isHeld(mailbox, garbage: row.id) {
        leftHeld = true
        continue
      }
      if let content = row.content, try !release(content, core) {
        leftHeld = true
        continue
      }
      if let prefix = row.prefix { try release(prefix, core) }
      if let mailbox = row.mailbox, let uid = row.uid, let card = Card.key(mailbox, uid) {
        try core.database.run("DELETE FROM card WHERE id = ?", .int(card))
      }
      try core.database.run("DELETE FROM garbage WHERE id = ?", .int(row.id))
    }
    return !garbage.isEmpty
  }

  /// Takes one reference from a content, and removes it with the last one.
  /// - Returns: `false` when somebody reads it.
  private mutating func release(_ content: ContentID, _ core: WriterCore) throws -> Bool {
    let database = core.database
    let row = try database.first("SELECT refs, body FROM content WHERE id = ?", .id(content)) {
      (refs: $0.int(0), body: BodyID($0.int64(1)))
    }
    guard let row else { return true }
    guard row.refs <= 1 else {
      try database.run("UPDATE content SET refs = refs - 1 WHERE id = ?", .id(content))
      return true
    }
    guard core.leases.beginReaping(content) else { return false }
    try database.run("DELETE FROM content WHERE id = ?", .id(content))
    try database.run("DELETE FROM header WHERE id = ?", .id(content))
    try release(row.body, core)
    hasFreed = true
    return true
  }

  private func release(_ body: BodyID, _ core: WriterCore) throws {
    let database = core.database
    let row = try database.first("SELECT refs, sha256 FROM body WHERE id = ?", .id(body)) {
      (refs: $0.int(0), key: HashTail.key($0.blob(1)))
    }
    guard let row else { return }
    guard row.refs <= 1 else {
      try database.run("UPDATE body SET refs = refs - 1 WHERE id = ?", .id(body))
      return
    }
    try database.run("DELETE FROM body WHERE id = ?", .id(body))
    try database.run("DELETE FROM hash WHERE hash = ? AND id = ?", .int(row.key), .id(body))
    try database.run("INSERT OR IGNORE INTO carcass VALUES(?)", .id(body))
  }

  private func release(_ prefix: PrefixID, _ core: WriterCore) throws {
    let database = core.database
    let refs = try database.number("SELECT refs FROM prefix WHERE id = ?", .id(prefix))
    if refs > 1 {
      try database.run("UPDATE prefix SET refs = refs - 1 WHERE id = ?", .id(prefix))
    } else {
      try database.run("DELETE FROM prefix WHERE id = ?", .id(prefix))
    }
  }

  /// Removes up to 1 MiB of a dead body.
  private mutating func reapChunks(_ core: WriterCore) throws -> Bool {
    let database = core.database
    let found: BodyID? = try database.first("SELECT body FROM carcass LIMIT 1") { $0.id(0) }
    guard let body = found else { return false }
    try database.run(
      "DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE id BETWEEN ? AND ? LIMIT 16)",
      .int(Chunks.key(body, 0)), .int(Chunks.key(body, Chunks.limit - 1)))
    if database.changes < 16 { try database.run("DELETE FROM carcass WHERE body = ?", .id(body)) }
    hasFreed = true
    return true
  }

  /// Removes rows of a deleted mailbox, and the mailbox with the last of them.
  private func emptyMailbox(_ core: WriterCore, rows: Int) throws -> Bool {
    let database = core.database
    let found: MailboxID? = try database.first("SELECT id FROM mailbox WHERE account IS NULL LIMIT 1") { $0.id(0) }
    guard let mailbox = found else { return false }
    let entries: [(UID, ContentID, PrefixID?)] = try database.all(
      "SELECT uid, content, prefix FROM entry WHERE mailbox = ? ORDER BY uid LIMIT ?", .id(mailbox), .int(rows)
    ) { ($0.uint32(0), $0.id(1), $0.optionalID(2)) }
    for (uid, content, prefix) in entries {
      try database.run("DELETE FROM entry WHERE mailbox = ? AND uid = ?", .id(mailbox), .int(uid))
      try core.letGo(content: content, prefix: prefix, mailbox: mailbox, uid: uid)
    }
    if entries.count < rows {
      try database.run("DELETE FROM keyword WHERE mailbox = ?", .id(mailbox))
      try database.run("DELETE FROM expunged WHERE mailbox = ?", .id(mailbox))
      try database.run("DELETE FROM mailbox WHERE id = ?", .id(mailbox))
    }
    return true
  }
}
