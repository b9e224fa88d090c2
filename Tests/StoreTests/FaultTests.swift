import CSQLite
import FaultyDisk
import Platform
import Synchronization
import Testing

@testable import Store

@Suite struct FaultTests {
  @Test func aFailedSyncHasAnUnknownOutcomeAndStopsTheStore() async throws {
    try await withFolder { folder in
      let disk = MemoryDisk(folder: folder.path)
      let settings = options { $0.vfs = MemoryDisk.layer }
      let store = try Store.open(folder: folder.path, options: settings)
      let inbox = try await store.filled(1)
      let told = Mutex<[StoreError]>([])
      store.onFailure { error in told.withLock { $0.append(error) } }
      let results = try await store.batch(
        (0..<3).map { number in
          { transaction -> UID in
            if number == 0 { disk.failSyncs(1) }
            return try transaction.file("message \(number)", in: inbox).uid
          }
        })
      for result in results {
        guard case StoreError.outcomeUnknown = try #require(result.error) else {
          Issue.record("answered \(result)")
          continue
        }
      }
      #expect(told.withLock { $0.count } == 1)
      // The disk works again, but nobody knows what is on it.
      await #expect(throws: StoreError.self) { try await store.write { _ in } }
      let found1 = try await store.read { try $0.mailbox(inbox)?.messages }
      #expect(found1 == 1)
      let next = disk.afterKill()
      await store.close()
      next.mount()
      defer { next.remove() }
      let again = try Store.open(folder: folder.path, options: settings)
      _ = try await again.write { try $0.file("again", in: inbox) }
      #expect(try await again.check().problems == [])
      await again.close()
    }
  }

  @Test(arguments: [FileError.write, SQLITE_FULL])
  func aFailedWriteInsideAClosureFailsCleanly(error: Int32) async throws {
    try await withDisk { store, disk in
      let inbox = try await store.filled(1)
      // A cache of ten pages spills into the log before the commit.
      try await store.write { try $0.database.execute("PRAGMA cache_size=10") }
      let results = try await store.batch(
        (0..<3).map { number in
          { transaction -> UID in
            if number == 1 { disk.failWrites(1000, with: error) }
            defer { disk.failWrites(0) }
            return try transaction.file(String(repeating: "\(number)", count: 200_000), in: inbox).uid
          }
        })
      #expect(results.filter { $0.error == nil }.count == 2)
      #expect(results[1].error != nil)
      if error == SQLITE_FULL { #expect(results[1].error as? StoreError == .diskFull) }
      let row = try #require(try await store.read { try $0.mailbox(inbox) })
      #expect((row.messages, row.uidNext) == (3, 4))
    }
  }

  @Test func aFullDatabaseRefusesCleanlyAndWorksOn() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(3)
      try await store.write { transaction in
        let pages = try transaction.database.pragma("page_count")
        try transaction.database.execute("PRAGMA max_page_count=\(pages + 4)")
      }
      await #expect(throws: StoreError.diskFull) {
        try await store.write { _ = try $0.file(String(repeating: "x", count: 100_000), in: inbox) }
      }
      _ = try await store.write { try $0.changeFlags(inbox, .all, .add, .seen) }
      try await store.write { try $0.database.execute("PRAGMA max_page_count=1000000") }
      _ = try await store.write { try $0.file(String(repeating: "x", count: 100_000), in: inbox) }
      let found2 = try await store.read { try $0.mailbox(inbox)?.messages }
      #expect(found2 == 4)
    }
  }

  @Test func theBallastIsLetGoForDeletingOnly() async throws {
    let settings = options {
      $0.ballast = 1 << 20
      $0.reserve = 1 << 20
    }
    try await withStore(settings) { store, folder in
      let inbox = try await store.filled(3)
      while !exists(folder.path + "/ballast") { await Task.yield() }
      #expect(mode(folder.path + "/ballast") == 0o600)
      try await store.write { transaction in
        let pages = try transaction.database.pragma("page_count")
        try transaction.database.execute("PRAGMA max_page_count=\(pages + 4)")
      }
      let large: @Sendable (inout Transaction) throws -> Void = {
        _ = try $0.file(String(repeating: "x", count: 100_000), in: inbox)
      }
      await #expect(throws: StoreError.diskFull) { try await store.write(.adding, large) }
      #expect(exists(folder.path + "/ballast"))
      await #expect(throws: StoreError.diskFull) { try await store.write(.freeing, large) }
      #expect(!exists(folder.path + "/ballast"))
      try await store.write { try $0.database.execute("PRAGMA max_page_count=1000000") }
    }
  }

  @Test func theReserveIsAskedOfTheFileSystem() async throws {
    try await withStore(options { $0.reserve = .max }) { store, _ in
      #expect(store.isBelowReserve)
      #expect(store.spaceLeft > 0)
    }
    try await withStore(options { $0.reserve = 0 }) { store, _ in #expect(!store.isBelowReserve) }
  }
}
