import Platform
import Testing

@testable import Store

@Suite struct MailboxTests {
  @Test func superiorsAreMadeToo() async throws {
    try await withStore { store, _ in
      let made = try await store.write { transaction in
        let mailbox = try transaction.createMailbox(account: "anna", name: "a/b/c", specialUse: .archive)
        return (mailbox, try transaction.mailbox(account: "anna", specialUse: .archive))
      }
      #expect(made.0 == made.1)
      #expect((made.0.uidNext, made.0.messages, made.0.highestModSeq) == (1, 0, 1))
      let names = try await store.read { try $0.mailboxes(account: "anna").map(\.name) }
      #expect(names == ["a", "a/b", "a/b/c"])
      await #expect(throws: StoreError.mailboxExists("a/b")) {
        try await store.write { _ = try $0.createMailbox(account: "anna", name: "a/b") }
      }
      for name in ["", String(repeating: "x", count: 1001), String(repeating: "/", count: 100_000)] {
        await #expect(throws: StoreError.self) {
          try await store.write { _ = try $0.createMailbox(account: "anna", name: name) }
        }
      }
    }
  }

  @Test func theInboxHasNoCase() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(1)
      let found = try await store.write { try $0.mailbox(account: "anna", name: "iNbOx")?.id }
      #expect(found == inbox)
      await #expect(throws: StoreError.mailboxExists("INBOX")) {
        try await store.write { _ = try $0.createMailbox(account: "anna", name: "Inbox") }
      }
      await #expect(throws: StoreError.self) { try await store.write { try $0.deleteMailbox(inbox) } }
      let bobs = try await store.filled(1, account: "bob")
      #expect(bobs != inbox)
    }
  }

  @Test func renamingTakesInferiorsAlong() async throws {
    try await withStore { store, _ in
      let (id, before) = try await store.write { transaction in
        for name in ["work/x/y", "workshop", "home"] { _ = try transaction.createMailbox(account: "anna", name: name) }
        let mailbox = try #require(try transaction.mailbox(account: "anna", name: "work/x"))
        _ = try transaction.file("kept", in: mailbox.id)
        return (mailbox.id, try #require(try transaction.mailbox(mailbox.id)))
      }
      try await store.write { try $0.renameMailbox(account: "anna", from: "work", to: "old/job") }
      let names = try await store.read { try $0.mailboxes(account: "anna").map(\.name) }
      #expect(names == ["home", "old", "old/job", "old/job/x", "old/job/x/y", "workshop"])
      // The mailbox is the same one: so are its UIDs.
      var expected = before
      expected.name = "old/job/x"
      let (byReader, byWriter) = try await (store.read { try $0.mailbox(id) }, store.write { try $0.mailbox(id) })
      #expect(byReader == expected)
      #expect(byWriter == expected)
      await #expect(throws: StoreError.mailboxExists("home")) {
        try await store.write { try $0.renameMailbox(account: "anna", from: "old", to: "home") }
      }
      await #expect(throws: StoreError.self) {
        try await store.write { try $0.renameMailbox(account: "anna", from: "old", to: "old/inside") }
      }
      await #expect(throws: StoreError.missing("mailbox nothing")) {
        try await store.write { try $0.renameMailbox(account: "anna", from: "nothing", to: "x") }
      }
    }
  }

  @Test func renamingTheInboxLeavesAnEmptyOne() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(3)
      try await store.write { transaction in
        _ = try transaction.createMailbox(account: "anna", name: "INBOX/sub")
        _ = try transaction.expunge(inbox, [2], onlyDeleted: false)
        try transaction.renameMailbox(account: "anna", from: "inbox", to: "2026/old")
      }
      let (left, moved) = try await store.read { reader in
        (try reader.mailbox(account: "anna", name: "INBOX"), try reader.mailbox(account: "anna", name: "2026/old"))
      }
      #expect((left?.id, left?.messages, left?.uidNext) == (inbox, 0, 4))
      #expect((moved?.messages, moved?.uidNext) == (2, 3))
      let names = try await store.read { try $0.mailboxes(account: "anna").map(\.name) }
      #expect(names == ["2026", "2026/old", "INBOX", "INBOX/sub"])
    }
  }

  @Test func aNameMadeAgainHasAnotherUIDValidity() async throws {
    let clock = HandClock()
    try await withStore(options { $0.clock = clock.clock }) { store, _ in
      var seen: Set<UInt32> = []
      for _ in 0..<5 {
        let mailbox = try await store.write { transaction in
          let mailbox = try transaction.createMailbox(account: "anna", name: "x")
          _ = try transaction.file("text", in: mailbox.id)
          return mailbox
        }
        #expect(seen.allSatisfy { $0 < mailbox.uidValidity })
        seen.insert(mailbox.uidValidity)
        try await store.write { try $0.deleteMailbox(mailbox.id) }
        // A clock that is set back must not bring a number back.
        clock.turn(.seconds(-3600))
      }
      #expect(seen.count == 5)
    }
  }

  @Test func aDeletedMailboxIsGoneAtOnceAndItsRowsSoon() async throws {
    try await withStore { store, _ in
      let kept = try await store.filled(2)
      let id = try await store.write { transaction in
        let mailbox = try transaction.createMailbox(account: "anna", name: "large")
        for number in 0..<100 { _ = try transaction.file("large \(number)", in: mailbox.id) }
        _ = try transaction.copy(kept, .all, to: mailbox.id)
        return mailbox.id
      }
      let usage = try await store.write { transaction in
        try transaction.deleteMailbox(id)
        return try transaction.usage(account: "anna")
      }
      #expect(usage.messages == 2)
      await #expect(throws: StoreError.missing("mailbox \(id)")) {
        try await store.write { _ = try $0.file("late", in: id) }
      }
      try await store.untilReaped()
      #expect(try await store.rowCount("entry") == 2)
      #expect(try await store.rowCount("body") == 2)
      #expect(try await store.rowCount("chunk") == 2)
      #expect(try await store.rowCount("mailbox") == 1)
    }
  }

  @Test func subscriptionsNeedNoMailbox() async throws {
    try await withStore { store, _ in
      try await store.write { transaction in
        try transaction.subscribe(account: "anna", name: "inbox")
        try transaction.subscribe(account: "anna", name: "gone")
        try transaction.subscribe(account: "anna", name: "gone")
        try transaction.subscribe(account: "bob", name: "other")
      }
      let names = try await store.read { try $0.subscriptions(account: "anna") }
      #expect(names == ["INBOX", "gone"])
      try await store.write { try $0.unsubscribe(account: "anna", name: "INBOX") }
      let rest = try await store.read { try $0.subscriptions(account: "anna") }
      #expect(rest == ["gone"])
    }
  }

  @Test func recentMessagesAreTakenOnce() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(2)
      let first = try await store.write { try $0.takeRecent(inbox) }
      let second = try await store.write { try $0.takeRecent(inbox) }
      _ = try await store.write { try $0.file("new", in: inbox) }
      let third = try await store.write { try $0.takeRecent(inbox) }
      #expect([first, second, third] == [1, nil, 3])
    }
  }

  @Test func theQuotaSumCountsWhatIsBeingFiled() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(2)
      let (before, during) = try await store.write { transaction in
        let before = try transaction.usage(account: "anna")
        _ = try transaction.file("1234567890", in: inbox)
        let other = try transaction.createMailbox(account: "anna", name: "other")
        _ = try transaction.file("1234567890", in: other.id)
        return (before, try transaction.usage(account: "anna"))
      }
      let size = bytes("Subject: hello\r\n\r\n").count + 10
      #expect(during.messages == before.messages + 2)
      #expect(during.bytes == before.bytes + 2 * size)
      let after = try await store.read { try $0.usage(account: "anna") }
      #expect(after == during)
      let nobody = try await store.read { try $0.usage(account: "nobody") }
      #expect(nobody == Usage())
    }
  }

  @Test func purgingLeavesNothingOfAnAccount() async throws {
    try await withStore { store, _ in
      _ = try await store.filled(20)
      _ = try await store.filled(1, account: "bob")
      try await store.write { transaction in
        try transaction.subscribe(account: "anna", name: "x")
        try transaction.setVerifier(
          Verifier(salt: [1], iterations: 2, storedKey: [3], serverKey: [4], changed: noon), account: "anna")
        try transaction.recordLogin(account: "anna", address: "192.0.2.1", at: noon)
        try transaction.purge(account: "anna")
      }
      let accounts = try await store.read { try $0.accounts() }
      #expect(accounts == ["bob"])
      try await store.untilReaped()
      for (table, rows) in [("entry", 1), ("subscription", 0), ("verifier", 0), ("login", 0), ("body", 1)] {
        #expect(try await store.rowCount(table) == rows, "\(table)")
      }
    }
  }
}

extension Store {
  /// Waits until the reaper has nothing left that it may take.
  func untilReaped() async throws {
    while true {
      let left = try await read { reader in
        try reader.database.dynamic(
          """
          SELECT (SELECT count(*) FROM garbage) + (SELECT count(*) FROM carcass)
          + (SELECT count(*) FROM mailbox WHERE account IS NULL)
          """, []
        ) { $0.int(0) }
      }
      if left == [0] { return }
      await Task.yield()
    }
  }
}
