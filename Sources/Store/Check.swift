internal import Glibc

extension Store {
  /// Checks a database that no process has open. Blocks. Changes nothing but what opening recovers from the log.
  public static func check(folder: String) throws -> CheckReport {
    let path = folder + "/" + Opening.fileName
    guard access(path, F_OK) == 0 else { throw StoreError.file(path: path, errorText()) }
    let lock = try StoreLock(folder: folder)
    defer { withExtendedLifetime(lock) {} }
    return try check(path: path, vfs: nil)
  }

  /// Checks the open database on a connection of its own, while mail flows. It pins the log meanwhile.
  public func check() async throws -> CheckReport {
    try await onThread("store-check") { [path, options] in try Self.check(path: path, vfs: options.vfs) }
  }

  private static func check(path: String, vfs: String?) throws -> CheckReport {
    do {
      let database = try Database(path: path, role: .reader, vfs: vfs)
      defer { database.close() }
      try Opening.checkOrigin(database)
      return try database.reading {
        var check = Check(database)
        return try check.run()
      }
    } catch StoreError.damaged(let words) {
      // So damaged that SQLite cannot even answer.
      var report = CheckReport()
      report.problems = ["the file: \(words)"]
      return report
    }
  }
}

/// What ``Store/check()`` found.
public struct CheckReport: Hashable, Sendable {
  /// A sentence each; empty when all is well. Of each kind at most ten are named.
  public internal(set) var problems: [String] = []
  public internal(set) var mailboxes = 0
  public internal(set) var messages = 0
  public internal(set) var envelopes = 0
  public internal(set) var recipients: [RecipientState: Int] = [:]

  public var isSound: Bool { problems.isEmpty }
}

/// Proves the balance: what must hold between the rows, told in SQL.
struct Check {
  private let database: Database
  private var report = CheckReport()

  init(_ database: Database) { self.database = database }

  mutating func run() throws -> CheckReport {
    try checkFile()
    // On a damaged file the other questions only repeat the news.
    guard report.isSound else { return report }
    try checkContent()
    try checkMailboxes()
    try checkQueue()
    try checkLessons()
    try count()
    return report
  }

  // MARK: Questions

  /// Adds a problem for each row that a query finds; the row's one column is the sentence.
  private mutating func find(_ sql: String) throws {
    report.problems += try database.dynamic("SELECT * FROM (\(sql)) LIMIT 10", []) { $0.text(0) }
  }

  private mutating func checkFile() throws {
    let words = try database.dynamic("PRAGMA integrity_check(10)", []) { $0.text(0) }
    if words != ["ok"] { report.problems += words.map { "the file: \($0)" } }
    report.problems += try database.dynamic("PRAGMA foreign_key_check", []) {
      "a row of \($0.text(0)) belongs to a row of \($0.text(2)) that is not there"
    }.prefix(10)
  }

  private mutating func checkContent() throws {
    try find(
      """
      WITH used(id, n) AS (SELECT id, sum(n) FROM (
        SELECT content AS id, count(*) AS n FROM entry GROUP BY content UNION ALL
        SELECT content, count(*) FROM recipient WHERE state <= 2 GROUP BY content UNION ALL
        SELECT content, count(*) FROM training GROUP BY content UNION ALL
        SELECT content, count(*) FROM garbage WHERE content IS NOT NULL GROUP BY content) GROUP BY id)
      SELECT 'content ' || ifnull(c.id, u.id) || ' has ' || ifnull(u.n, 0) || ' references and counts '
        || ifnull(c.refs, 'none: it is not there')
      FROM content c FULL JOIN used u ON u.id = c.id WHERE c.refs IS NOT u.n
      """)
    try find(
      """
      WITH used(id, n) AS (SELECT id, sum(n) FROM (
        SELECT prefix AS id, count(*) AS n FROM entry WHERE prefix IS NOT NULL GROUP BY prefix UNION ALL
        SELECT prefix, count(*) FROM recipient WHERE state <= 2 AND prefix IS NOT NULL GROUP BY prefix UNION ALL
        SELECT prefix, count(*) FROM garbage WHERE prefix IS NOT NULL GROUP BY prefix) GROUP BY id)
      SELECT 'prefix ' || ifnull(p.id, u.id) || ' has ' || ifnull(u.n, 0) || ' references and counts '
        || ifnull(p.refs, 'none: it is not there')
      FROM prefix p FULL JOIN used u ON u.id = p.id WHERE p.refs IS NOT u.n
      """)
    try find(
      """
      SELECT 'body ' || ifnull(b.id, c.body) || ' is used by ' || ifnull(c.n, 0) || ' contents and counts '
        || ifnull(b.refs, 'none: it is not there')
      FROM body b FULL JOIN (SELECT body, count(*) AS n FROM content GROUP BY body) c ON c.body = b.id
      WHERE b.refs IS NOT c.n
      """)
    try find(
      """
      SELECT 'content ' || c.id || ' does not have the header section or the body it should'
      FROM content c LEFT JOIN header h ON h.id = c.id LEFT JOIN body b ON b.id = c.body
      WHERE length(h.bytes) IS NOT c.header_size OR b.size IS NOT c.body_size
      UNION ALL SELECT 'header ' || h.id || ' belongs to no content' FROM header h
      WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = h.id)
      """)
    try checkBodies()
  }

