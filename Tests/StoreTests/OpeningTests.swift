import Glibc
import Platform
import Synchronization
import Testing

@testable import Store

@Suite struct OpeningTests {
  @Test func nobodyElseMayReadIt() async throws {
    try await withStore { store, folder in
      _ = try await store.filled(1)
      #expect(mode(folder.path) == 0o700)
      for name in ["postroom.db", "postroom.db-wal", "postroom.db-shm", "lock"] {
        #expect(mode(folder.path + "/" + name) == 0o600, "\(name)")
      }
    }
  }

  @Test func oneStoreHasOneDatabase() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      #expect(throws: StoreError.locked(path: folder.path)) {
        try Store.open(folder: folder.path, options: options())
      }
      #expect(throws: StoreError.locked(path: folder.path)) { try Store.check(folder: folder.path) }
      await store.close()
      let again = try Store.open(folder: folder.path, options: options())
      await again.close()
    }
  }

  /// A command of the command line that looks something up must not keep the appliance from starting.
  @Test func aPatientStoreWaitsForTheOtherProcess() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      let (isWaiting, waiting) = AsyncStream.makeStream(of: Void.self)
      async let next = store.onThread("patient") {
        waiting.yield()
        return try Store.open(folder: folder.path, options: options { $0.patience = .seconds(60) })
      }
      for await _ in isWaiting { break }
      await store.close()
      try await next.close()
    }
  }

  @Test func aFolderThatIsMissingIsMadeAndOneThatCannotBeIsNamed() async throws {
    try await withFolder { folder in
      let inner = folder.path + "/data"
      let store = try Store.open(folder: inner, options: options())
      #expect(mode(inner) == 0o700)
      await store.close()
      for name in ["postroom.db", "lock"] { unlink(inner + "/" + name) }
      rmdir(inner)
      write(folder.path + "/file", [1])
      for path in [folder.path + "/no/such", folder.path + "/file"] {
        #expect(throws: StoreError.self) { try Store.open(folder: path, options: options()) }
      }
    }
  }

  @Test func aNewerSchemaIsRefusedWithTheReason() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      await store.close()
      try alter(folder, "PRAGMA user_version=99")
      let error = #expect(throws: StoreError.newerSchema(found: 99, known: Store.schemaVersion)) {
        try Store.open(folder: folder.path, options: options())
      }
      #expect(error?.description.contains("99") == true)
      #expect(throws: StoreError.newerSchema(found: 99, known: Store.schemaVersion)) {
        try Store.check(folder: folder.path)
      }
    }
  }

  @Test func theSchemaIsBuiltInSteps() {
    #expect(Store.schemaVersion == Schema.steps.count)
  }

  @Test func aForeignDatabaseIsRefused() async throws {
    try await withFolder { folder in
      try Opening.makeFile(folder.path + "/postroom.db")
      try alter(folder, "CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)")
      #expect(throws: StoreError.self) { try Store.open(folder: folder.path, options: options()) }
      write(folder.path + "/postroom.db", Array(repeating: 0x41, count: 8192))
      #expect(throws: StoreError.self) { try Store.open(folder: folder.path, options: options()) }
    }
  }

  @Test func whatWasAcknowledgedIsThereAfterACrash() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      let inbox = try await store.filled(0)
      let load = Load(store, inbox)
      let writers = (0..<4).map { writer in Task { try await load.run(writer) } }
      var crashes: [(Folder, Set<UID>)] = []
      for round in 1...5 {
        while load.acknowledged.count < round * 20 { await Task.yield() }
        let before = load.acknowledged
        // The database file first, then the log: no checkpoint runs in a store of this size.
        crashes.append((folder.copy(), before))
      }
      load.stop()
      for writer in writers { try await writer.value }
      await store.close()
      for (crash, before) in crashes {
        let again = try Store.open(folder: crash.path, options: options())
        let snapshot = try #require(try await again.read { try $0.snapshot(inbox) })
        #expect(Set(snapshot.uids).isSuperset(of: before))
        let filed = try await again.write { try $0.file("after the crash", in: inbox) }
        #expect(filed.uid > snapshot.uids.last ?? 0)
        let report = try await again.check()
        #expect(report.problems == [])
        await again.close()
      }
    }
  }

  @Test func idsAreNotUsedTwice() async throws {
    try await withFolder { folder in
      let last = Mutex(EnvelopeID(1))
      for _ in 0..<3 {
        let store = try Store.open(folder: folder.path, options: options())
        for _ in 0..<3 {
          let id = try await store.write { try $0.envelope().0 }
          #expect(id > last.withLock { $0 })
          // One that is rolled back may be in a log already.
          try? await store.write { transaction in
            let lost = try transaction.envelope().0
            last.withLock { $0 = max(id, lost) }
            throw StoreError.diskFull
          }
        }
        await store.close()
      }
    }
  }

  @Test func openingAndClosingLeavesNothingBehind() async throws {
    try await withFolder { folder in
      func openFiles() -> Int {
        guard let directory = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
          var target = [CChar](repeating: 0, count: 4096)
          let name = withUnsafeBytes(of: entry.pointee.d_name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
          }
          let length = readlink("/proc/self/fd/" + name, &target, target.count)
          let path = String(decoding: target.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
          if path.hasPrefix(folder.path) { count += 1 }
        }
        return count
      }
      for _ in 0..<20 {
        let store = try Store.open(folder: folder.path, options: options())
        _ = try await store.filled(1)
        #expect(openFiles() > 0)
        await store.close()
        #expect(openFiles() == 0)
      }
      // The log was taken over into the file.
      #expect(!exists(folder.path + "/postroom.db-wal"))
    }
  }
}

/// Somebody who files messages until he is told to stop, and remembers what was acknowledged.
final class Load: Sendable {
  private let store: Store
  private let mailbox: MailboxID
  private let state = Mutex((uids: Set<UID>(), isOver: false))

  init(_ store: Store, _ mailbox: MailboxID) {
    self.store = store
    self.mailbox = mailbox
  }

  var acknowledged: Set<UID> { state.withLock { $0.uids } }

  func stop() { state.withLock { $0.isOver = true } }

  func run(_ writer: Int, size: Int = 100) async throws {
    var number = 0
    while !state.withLock({ $0.isOver }) {
      let text = "\(writer) \(number) " + String(repeating: "x", count: size)
      let uid = try await store.write { [mailbox] in try $0.file(text, in: mailbox).uid }
      _ = state.withLock { $0.uids.insert(uid) }
      number += 1
    }
  }
}

/// Changes a closed database behind the store's back.
func alter(_ folder: Folder, _ sql: String) throws {
  let database = try Database(path: folder.path + "/postroom.db", role: .writer)
  try database.execute("PRAGMA foreign_keys=OFF")
  try database.execute(sql)
  database.close()
}

/// What a lock that could not be had leaves behind.
@Suite struct StoreLockTests {
  /// A descriptor that is closed twice is another's the second time: a connection's, or a database's.
  @Test func aLockThatIsRefusedClosesNobodyElsesFile() async throws {
    let folder = Folder()
    defer { folder.remove() }
    let held = try StoreLock(folder: folder.path)
    let other = Task.detached { () -> Bool in
      var isWhole = true
      while isWhole, !Task.isCancelled {
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        sched_yield()
        isWhole = fcntl(file, F_GETFD) >= 0
        close(file)
      }
      return isWhole
    }
    for _ in 0..<3000 {
      #expect(throws: StoreError.locked(path: folder.path)) { try StoreLock(folder: folder.path) }
    }
    other.cancel()
    #expect(await other.value, "a file was closed by somebody else")
    withExtendedLifetime(held) {}
  }
}
