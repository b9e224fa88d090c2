import Platform
import Testing

@testable import MailFlow
@testable import Store

/// Everything that somebody was promised, as text by section: mailboxes, envelopes, secrets. Equal mail gives equal pictures, whatever
/// ids were used up on the way.
typealias Picture = [String: String]

extension Day {
  func picture() async throws -> Picture {
    try await house.store.read { reader in
      var sections: Picture = [:]
      func add(_ section: String, _ line: String) { sections[section, default: ""] += line + "\n" }
      for (section, line) in try Self.mailboxes(reader) + Self.entries(reader) + Self.envelopes(reader) {
        add(section, line)
      }
      let secrets = "SELECT account || hex(stored_key) FROM verifier ORDER BY 1"
      for line in try reader.database.dynamic(secrets, [], row: { $0.text(0) }) { add("secrets", line) }
      return sections
    }
  }

  private static func mailboxes(_ reader: borrowing Reader) throws -> [(String, String)] {
    try reader.database.dynamic(
      """
      SELECT 'mailbox ' || account || '/' || name, 'validity ' || uidvalidity || ' next ' || uidnext || ' modseq '
        || modseq || ' recent ' || recent || ' keywords ' || ifnull((SELECT group_concat(number || '=' || k.name)
        FROM keyword k WHERE k.mailbox = m.id), '') FROM mailbox m WHERE account IS NOT NULL
      UNION ALL SELECT 'subscriptions', account || '/' || name FROM subscription ORDER BY 1, 2
      """, []
    ) { ($0.text(0), $0.text(1)) }
  }

  private static func entries(_ reader: borrowing Reader) throws -> [(String, String)] {
    try reader.database.dynamic(
      """
      SELECT 'mailbox ' || m.account || '/' || m.name, e.uid || ' flags ' || e.flags || ' modseq ' || e.modseq
        || ' at ' || e.at, hex(b.sha256), h.bytes
      FROM entry e JOIN mailbox m ON m.id = e.mailbox JOIN content c ON c.id = e.content
        JOIN header h ON h.id = c.id JOIN body b ON b.id = c.body
      WHERE m.account IS NOT NULL ORDER BY m.account, m.name, e.uid
      """, []
    ) { row in
      let lines = String(decoding: row.blob(3), as: UTF8.self).split(separator: "\r\n")
      let subject = lines.first { $0.hasPrefix("Subject:") } ?? ""
      // Of a notification the boundary and the envelope's id differ.
      let isOurs = lines.contains { $0.hasPrefix("Auto-Submitted:") }
      return (row.text(0), "\(row.text(1)) \(subject) \(isOurs ? "" : row.text(2))")
    }
  }

  private static func envelopes(_ reader: borrowing Reader) throws -> [(String, String)] {
    let name = "'envelope ' || CASE e.origin WHEN 'notification' THEN 'ours' ELSE ifnull(e.message_id, '') END"
    return try reader.database.dynamic(
      """
      SELECT s, line FROM (
        SELECT \(name) AS s, e.id AS id, r.n AS n, r.address || ' state ' || r.state || ' attempts ' || r.attempts
          || iif(r.attempting IS NULL, '', ' under way') || ' due ' || ifnull(r.due, '-') || ' to '
          || ifnull(r.destination, '-') AS line FROM envelope e JOIN recipient r ON r.envelope = e.id
        UNION ALL
        SELECT \(name), e.id, 1000 + t.n, t.stage || ' ' || t.what || ' ' || ifnull(t.recipient, '')
          FROM envelope e JOIN trace t ON t.envelope = e.id WHERE t.what <> 'repeated')
      ORDER BY s, id, n
      """, []
    ) { ($0.text(0), $0.text(1)) }
  }

  /// What must hold after every start: sound, nothing left of what was on its way in, and each body is what its hash says.
  func expectSound(_ what: String) async throws {
    let report = try await house.store.check()
    #expect(report.problems == [], "\(what)")
    let staged = try await house.store.read { try $0.database.number("SELECT count(*) FROM staging") }
    #expect(staged == 0, "\(what): \(staged) staged bodies are left")
    let torn = try await house.store.read { reader -> [Int64] in
      var digests: [Int64: SHA256] = [:]
      try reader.database.each("SELECT id >> 16, data FROM chunk ORDER BY id") { row in
        let digest = digests[row.int64(0)] ?? SHA256()
        digests[row.int64(0)] = digest
        row.withBlob(1) { digest.update($0) }
      }
      return try reader.database.all("SELECT id, sha256 FROM body") { ($0.int64(0), $0.blob(1)) }
        .filter { id, hash in (digests[id] ?? SHA256()).finish() != hash }.map(\.0)
    }
    #expect(torn == [], "\(what): bodies that are not what they were")
  }
}
