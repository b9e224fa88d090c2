import Testing

@testable import Store

@Suite("Lessons") struct LessonTests {
  private func lesson(_ number: Int64, isSpam: Bool = true, account: String = "anna", _ tokens: [UInt64]) -> Lesson {
    Lesson(account: account, message: number, isSpam: isSpam, cause: .command, tokens: tokens)
  }

  private func counts(_ store: Store, _ account: String) async throws -> [StoredTokenCount] {
    try await store.read { try $0.tokenCounts(account, after: 0, limit: 1000) }
  }

  @Test func lessonsCountForEverybodyAndForTheirAccount() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path)
      let first = lesson(1, [1, 0xFFFF_FFFF_FFFF])
      let second = lesson(2, isSpam: false, account: "bert", [1])
      let changes = try await store.write { try $0.learn(first) + $0.learn(second) }
      #expect(changes.map(\.account) == ["", "anna", "", "bert"])
      #expect(changes.map(\.change) == [1, 1, 2, 1])
      #expect(
        try await counts(store, "") == [
          StoredTokenCount(token: 1, spam: 1, ham: 1), StoredTokenCount(token: 0xFFFF_FFFF_FFFF, spam: 1, ham: 0),
        ])
      #expect(try await counts(store, "bert") == [StoredTokenCount(token: 1, spam: 0, ham: 1)])
      #expect(try await store.check().problems.isEmpty)
      await store.close()
    }
  }

  @Test func anotherOpinionTakesTheFirstBack() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path)
      let (spam, ham) = (lesson(1, [1, 2, 3]), lesson(1, isSpam: false, [3, 4]))
      _ = try await store.write { try $0.learn(spam) }
      #expect(try await store.write { try $0.learn(spam) }.isEmpty)
      #expect(try await store.write { try $0.learn(ham) }.count == 4)
      #expect(try await counts(store, "anna").map(\.token) == [3, 4])
      #expect(try await store.write { try $0.forget(account: "anna", message: 1, cause: .keyword) }.isEmpty)
      #expect(try await store.write { try $0.forget(account: "anna", message: 1) }.count == 2)
      #expect(try await counts(store, "anna").isEmpty)
      #expect(try await counts(store, "").isEmpty)
      let scope = try await store.read { try $0.lessonScope("") }
      #expect(scope?.spam == 0 && scope?.ham == 0 && scope?.tokens == 0)
      #expect(try await store.check().problems.isEmpty)
      await store.close()
    }
  }

  @Test func anAccountsScopeForgetsItsOldestLessons() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path)
      for number in 0..<7 {
        let one = lesson(Int64(number + 1), [UInt64(number * 2 + 1), UInt64(number * 2 + 2)])
        _ = try await store.write { try $0.learn(one, commonLimit: 100, ownLimit: 10) }
      }
      let scope = try await store.read { try $0.lessonScope("anna") }
      #expect(scope?.spam == 5 && scope?.tokens == 10)
      #expect(try await counts(store, "anna").first?.token == 5)
      #expect(try await counts(store, "").count == 10)
      #expect(try await store.check().problems.isEmpty)
      await store.close()
    }
  }

  @Test func aPurgedAccountsLessonsAreNobodysAnyMore() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path)
      let one = lesson(1, [1, 2])
      _ = try await store.write { try $0.learn(one) }
      try await store.write { try $0.purge(account: "anna") }
      #expect(try await store.read { try $0.lessonScope("anna") } == nil)
      #expect(try await counts(store, "").count == 2)
      #expect(try await store.check().problems.isEmpty)
      await store.close()
    }
  }

  @Test func countsThatDoNotFitTheirLessonsAreFound() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path)
      let one = lesson(1, [1, 2])
      _ = try await store.write { try $0.learn(one) }
      try await store.write { try $0.database.execute("DELETE FROM token WHERE token = 2") }
      #expect(try await !store.check().problems.isEmpty)
      await store.close()
    }
  }
}
