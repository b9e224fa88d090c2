import Platform
import Testing

@testable import Store

@Suite struct ContentTests {
  @Test func aMessageComesBackAsItWent() async throws {
    try await withStore { store, _ in
      let (stored, prefix, filed) = try await store.write { transaction in
        let inbox = try transaction.inbox()
        let content = try transaction.insert(message("body", subject: "x"))
        let prefix = try transaction.insertPrefix(bytes("Return-Path: <>\r\n"))
        let filed = try transaction.file(
          NewEntry(
            mailbox: inbox, content: content.id, prefix: prefix, flags: .seen, internalDate: noon, dateOffset: 90))
        return (content, prefix, filed)
      }
      let all = bytes("Return-Path: <>\r\nSubject: x\r\n\r\nbody")
      let fetched = try await store.read {
        try $0.fetch(filed.mailbox, .all, [.envelope, .bodyStructure, .structure, .header])
      }
      #expect(fetched.count == 1)
      let entry = try #require(fetched.first)
      #expect(entry.columns.envelope == bytes("(envelope)"))
      #expect(entry.columns.bodyStructure == bytes("(structure)"))
      #expect(entry.columns.structure == [1, 2, 3])
      #expect(entry.prefix + entry.columns.header == all.dropLast(4))
      #expect(entry.facts == 5)
      #expect(entry.entry.size == all.count)
      #expect(entry.entry.internalDate == noon)
      #expect(entry.entry.dateOffset == 90)
      let open = try #require(try await store.open(stored.id, prefix: prefix))
      #expect(open.size == all.count)
      for from in 0...all.count {
        for count in [1, 3, 16, 100] {
          #expect(try await open.bytes(from: from, count: count) == Array(all[from...].prefix(count)))
        }
      }
    }
  }

  @Test func anEqualBodyIsKeptOnce() async throws {
    try await withStore { store, _ in
      let ids = try await store.write { transaction in
        let inbox = try transaction.inbox()
        var bodies: [BodyID] = []
        for subject in ["a", "b"] {
          let content = try transaction.insert(message("same", subject: subject))
          _ = try transaction.file(NewEntry(mailbox: inbox, content: content.id, internalDate: noon))
          bodies.append(content.body)
        }
        return bodies
      }
      let later = try await store.write { transaction in
        let content = try transaction.insert(message("same", subject: "c"))
        _ = try transaction.file(NewEntry(mailbox: try transaction.inbox(), content: content.id, internalDate: noon))
        return content.body
      }
      #expect(Set(ids + [later]).count == 1)
      let other = try await store.write { transaction in
        let content = try transaction.insert(message("other"))
        _ = try transaction.file(NewEntry(mailbox: try transaction.inbox(), content: content.id, internalDate: noon))
        return content.body
      }
      #expect(other != later)
      #expect(try await store.rowCount("chunk") == 2)
    }
  }
}

extension Store {
  func rowCount(_ table: String) async throws -> Int {
    try await read { try $0.database.dynamic("SELECT count(*) FROM \(table)", []) { $0.int(0) }[0] }
  }
}
