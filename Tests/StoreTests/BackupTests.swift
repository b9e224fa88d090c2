import Platform
import Synchronization
import Testing

@testable import Store

@Suite struct BackupTests {
  /// With a log limit of 0 the copy is made by the writer, in slices between its batches.
  @Test(arguments: [512 << 20, 0])
  func allThatWasAcknowledgedBeforeIsInABackupTakenUnderWrites(logLimit: Int) async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options { $0.backupLogLimit = logLimit })
      let inbox = try await store.filled(50)
      let load = Load(store, inbox)
      let writer = Task { try await load.run(0, size: 20_000) }
      while load.acknowledged.count < 20 { await Task.yield() }
      let before = load.acknowledged
      let copy = folder.path + "/copy"
      let size = try await store.backup(to: copy)
      load.stop()
      try await writer.value
      let validity = try await store.read { try $0.mailbox(inbox)?.uidValidity }
      #expect(size > 0 && mode(copy) == 0o600)
      #expect(!exists(copy + ".part"))
      await store.close()

      let target = folder.copy()
      target.remove()
      let report = try Store.restore(copy, into: target.path, at: noon)
      #expect(report.messages >= 50 + before.count)
      #expect(report.mailboxes == 1)
      let again = try Store.open(folder: target.path, options: options())
      let snapshot = try #require(try await again.read { try $0.snapshot(inbox) })
      #expect(Set(snapshot.uids).isSuperset(of: before))
      #expect(snapshot.mailbox.uidValidity > validity ?? .max)
      let check = try await again.check()
      #expect(check.problems == [])
      _ = try await again.filled(3)
      await again.close()
    }
  }

  @Test func everyMailboxGetsANewUIDValidityAndNoIDComesAgain() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      let before = try await store.write { transaction in
        try ["a", "b", "c"].map { try transaction.createMailbox(account: "anna", name: $0).uidValidity }
      }
      let copy = folder.path + "/copy"
      _ = try await store.backup(to: copy)
      // What is given out after the backup is known to clients.
      let after = try await store.write { transaction in
        let mailbox = try transaction.createMailbox(account: "anna", name: "d")
        return (mailbox.uidValidity, try transaction.envelope().0)
      }
      await store.close()
      let target = folder.copy()
      target.remove()
      _ = try Store.restore(copy, into: target.path, at: noon + .seconds(3600))
      let again = try Store.open(folder: target.path, options: options())
      let now = try await again.read { try $0.mailboxes(account: "anna").map(\.uidValidity) }
      #expect(Set(now).count == 3)
      #expect(now.allSatisfy { $0 > (before + [after.0]).max() ?? .max })
      let next = try await again.write { try $0.envelope().0 }
      #expect(next > after.1)
      await again.close()
    }
  }

  @Test(arguments: [false, true]) func theQueueCanBeHeld(holding: Bool) async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      let ids = try await store.write { transaction in
        let (envelope, content) = try transaction.envelope()
        return try ["a@example.org", "b@example.org"].map {
          try transaction.insert(
            NewRecipient(address: $0, state: .queued, due: noon, content: content), of: envelope, trace: step("queued"))
        }
      }
      let copy = folder.path + "/copy"
      _ = try await store.backup(to: copy)
      await store.close()
      let target = folder.copy()
      target.remove()
      let report = try Store.restore(copy, into: target.path, holdingQueue: holding, at: noon)
      #expect(report.queued == 2)
      let again = try Store.open(folder: target.path, options: options())
      let states = try await again.read { try $0.recipients(of: ids[0].envelope).map(\.state) }
      #expect(states == (holding ? [.held, .held] : [.queued, .queued]))
      let check = try await again.check()
      #expect(check.problems == [])
      await again.close()
    }
  }

  @Test func onlyASoundBackupGoesIntoAnEmptyFolder() async throws {
    try await withStore { store, folder in
      _ = try await store.filled(100)
      let copy = folder.path + "/copy"
      _ = try await store.backup(to: copy)
      #expect(throws: StoreError.locked(path: folder.path)) {
        try Store.restore(copy, into: folder.path, at: noon)
      }
      let target = folder.copy()
      #expect(throws: StoreError.self) { try Store.restore(copy, into: target.path, at: noon) }
      target.remove()
      var damaged = try #require(read(copy))
      for index in damaged.count / 2..<damaged.count / 2 + 8192 { damaged[index] = 0x5a }
      write(folder.path + "/damaged", damaged)
      #expect(throws: StoreError.self) { try Store.restore(folder.path + "/damaged", into: target.path, at: noon) }
      write(folder.path + "/foreign", bytes("this is no database at all, but long enough to be read as one"))
      #expect(throws: StoreError.self) { try Store.restore(folder.path + "/foreign", into: target.path, at: noon) }
      #expect(throws: StoreError.self) { try Store.restore(folder.path + "/none", into: target.path, at: noon) }
      // Nothing of the failed ones is left in the way.
      _ = try Store.restore(copy, into: target.path, at: noon)
      await #expect(throws: StoreError.self) { _ = try await store.backup(to: "/nowhere/at/all") }
      // Above all not the living database.
      for path in [copy, folder.path + "/postroom.db"] {
        let before = read(path)
        await #expect(throws: StoreError.self) { _ = try await store.backup(to: path) }
        #expect(read(path) == before)
      }
    }
  }
}
