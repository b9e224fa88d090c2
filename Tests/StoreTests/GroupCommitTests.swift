import Platform
import Synchronization
import Testing

@testable import Store

private struct Refused: Error, Equatable {}

@Suite struct GroupCommitTests {
  @Test func whatWaitsIsCommittedTogether() async throws {
    try await withDisk { store, disk in
      let inbox = try await store.filled(0)
      let (commits, syncs) = (store.counts.commits, disk.syncs)
      let results = try await store.batch(
        (0..<100).map { number in { try $0.file("message \(number)", in: inbox).uid } })
      #expect(results.compactMap { try? $0.get() } == Array(1...100))
      // The closure that held the writer up, and one for the hundred.
      #expect(store.counts.commits - commits == 2)
      // The first of them wrote nothing.
      #expect(disk.syncs - syncs <= 2)
    }
  }

  @Test func everyCommitIsSyncedBeforeTheCallReturns() async throws {
    try await withDisk { store, disk in
      for number in 0..<5 {
        let before = disk.syncs
        try await store.write { try $0.setSetting("number", bytes("\(number)")) }
        #expect(disk.syncs > before)
      }
    }
  }

  @Test func everyConnectionRunsWithFullSync() async throws {
    try await withStore { store, _ in
      let reader = try await store.read { try $0.database.pragma("synchronous") }
      let writer = try await store.write { transaction in
        try ["synchronous", "foreign_keys", "wal_autocheckpoint"].map { try transaction.database.pragma($0) }
      }
      #expect(reader == 2)
      #expect(writer == [2, 1, 0])
    }
  }

  @Test func oneThatThrowsFailsAlone() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(0)
      let runs = Atomic(0)
      let results = try await store.batch(
        (0..<5).map { number in
          { transaction -> UID in
            runs.add(1, ordering: .relaxed)
            let filed = try transaction.file("message \(number)", in: inbox)
            if number == 2 { throw Refused() }
            return filed.uid
          }
        })
      #expect(results.map { try? $0.get() } == [1, 2, nil, 3, 4])
      #expect(results[2].error as? Refused == Refused())
      // The batch was run again, and nothing was kept twice.
      #expect(runs.load(ordering: .relaxed) > 5)
      let row = try #require(try await store.read { try $0.mailbox(inbox) })
      #expect((row.messages, row.uidNext, row.highestModSeq) == (4, 5, 5))
      #expect(try await store.rowCount("body") == 4)
    }
  }

  @Test func aClosureThatThrowsLeavesNothing() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(1)
      await #expect(throws: Refused.self) {
        try await store.write { transaction in
          _ = try transaction.file("lost", in: inbox)
          _ = try transaction.createMailbox(account: "anna", name: "lost")
          _ = try transaction.changeFlags(inbox, .all, .add, .seen)
          throw Refused()
        }
      }
      let filed = try await store.write { try $0.file("kept", in: inbox) }
      #expect((filed.uid, filed.modSeq) == (2, 3))
      let found1 = try await store.read { try $0.mailbox(account: "anna", name: "lost") }
      #expect(found1 == nil)
      let found2 = try await store.read { try $0.flags(inbox, .all) }.allSatisfy { $0.flags == [] }
      #expect(found2)
    }
  }

  @Test func aClosureCannotSwallowTheEndOfItsTransaction() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(0)
      await #expect(throws: (any Error).self) {
        try await store.write { transaction in
          try transaction.database.command("ROLLBACK")
          // Without a transaction this would commit by itself.
          try? transaction.setSetting("stray", [1])
          _ = try transaction.file("stray", in: inbox)
        }
      }
      let found3 = try await store.read { try $0.setting("stray") }
      #expect(found3 == nil)
      let found4 = try await store.read { try $0.entries(inbox, .all) }
      #expect(found4.isEmpty)
    }
  }

  @Test func listenersHearOfTheCommitBeforeTheCallReturns() async throws {
    try await withStore { store, _ in
      let heard = Mutex<[CommitSummary]>([])
      store.onCommit { summary in heard.withLock { $0.append(summary) } }
      let inbox = try await store.filled(2)
      #expect(heard.withLock { $0.last?.mailboxes } == [inbox: 3])
      #expect(heard.withLock { $0.last?.accounts } == ["anna"])
      let count = heard.withLock { $0.count }
      try await store.write { try $0.setSetting("nobody", [1]) }
      try? await store.write { transaction in
        _ = try transaction.file("lost", in: inbox)
        throw Refused()
      }
      #expect(heard.withLock { $0.count } == count)
      _ = try await store.write { try $0.changeFlags(inbox, [1], .add, .seen) }
      #expect(heard.withLock { $0.last?.mailboxes } == [inbox: 4])
    }
  }

  @Test func aClosedStoreSaysSo() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      async let last: Void = store.write { try $0.setSetting("last", [1]) }
      try await last
      await store.close()
      await store.close()
      await #expect(throws: StoreError.closed) { try await store.write { _ in } }
      await #expect(throws: StoreError.closed) { try await store.read { _ in } }
      #expect(store.progress.activity == .stopped)
    }
  }

  @Test func everythingThatWaitsIsWrittenBeforeClosing() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      let gate = Gate()
      let stalled = Task { try await store.write { _ in gate.enter() } }
      while !gate.isEntered { await Task.yield() }
      let writes = (0..<10).map { number in
        Task { try await store.write { try $0.setSetting("\(number)", [1]) } }
      }
      while store.progress.waiting < 10 { await Task.yield() }
      let closing = Task { await store.close() }
      gate.open()
      try await stalled.value
      for write in writes { try await write.value }
      await closing.value
      let again = try Store.open(folder: folder.path, options: options())
      for number in 0..<10 { #expect(try await again.read { try $0.setting("\(number)") } == [1]) }
      await again.close()
    }
  }

  @Test func theGenerationIsSeenInClosures() async throws {
    try await withStore { store, _ in
      store.setGeneration(7)
      let found5 = try await store.write { $0.generation }
      #expect(found5 == 7)
    }
  }

  @Test func expectationsAreUsedUpOnce() async throws {
    try await withStore { store, _ in
      let first = store.expectWrite()
      try await store.write(expected: first) { _ in }
      first.withdraw()
      let second = store.expectWrite()
      second.withdraw()
      second.withdraw()
      do { _ = store.expectWrite() }
      #expect(store.queue.withLock { $0.expected } == 0)
    }
  }
}