  /// The counts of a scope are those of its lessons. Each lesson counts once for everybody and, if it is somebody's, once for
  /// that account.
  private mutating func checkLessons() throws {
    try find(
      """
      WITH told(account, spam, ham) AS (
        SELECT '', sum(spam), sum(1 - spam) FROM lesson UNION ALL
        SELECT account, sum(spam), sum(1 - spam) FROM lesson WHERE account <> '' GROUP BY account)
      SELECT 'scope "' || s.account || '" of the classifier counts ' || s.spam || ' and ' || s.ham
        || ' lessons, and there are ' || ifnull(t.spam, 0) || ' and ' || ifnull(t.ham, 0)
      FROM lesson_scope s LEFT JOIN told t ON t.account = s.account
      WHERE s.spam <> ifnull(t.spam, 0) OR s.ham <> ifnull(t.ham, 0)
      UNION ALL
      SELECT 'scope "' || s.account || '" of the classifier counts ' || s.tokens || ' tokens, and has ' || ifnull(t.n, 0)
      FROM lesson_scope s LEFT JOIN (SELECT scope, count(*) AS n FROM token GROUP BY scope) t ON t.scope = s.id
      WHERE s.tokens <> ifnull(t.n, 0)
      UNION ALL
      SELECT 'a token of scope ' || scope || ' of the classifier counts less than nothing' FROM token
      WHERE spam < 0 OR ham < 0 OR spam + ham = 0
      """)
  }

  private mutating func checkBodies() throws {
    try find(
      """
      SELECT 'body ' || b.id || ' has ' || ifnull(c.bytes, 0) || ' of ' || b.size || ' bytes, in '
        || ifnull(c.n, 0) || ' chunks' FROM body b
      LEFT JOIN (SELECT id >> 16 AS body, count(*) AS n, sum(length(data)) AS bytes, max(id & 65535) AS last FROM chunk
        GROUP BY id >> 16) c ON c.body = b.id
      WHERE ifnull(c.bytes, 0) <> b.size OR ifnull(c.n, 0) <> (b.size + 65535) / 65536
        OR ifnull(c.last, -1) <> ifnull(c.n, 0) - 1
      """)
    try find(
      """
      SELECT 'chunks of body ' || body || ' belong to nothing' FROM (SELECT DISTINCT id >> 16 AS body FROM chunk)
      WHERE body NOT IN (SELECT id FROM body) AND body NOT IN (SELECT body FROM staging)
        AND body NOT IN (SELECT body FROM carcass)
      """)
    let mark = try database.number("SELECT next FROM sequence WHERE name = 'fold'")
    var missing: [Int64] = []
    try database.each("SELECT id, sha256 FROM body WHERE id <= ?", .int(mark)) { row in
      let (id, key) = (row.int64(0), HashTail.key(row.blob(1)))
      let found = try database.number("SELECT count(*) FROM hash WHERE hash = ? AND id = ?", .int(key), .int(id))
      if found == 0 { missing.append(id) }
    }
    report.problems += missing.prefix(10).map { "body \($0) is missing in the index of hashes" }
  }

