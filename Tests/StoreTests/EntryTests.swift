import Platform
import Testing

@testable import Store

@Suite struct EntryTests {
  @Test func eachMessageGetsTheNextUIDAndModSeq() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(0)
      let first = try await store.write { transaction in
        try (0..<3).map { try transaction.file("\($0)", in: inbox) }
      }
      #expect(first.map(\.uid) == [1, 2, 3])
      #expect(first.map(\.modSeq) == [2, 3, 4])
      _ = try await store.write { try $0.expunge(inbox, [3], onlyDeleted: false) }
      // The UID of an expunged message is never given out again.
      let next = try await store.write { try $0.file("next", in: inbox) }
      #expect((next.uid, next.modSeq) == (4, 6))
    }
  }

  @Test func flagsChangeByAddingRemovingAndReplacing() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(4)
      let added = try await store.write { transaction in
        try transaction.changeFlags(inbox, [1, 2, 9], .add, [.seen, .flagged], keywords: ["Work"])
      }
      #expect(added.changed == [1, 2])
      #expect(added.modSeq == 6)
      #expect(added.entries.map(\.modSeq) == [6, 6])
      #expect(added.keywords.words(in: added.entries[0].flags) == ["Work"])
      // What changes nothing gets no new sequence.
      let again = try await store.write { try $0.changeFlags(inbox, [1], .add, .seen, keywords: ["WORK"]) }
      #expect((again.changed, again.modSeq, again.entries.map(\.uid)) == ([], 6, [1]))
      let removed = try await store.write {
        try $0.changeFlags(inbox, [1], .remove, .flagged, keywords: ["work", "no"])
      }
      #expect(removed.entries.map(\.flags) == [.seen])
      #expect(removed.keywords.words == ["Work"])
      let replaced = try await store.write { try $0.changeFlags(inbox, .all, .replace, .deleted) }
      #expect(replaced.changed == [1, 2, 3, 4])
      let row = try #require(try await store.write { try $0.mailbox(inbox) })
      #expect((row.unseen, row.deleted, row.highestModSeq) == (4, 4, 8))
    }
  }

  @Test func unchangedSinceLeavesLaterChangesAlone() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(3)
      let since = try #require(try await store.read { try $0.mailbox(inbox) }).highestModSeq
      _ = try await store.write { try $0.changeFlags(inbox, [2], .add, .flagged) }
      let result = try await store.write { try $0.changeFlags(inbox, [1, 2, 3], .add, .seen, unchangedSince: since) }
      #expect(result.failed == [2])
      #expect(result.changed == [1, 3])
      let flags = try await store.read { try $0.flags(inbox, .all) }
      #expect(flags.map(\.flags) == [.seen, .flagged, .seen])
      #expect(flags.map(\.modSeq) == [6, 5, 6])
      // RFC 7162 §3.1.3: with 0 every message that has been stored at all fails.
      let none = try await store.write { try $0.changeFlags(inbox, .all, .add, .draft, unchangedSince: 0) }
      #expect((none.failed, none.changed, none.modSeq) == ([1, 2, 3], [], 6))
    }
  }

  @Test func changesTellWhatASessionMissed() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(10)
      let since = try #require(try await store.read { try $0.snapshot(inbox) }).mailbox.highestModSeq
      try await store.write { transaction in
        _ = try transaction.changeFlags(inbox, [3, 5], .add, .seen)
        _ = try transaction.changeFlags(inbox, [5, 6], .add, .deleted)
        _ = try transaction.expunge(inbox, [6, 7])
        _ = try transaction.expunge(inbox, [9, 10], onlyDeleted: false)
        _ = try transaction.file("new", in: inbox)
      }
      let changes = try #require(try await store.read { try $0.changes(inbox, since: since) })
      #expect(changes.changed.map(\.uid) == [3, 5, 11])
      #expect(changes.expunged == [6, 9, 10])
      let nothing = try #require(
        try await store.read { try $0.changes(inbox, since: changes.mailbox.highestModSeq) })
      #expect(nothing.changed.isEmpty && nothing.expunged.isEmpty)
      #expect(try await store.rowCount("expunged") == 2)
    }
  }

  /// A session that knows the messages below a UID is told of all that changed, though only new ones are looked at where only
  /// new ones came.
  @Test func changesToWhatWasThereAreNotOverlooked() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(3)
      func changed(since: ModSeq) async throws -> [UID] {
        let changes = try await store.read { try $0.changes(inbox, since: since, known: 4) }
        return try #require(changes).changed.map(\.uid)
      }
      let start = try #require(try await store.read { try $0.mailbox(inbox) })
      #expect((start.highestModSeq, start.lastChange, start.uidNext) == (4, 0, 4))
      _ = try await store.write { try $0.file("new", in: inbox) }
      #expect(try await changed(since: 4) == [4])
      // Two messages by one step, and a change: as many steps as messages.
      _ = try await store.write { transaction in
        _ = try transaction.copy(inbox, [1, 2], to: inbox)
        _ = try transaction.changeFlags(inbox, [2], .add, .seen)
      }
      #expect(try await changed(since: 4) == [2, 4, 5, 6])
      #expect(try await changed(since: 6) == [2])
      _ = try await store.write { try $0.file("newer", in: inbox) }
      #expect(try await changed(since: 7) == [7])
      #expect(try await store.read { try $0.mailbox(inbox) }?.lastChange == 7)
    }
  }

  @Test func expungingTakesOnlyWhatIsMarked() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(5)
      let nothing = try await store.write { try $0.expunge(inbox) }
      #expect((nothing.uids, nothing.modSeq) == ([], 6))
      _ = try await store.write { try $0.changeFlags(inbox, [2, 4], .add, .deleted) }
      let some = try await store.write { try $0.expunge(inbox, [1, 2, 3]) }
      #expect((some.uids, some.modSeq) == ([2], 8))
      let rest = try await store.write { try $0.expunge(inbox) }
      #expect(rest.uids == [4])
    }
  }

  @Test func copiesKeepFlagsKeywordsAndDates() async throws {
    try await withStore { store, _ in
      let (inbox, other) = try await store.write { transaction in
        let inbox = try transaction.inbox()
        let other = try transaction.createMailbox(account: "anna", name: "other").id
        // Another number for the same word there.
        _ = try transaction.file("first", in: other, keywords: ["Other"])
        for number in 0..<4 {
          _ = try transaction.file(
            "\(number)", in: inbox, flags: .seen, keywords: number == 2 ? ["Work", "Other"] : [])
        }
        return (inbox, other)
      }
      let copied = try await store.write { try $0.copy(inbox, [2, 3, 9], to: other) }
      #expect(copied.source == [2, 3])
      #expect(copied.destination == [2, 3])
      #expect(copied.expungedModSeq == nil)
      let (entries, keywords) = try await store.read {
        (try $0.entries(other, [2, 3]), try $0.keywords(other))
      }
      #expect(entries.map { $0.flags.intersection(.system) } == [.seen, .seen])
      #expect(entries.map { Set(keywords.words(in: $0.flags)) } == [[], ["Work", "Other"]])
      #expect(entries.map(\.internalDate) == [noon, noon])
      let moved = try await store.write { try $0.move(inbox, [1, 2], to: other) }
      #expect(moved.destination == [4, 5])
      let (left, expunged) = try await store.read {
        (try $0.entries(inbox, .all).map(\.uid), try $0.expunged(inbox, since: (moved.expungedModSeq ?? 0) - 1))
      }
      #expect(left == [3, 4])
      #expect(expunged == [1, 2])
      // Within one mailbox the copies stay and the originals go.
      let within = try await store.write { try $0.move(inbox, [3], to: inbox) }
      #expect((within.source, within.destination) == ([3], [5]))
      #expect(try await store.rowCount("body") == 5)
    }
  }

  @Test func keywordsThatNobodyUsesMakeRoom() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(1)
      for number in 0..<Flags.keywordLimit {
        _ = try await store.write { try $0.changeFlags(inbox, [1], .replace, [], keywords: ["k\(number)"]) }
      }
      let full = try await store.read { try $0.keywords(inbox) }
      #expect(full.words.count == Flags.keywordLimit)
      let result = try await store.write { try $0.changeFlags(inbox, [1], .add, [], keywords: ["new"]) }
      #expect(Set(result.keywords.words(in: result.entries[0].flags)) == ["k\(Flags.keywordLimit - 1)", "new"])
      await #expect(throws: StoreError.tooManyKeywords(inbox)) {
        try await store.write {
          _ = try $0.changeFlags(inbox, [1], .add, [], keywords: (0..<Flags.keywordLimit).map { "full\($0)" })
        }
      }
    }
  }

  @Test func uidsDoNotWrapAround() async throws {
    try await withStore { store, _ in
      let inbox = try await store.filled(0)
      try await store.write { try $0.database.execute("UPDATE mailbox SET uidnext = \(UInt32.max - 1)") }
      // Loaded anew, as after a restart.
      try await store.write { $0.core.forgetMailbox(inbox) }
      let last = try await store.write { try $0.file("last", in: inbox) }
      #expect(last.uid == UID.max - 1)
      await #expect(throws: StoreError.mailboxFull(inbox)) {
        try await store.write { _ = try $0.file("more", in: inbox) }
      }
    }
  }

  /// Random operations against a model that is too simple to be wrong.
  @Test(arguments: [1, 2, 3, 4]) func countersAndSequencesAreExact(seed: UInt64) async throws {
    try await withStore { store, _ in
      var random = Generator(state: seed)
      let inbox = try await store.filled(0)
      var model: [UID: (flags: Flags, modSeq: ModSeq)] = [:]
      var (uidNext, modSeq): (UID, ModSeq) = (1, 1)
      for _ in 0..<150 {
        let uids = UIDSet((0..<4).map { _ in UID.random(in: 1...max(uidNext, 2), using: &random) })
        let flags: Flags = [[], .seen, .deleted, [.seen, .deleted], .flagged].randomElement(using: &random) ?? []
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
          let text = "text \(uidNext)"
          let filed = try await store.write { try $0.file(text, in: inbox, flags: flags) }
          modSeq += 1
          #expect((filed.uid, filed.modSeq) == (uidNext, modSeq))
          model[uidNext] = (flags, modSeq)
          uidNext += 1
        case 4..<8:
          let change: FlagChange = [.add, .remove, .replace].randomElement(using: &random) ?? .add
          let since = Bool.random(using: &random) ? ModSeq.random(in: 0...modSeq, using: &random) : nil
          let result = try await store.write {
            try $0.changeFlags(inbox, uids, change, flags, unchangedSince: since)
          }
          var (changed, failed) = (UIDSet(), UIDSet())
          for uid in uids.uids {
            guard let old = model[uid] else { continue }
            if let since, old.modSeq > since {
              failed.insert(uid)
            } else if old.flags.applying(change, flags) != old.flags {
              changed.insert(uid)
              model[uid] = (old.flags.applying(change, flags), modSeq + 1)
            }
          }
          if !changed.isEmpty { modSeq += 1 }
          #expect((result.changed, result.failed, result.modSeq) == (changed, failed, modSeq))
        default:
          let result = try await store.write { try $0.expunge(inbox, uids) }
          let gone = UIDSet(uids.uids.filter { model[$0]?.flags.contains(.deleted) ?? false })
          for uid in gone.uids { model[uid] = nil }
          if !gone.isEmpty { modSeq += 1 }
          #expect((result.uids, result.modSeq) == (gone, modSeq))
        }
      }
      let snapshot = try #require(try await store.read { try $0.snapshot(inbox) })
      let rows = model.sorted { $0.key < $1.key }
      #expect(snapshot.uids == rows.map(\.key))
      #expect(snapshot.flags == rows.map(\.value.flags))
      #expect(snapshot.modSeqs == rows.map(\.value.modSeq))
      #expect((snapshot.mailbox.uidNext, snapshot.mailbox.highestModSeq) == (uidNext, modSeq))
    }
  }
}

/// A small reproducible generator (SplitMix64).
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
