import Platform
import Testing

@testable import Store

/// Cards: what they answer, and that none is left of a message that is gone. `withStore` checks the balance at the end.
@Suite struct CardTests {
  private func card(_ uid: UID, _ text: String = "") -> Card {
    Card(
      uid: uid, facts: 5, envelope: bytes("(card \(uid))"), bodyStructure: bytes("(card's structure)"),
      fields: bytes("Subject: \(text)\r\n\r\n"))
  }

  @Test func theyAnswerForTheContent() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(3)
      try await store.write { try $0.insert([card(2, "card")], of: inbox) }
      let rows = try await store.read { try $0.fetch(inbox, .all, [.envelope, .listedFields]) }
      #expect(rows.map(\.columns.envelope) == [bytes("(envelope)"), bytes("(card 2)"), bytes("(envelope)")])
      #expect(rows.map { $0.content == nil } == [false, true, false])
      #expect(rows.map(\.facts) == [5, 5, 5])
      #expect(rows[1].columns.header == bytes("Subject: card\r\n\r\n"))
      #expect(rows[1].columns.bodyStructure == [])
      // What a card does not have comes from the content.
      let full = try await store.read { try $0.fetch(inbox, [2], [.envelope, .header, .structure]) }
      #expect(full[0].columns.header == bytes("Subject: hello\r\n\r\n"))
      #expect(full[0].columns.envelope == bytes("(card 2)"))
      #expect(full[0].columns.structure == [1, 2, 3])
    }
  }

  @Test func aLongTextIsNotTakenUp() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(1)
      let long = String(repeating: "x", count: Card.textLimit)
      try await store.write { try $0.insert([card(1, long)], of: inbox) }
      let row = try #require(try await store.read { try $0.fetch(inbox, .all, [.envelope, .listedFields]) }.first)
      #expect(row.columns.envelope == bytes("(card 1)"))
      #expect(row.columns.header == bytes("Subject: hello\r\n\r\n"))
    }
  }

  @Test func theyGoWithTheirMessages() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(4)
      try await store.write { try $0.insert((1...4).map { card($0) }, of: inbox) }
      _ = try await store.write { try $0.expunge(inbox, [2, 3], onlyDeleted: false) }
      // Too late: they would never go again.
      try await store.write { try $0.insert([card(2), card(9)], of: inbox) }
      try await store.untilReaped()
      #expect(try await store.rowCount("card") == 2)
      let other = try await store.write { transaction in
        let other = try transaction.createMailbox(account: "anna", name: "other").id
        _ = try transaction.move(inbox, .all, to: other)
        try transaction.insert([card(1), card(2)], of: other)
        return other
      }
      try await store.untilReaped()
      #expect(try await store.rowCount("card") == 2)
      try await store.write { try $0.deleteMailbox(other) }
      try await store.untilReaped()
      #expect(try await store.rowCount("card") == 0)
    }
  }

  @Test func aCardWithoutAMessageIsFound() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      let inbox = try await store.filled(1)
      try await store.write { transaction in
        try transaction.database.run("INSERT INTO card VALUES(?, 0, NULL, NULL, NULL)", .int(inbox.value << 32 | 7))
      }
      #expect(try await store.check().problems == ["a card is left of message 7 of mailbox \(inbox)"])
      await store.close()
    }
  }

  /// Rows between the members of a set are stepped over, not taken.
  @Test func aSetWithHolesIsFetchedAsItIs() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(120)
      let wanted: UIDSet = [1, 2, 4, 30, 31, 100, 119, 500]
      #expect(UIDSet([1, 3, 35, 68]).spans == [1...35, 68...68])
      let (rows, entries, flags) = try await store.read { reader in
        (try reader.fetch(inbox, wanted, .envelope), try reader.entries(inbox, wanted), try reader.flags(inbox, wanted))
      }
      #expect(rows.map(\.entry.uid) == [1, 2, 4, 30, 31, 100, 119])
      #expect(entries.map(\.uid) == rows.map(\.entry.uid))
      #expect(flags.map(\.uid) == rows.map(\.entry.uid))
      let seen = try await store.read { reader in
        var seen: [UID] = []
        try reader.fetch(inbox, wanted, []) { row in
          seen.append(row.entry.uid)
          return seen.count < 3
        }
        return seen
      }
      #expect(seen == [1, 2, 4])
    }
  }
}