  private mutating func checkMailboxes() throws {
    try find(
      """
      SELECT 'mailbox ' || m.id || ' (' || m.account || ', ' || m.name || ') counts ' || m.messages || ' messages, '
        || m.unseen || ' unseen, ' || m.deleted || ' deleted, ' || m.bytes || ' bytes; it has ' || ifnull(e.n, 0) || ', '
        || ifnull(e.unseen, 0) || ', ' || ifnull(e.deleted, 0) || ', ' || ifnull(e.bytes, 0)
      FROM mailbox m LEFT JOIN (SELECT mailbox, count(*) AS n, sum(flags & 1 = 0) AS unseen, sum(flags & 8 <> 0) AS
        deleted, sum(size) AS bytes FROM entry GROUP BY mailbox) e ON e.mailbox = m.id
      WHERE m.account IS NOT NULL AND (m.messages <> ifnull(e.n, 0) OR m.unseen <> ifnull(e.unseen, 0)
        OR m.deleted <> ifnull(e.deleted, 0) OR m.bytes <> ifnull(e.bytes, 0))
      """)
    try find(
      """
      SELECT 'mailbox ' || m.id || ' has UID ' || e.uid || ' or MODSEQ ' || e.modseq || ', beyond its own next UID '
        || m.uidnext || ' or highest MODSEQ ' || m.modseq
      FROM mailbox m JOIN (SELECT mailbox, max(uid) AS uid, max(modseq) AS modseq FROM entry GROUP BY mailbox) e
        ON e.mailbox = m.id WHERE e.uid >= m.uidnext OR e.modseq > m.modseq
      """)
    try find(
      """
      SELECT 'mailbox ' || id || ' has MODSEQ ' || changed || ' for its last change, beyond its highest MODSEQ ' || modseq
      FROM mailbox WHERE changed > modseq
      """)
    try find(
      """
      SELECT 'message ' || e.uid || ' of mailbox ' || e.mailbox || ' says ' || e.size || ' bytes and has '
        || ifnull(c.header_size + c.body_size + ifnull(length(p.bytes), 0), 'no content') FROM entry e
      LEFT JOIN content c ON c.id = e.content LEFT JOIN prefix p ON p.id = e.prefix
      WHERE e.size IS NOT c.header_size + c.body_size + ifnull(length(p.bytes), 0)
      """)
    try find(
      """
      SELECT 'a card is left of message ' || (k.id & 4294967295) || ' of mailbox ' || (k.id >> 32) FROM card k
      WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.mailbox = k.id >> 32 AND e.uid = k.id & 4294967295)
        AND NOT EXISTS (SELECT 1 FROM garbage g WHERE g.mailbox = k.id >> 32 AND g.uid = k.id & 4294967295)
      """)
    try find(
      """
      SELECT 'UIDVALIDITY ' || uidvalidity || ' is used by ' || count(*) || ' mailboxes' FROM mailbox
      GROUP BY uidvalidity HAVING count(*) > 1
      """)
  }

  /// SQL for the name of a recipient's state.
  private static func word(_ state: String) -> String {
    let cases = RecipientState.allCases.map { "WHEN \($0.rawValue) THEN '\($0)'" }
    return "CASE \(state) \(cases.joined(separator: " ")) ELSE 'in the unknown state ' || \(state) END"
  }

  private mutating func checkQueue() throws {
    try find(
      """
      SELECT 'recipient ' || r.envelope || '.' || r.n || ' (' || r.address || ') is ' || \(Self.word("r.state"))
        || ', and its trace says ' || ifnull((SELECT \(Self.word("t.state")) FROM trace t WHERE t.envelope = r.envelope
          AND t.number = r.n AND t.state IS NOT NULL ORDER BY t.n DESC LIMIT 1), 'nothing') FROM recipient r
      WHERE r.state NOT BETWEEN 0 AND 8 OR r.state IS NOT (SELECT t.state FROM trace t
        WHERE t.envelope = r.envelope AND t.number = r.n AND t.state IS NOT NULL ORDER BY t.n DESC LIMIT 1)
      """)
    try find(
      """
      SELECT 'recipient ' || envelope || '.' || n || ' waits without a content' FROM recipient
      WHERE state <= 2 AND content IS NULL
      UNION ALL SELECT 'recipient ' || envelope || '.' || n || ' is final and still refers to a content' FROM recipient
      WHERE state > 2 AND (content IS NOT NULL OR prefix IS NOT NULL OR attempting IS NOT NULL)
      UNION ALL SELECT 'envelope ' || id || ' has no recipient' FROM envelope e
      WHERE NOT EXISTS (SELECT 1 FROM recipient r WHERE r.envelope = e.id)
      """)
    let next = try database.number("SELECT next FROM sequence WHERE name = 'id'")
    for table in ["body", "content", "prefix", "envelope", "mailbox", "refusal", "garbage"] {
      let highest = try database.dynamic("SELECT ifnull(max(id), 0) FROM \(table)", []) { $0.int(0) }.first ?? 0
      if highest >= next { report.problems.append("\(table) \(highest) is beyond the next id, \(next)") }
    }
  }

  private mutating func count() throws {
    report.mailboxes = try database.number("SELECT count(*) FROM mailbox WHERE account IS NOT NULL")
    report.messages = try database.number("SELECT count(*) FROM entry")
    report.envelopes = try database.number("SELECT count(*) FROM envelope")
    let counts = try database.all("SELECT state, count(*) FROM recipient GROUP BY state") { ($0.int(0), $0.int(1)) }
    for (state, count) in counts { if let state = RecipientState(rawValue: state) { report.recipients[state] = count } }
  }
}
