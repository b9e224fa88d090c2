import Platform
import Testing

@testable import Store

/// Who reads, and what the reaper leaves alone meanwhile.
@Suite struct ReadingTests {
  @Test func anOpenMessageOutlivesItsExpunge() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(2)
      let entry = try #require(try await store.read { try $0.entries(inbox, [1]).first })
      var message = try await store.open(entry.content)
      _ = try await store.write { try $0.expunge(inbox, .all, onlyDeleted: false) }
      while try await store.rowCount("content") != 1 { await Task.yield() }
      #expect(try await message?.bytes(from: 0, count: 100) == bytes("Subject: hello\r\n\r\nmessage 0"))
      // Another session can still open it while it is there.
      var second = try await store.open(entry.content)
      #expect(second != nil)
      message = nil
      second = nil
      try await store.untilReaped()
      #expect(try await store.rowCount("chunk") == 0)
      #expect(try await store.open(entry.content) == nil)
    }
  }

  @Test func aHeldMailboxKeepsWhatItsSessionHasInView() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(3)
      let hold = store.hold(inbox)
      let view = try #require(try await store.read { try $0.snapshot(inbox) })
      _ = try await store.write { try $0.expunge(inbox, [1], onlyDeleted: false) }
      _ = try await store.write { try $0.file("later", in: inbox) }
      let columns = try await store.read { try $0.columns(of: view.contents[0], .header) }
      #expect(columns?.header == bytes("Subject: hello\r\n\r\n"))
      #expect(try await store.rowCount("garbage") == 1)
      // The client is told; what is expunged afterwards is held again.
      hold.advance()
      try await store.untilReaped()
      _ = try await store.write { try $0.expunge(inbox, [2], onlyDeleted: false) }
      #expect(try await store.rowCount("garbage") == 1)
      hold.release()
      try await store.untilReaped()
      #expect(try await store.rowCount("content") == 2)
    }
  }

  @Test func aCopySharesEverything() async throws {
    try await withStore { store, _ in
      let (inbox, other) = try await store.write { transaction in
        let inbox = try transaction.inbox()
        let content = try transaction.insert(message("text"))
        let prefix = try transaction.insertPrefix(bytes("X: y\r\n"))
        _ = try transaction.file(NewEntry(mailbox: inbox, content: content.id, prefix: prefix, internalDate: noon))
        let other = try transaction.createMailbox(account: "anna", name: "other").id
        _ = try transaction.copy(inbox, .all, to: other)
        return (inbox, other)
      }
      _ = try await store.write { try $0.expunge(inbox, .all, onlyDeleted: false) }
      try await store.untilReaped()
      let left = try await store.read { try $0.fetch(other, .all, .header) }
      #expect(left.map { $0.prefix + $0.columns.header } == [bytes("X: y\r\nSubject: hello\r\n\r\n")])
      _ = try await store.write { try $0.expunge(other, .all, onlyDeleted: false) }
      try await store.untilReaped()
      for table in ["content", "header", "body", "chunk", "prefix", "hash"] {
        #expect(try await store.rowCount(table) == 0, "\(table)")
      }
    }
  }

  @Test func whatNobodyRefersToIsRemovedAgain() async throws {
    try await withStore { store, _ in
      try await store.write { transaction in
        _ = try transaction.insert(message("discarded"))
        _ = try transaction.insertPrefix(bytes("X: y\r\n"))
      }
      try await store.untilReaped()
      #expect(try await store.rowCount("content") == 0)
      #expect(try await store.rowCount("prefix") == 0)
    }
  }

  @Test func variantsShareTheBody() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(0)
      let (first, second) = try await store.write { transaction in
        let first = try transaction.insert(message("text"))
        let second = try transaction.insert(header: message("ignored", subject: "[tag] hello"), of: first.id)
        for content in [first, second] {
          _ = try transaction.file(NewEntry(mailbox: inbox, content: content.id, internalDate: noon))
        }
        return (first, second)
      }
      #expect(first.body == second.body)
      #expect(try await store.rowCount("chunk") == 1)
      _ = try await store.write { try $0.expunge(inbox, [1], onlyDeleted: false) }
      try await store.untilReaped()
      let left = try await store.read { try $0.body(second.body, from: 0, count: 10) }
      #expect(left == bytes("text"))
    }
  }

  @Test func deletedPagesGoBackToTheFileSystem() async throws {
    try await withStore { store, _ in
      let inbox = try await store.write { transaction in
        let inbox = try transaction.inbox()
        for number in 0..<60 { _ = try transaction.file(String(repeating: "\(number)", count: 100_000), in: inbox) }
        return inbox
      }
      let before = try await store.statistics().databaseBytes
      _ = try await store.write { try $0.expunge(inbox, .all, onlyDeleted: false) }
      try await store.untilReaped()
      while try await store.statistics().freeBytes > 1025 * Database.pageSize { await Task.yield() }
      let after = try await store.statistics()
      #expect(after.databaseBytes < before / 2)
      #expect(after.messages == 0)
    }
  }
}
