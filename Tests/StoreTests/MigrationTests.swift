import Testing

@testable import Store

/// A database that an earlier version filled is brought up to date, with all that is in it.
@Suite struct MigrationTests {
  @Test(arguments: 1..<Schema.steps.count) func whatAnEarlierVersionFilledIsAllThere(version: Int) async throws {
    try await withFolder { folder in
      let texts = (1...30).map { "message \($0) " + String(repeating: "x", count: $0 * 1000) }
      let store = try Store.open(folder: folder.path, options: options())
      let inbox = try await store.filled(0)
      for text in texts { _ = try await store.write { try $0.file(text, in: inbox) } }
      let waiting = try await store.write { transaction in
        let (envelope, content) = try transaction.envelope()
        _ = try transaction.insert(
          NewRecipient(address: "bob@example.net", state: .queued, due: noon, content: content), of: envelope,
          trace: step("queued"))
        return envelope
      }
      await store.close()

      try await withFolder { old in
        try makeOld(old, version: version, from: folder)
        #expect(try await read(old, inbox, waiting, texts) == texts.count)
        // The second time there is nothing left to do.
        #expect(try await read(old, inbox, waiting, texts) == texts.count + 1)
      }
    }
  }

  /// Opens it, looks for all that must be there, files one more, and says how many messages there were.
  private func read(_ folder: Folder, _ inbox: MailboxID, _ waiting: EnvelopeID, _ texts: [String]) async throws -> Int
  {
    let store = try Store.open(folder: folder.path, options: options())
    let snapshot = try #require(try await store.read { try $0.snapshot(inbox) })
    let bodies = try await store.read { reader in
      try reader.entries(inbox, UIDSet(snapshot.uids)).map { entry in
        let content = try #require(try reader.content(entry.content))
        return String(decoding: try reader.body(content.body, from: 0, count: content.bodySize), as: UTF8.self)
      }
    }
    #expect(bodies.prefix(texts.count) == texts[...])
    #expect(try await store.read { try $0.recipients(of: waiting) }.map(\.address) == ["bob@example.net"])
    let next = try await store.write { try $0.file("after it", in: inbox).uid }
    #expect(next > snapshot.uids.last ?? 0)
    let report = try await store.check()
    #expect(report.problems == [])
    await store.close()
    return snapshot.uids.count
  }

  /// The tables as they were then, with what today's have in the columns that there were.
  private func makeOld(_ old: Folder, version: Int, from new: Folder) throws {
    try Opening.makeFile(old.path + "/postroom.db")
    let database = try Database(path: old.path + "/postroom.db", role: .writer)
    defer { database.close() }
    try database.execute(Schema.settings)
    for step in Schema.steps.prefix(version) { try database.execute(step) }
    try database.execute(
      """
      PRAGMA application_id=\(Schema.applicationID); PRAGMA user_version=\(version); PRAGMA foreign_keys=OFF;
      ATTACH '\(new.path)/postroom.db' AS new;
      """)
    let tables = try database.dynamic("SELECT name FROM main.sqlite_schema WHERE type = 'table'", []) { $0.text(0) }
    for table in tables where !table.hasPrefix("sqlite_") {
      let columns = try database.dynamic("SELECT name FROM pragma_table_info('\(table)', 'main')", []) { $0.text(0) }
      let names = columns.joined(separator: ", ")
      try database.execute(
        "DELETE FROM main.\(table); INSERT INTO main.\(table)(\(names)) SELECT \(names) FROM new.\(table)")
    }
    try database.execute("DETACH new")
  }
}
