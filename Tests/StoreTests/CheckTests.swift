import Platform
import Testing

@testable import Store

@Suite struct CheckTests {
  /// A little of everything, so that every question has something to look at.
  private func fill(_ store: Store) async throws {
    let inbox = try await store.filled(4)
    try await store.write { transaction in
      _ = try transaction.changeFlags(inbox, [1, 2], .add, .seen, keywords: ["work"])
      _ = try transaction.changeFlags(inbox, [3], .add, .deleted)
      let (envelope, content) = try transaction.envelope(messageID: "<a@x>")
      let prefix = try transaction.insertPrefix(bytes("X: y\r\n"))
      _ = try transaction.file(NewEntry(mailbox: inbox, content: content, prefix: prefix, internalDate: noon))
      _ = try transaction.insert(
        NewRecipient(address: "anna@example.org", state: .delivered), of: envelope, trace: step("filed"))
      _ = try transaction.insert(
        NewRecipient(address: "bob@example.net", state: .queued, due: noon, content: content, prefix: prefix),
        of: envelope, trace: step("queued"))
    }
  }

  @Test func aSoundStoreIsCounted() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      try await fill(store)
      let online = try await store.check()
      await store.close()
      let offline = try Store.check(folder: folder.path)
      #expect(online == offline)
      #expect(online.isSound)
      #expect((online.mailboxes, online.messages, online.envelopes) == (1, 5, 1))
      #expect(online.recipients == [.delivered: 1, .queued: 1])
    }
  }

  @Test(arguments: [
    ("UPDATE content SET refs = refs + 1 WHERE id = (SELECT min(id) FROM content)", "references and counts"),
    ("DELETE FROM entry WHERE uid = 1", "references and counts"),
    ("DELETE FROM content WHERE id = (SELECT min(id) FROM content)", "it is not there"),
    ("UPDATE prefix SET refs = 0", "prefix"),
    ("DELETE FROM prefix", "prefix"),
    ("UPDATE body SET refs = 7 WHERE id = (SELECT min(id) FROM body)", "contents and counts 7"),
    ("DELETE FROM header WHERE id = (SELECT min(id) FROM header)", "header section"),
    ("INSERT INTO header VALUES(77, NULL, NULL, NULL, x'00')", "header 77 belongs to no content"),
    ("DELETE FROM chunk WHERE id = (SELECT min(id) FROM chunk)", "in 0 chunks"),
    ("UPDATE chunk SET data = x'00' WHERE id = (SELECT min(id) FROM chunk)", "1 of 9 bytes"),
    ("INSERT INTO chunk VALUES(77 << 16, x'00')", "chunks of body 77 belong to nothing"),
    ("UPDATE mailbox SET messages = 1", "counts 1 messages"),
    ("UPDATE mailbox SET unseen = 0", "0 unseen"),
    ("UPDATE mailbox SET deleted = 0", "0 deleted"),
    ("UPDATE mailbox SET bytes = 1", "1 bytes"),
    ("UPDATE mailbox SET uidnext = 5", "next UID 5"),
    ("UPDATE mailbox SET modseq = 1", "highest MODSEQ 1"),
    ("UPDATE mailbox SET changed = 900", "beyond its highest MODSEQ"),
    ("UPDATE entry SET size = size + 1 WHERE uid = 2", "message 2 of mailbox"),
    ("INSERT INTO mailbox SELECT 900, 'x', 'x', uidvalidity, 1, 1, 0, 0, 0, 0, 1, NULL, 0 FROM mailbox", "UIDVALIDITY"),
    ("UPDATE recipient SET state = 6 WHERE n = 0", "is failed, and its trace says delivered"),
    ("UPDATE recipient SET state = 17 WHERE n = 0", "state 17"),
    ("DELETE FROM trace WHERE number = 1", "its trace says nothing"),
    ("UPDATE recipient SET content = NULL WHERE n = 1", "waits without a content"),
    ("UPDATE recipient SET content = 1 WHERE n = 0", "is final and still refers"),
    ("DELETE FROM recipient", "has no recipient"),
    ("DELETE FROM envelope", "belongs to a row of envelope"),
    ("DELETE FROM mailbox", "belongs to a row of mailbox"),
    ("UPDATE sequence SET next = 2 WHERE name = 'id'", "beyond the next id"),
    ("UPDATE sequence SET next = 100000 WHERE name = 'fold'", "missing in the index"),
  ])
  func plantedDamageIsFound(sql: String, words: String) async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      try await fill(store)
      await store.close()
      try alter(folder, sql)
      let report = try Store.check(folder: folder.path)
      #expect(!report.isSound)
      #expect(report.problems.contains { $0.contains(words) }, "\(report.problems)")
    }
  }

  @Test func damagedPagesAreFound() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      _ = try await store.filled(300)
      await store.close()
      let path = folder.path + "/postroom.db"
      var file = try #require(read(path))
      for index in stride(from: file.count / 8192 * 4096, to: file.count - 4096, by: 4096) {
        for offset in 0..<64 { file[index + offset] = 0x5a }
      }
      write(path, file)
      let report = try Store.check(folder: folder.path)
      #expect(report.problems.contains { $0.hasPrefix("the file: ") })
    }
  }
}
