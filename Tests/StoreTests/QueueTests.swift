import Platform
import Synchronization
import Testing

@testable import Store

@Suite struct QueueTests {
  private func queue(
    _ store: Store, _ address: String, due: Duration? = .zero, state: RecipientState = .queued,
    destination: String? = "example.org"
  ) async throws -> RecipientID {
    try await store.write { transaction in
      let (envelope, content) = try transaction.envelope()
      let prefix = try transaction.insertPrefix(bytes("Received: here\r\n"))
      return try transaction.insert(
        NewRecipient(
          address: address, state: state, due: due.map { noon + $0 }, destination: destination, options: [1, 2],
          content: content, prefix: prefix), of: envelope, trace: step("queued"))
    }
  }

  @Test func theRunnerFindsWhatIsDue() async throws {
    try await withStore { store, _ in
      let late = try await queue(store, "late@example.org", due: .seconds(60))
      let early = try await queue(store, "early@example.org", due: .seconds(-60))
      let held = try await queue(store, "held@example.org", due: .seconds(10), state: .held, destination: nil)
      _ = try await queue(store, "quarantined@example.org", due: nil, state: .quarantined)
      let other = try await queue(store, "other@example.net", due: .seconds(5), destination: "example.net")
      let now = try await store.read { try $0.due(by: noon, limit: 10).map(\.recipient.id) }
      #expect(now == [early])
      let next = try await store.read { try $0.nextDue() }
      #expect(next == noon - .seconds(60))
      let all = try await store.read { try $0.due(by: noon + .seconds(3600), limit: 10) }
      #expect(all.map(\.recipient.id) == [early, other, held, late])
      #expect(all.first?.envelope.sender == "bob@example.org")
      #expect(all.first?.recipient.options == [1, 2])
      let some = try await store.read { try $0.due(by: noon + .seconds(3600), limit: 2).count }
      #expect(some == 2)
      let there = try await store.read { try $0.queued(destination: "example.org", limit: 10).map(\.recipient.id) }
      #expect(there == [early, late])
      let counts = try await store.read { try $0.waitingCounts() }
      #expect(counts == [.queued: 3, .held: 1, .quarantined: 1])
    }
  }

  @Test func aFinalRecipientNeedsNothingAndStaysFinal() async throws {
    try await withStore { store, _ in
      let id = try await queue(store, "anna@example.org")
      #expect(try await store.write { try $0.beginAttempt(id, trace: step("attempting")) })
      let uncertain = try await store.read { try $0.attempting().map(\.recipient.id) }
      #expect(uncertain == [id])
      let retried = try await store.write { transaction in
        try transaction.update(id, trace: step("deferred")) {
          $0.attempting = nil
          $0.attempts += 1
          $0.due = noon + .seconds(300)
          $0.said = "450 later"
        }
      }
      #expect((retried.attempts, retried.state, retried.said) == (1, .queued, "450 later"))
      let relayed = try await store.write { transaction in
        try transaction.update(id, trace: step("relayed")) { $0.state = .relayed }
      }
      #expect((relayed.due, relayed.content, relayed.prefix) == (nil, nil, nil))
      await #expect(throws: StoreError.alreadyFinal(id, .relayed)) {
        try await store.write { _ = try $0.update(id, trace: step("x")) { $0.state = .failed } }
      }
      #expect(try await store.write { try !$0.beginAttempt(id, trace: step("attempting")) })
      await #expect(throws: StoreError.self) {
        try await store.write { _ = try $0.update(RecipientID(id.envelope, 9), trace: step("x")) { _ in } }
      }
      let trace = try await store.read { try $0.trace(of: id.envelope) }
      #expect(trace.map(\.what) == ["queued", "attempting", "deferred", "relayed"])
      #expect(trace.map(\.state) == [.queued, nil, nil, .relayed])
      #expect(trace.allSatisfy { $0.recipient == "anna@example.org" })
      try await store.untilReaped()
      #expect(try await store.rowCount("content") == 0)
      #expect(try await store.rowCount("prefix") == 0)
    }
  }

  @Test func releasingMovesTheContentToAMailbox() async throws {
    try await withStore { store, _ in
      let id = try await queue(store, "anna@example.org", due: nil, state: .quarantined)
      let filed = try await store.write { transaction in
        let recipient = try #require(try transaction.recipient(id))
        let filed = try transaction.file(
          NewEntry(
            mailbox: try transaction.inbox(), content: try #require(recipient.content), prefix: recipient.prefix,
            internalDate: noon))
        try transaction.update(id, trace: step("released")) { $0.state = .delivered }
        return filed
      }
      try await store.untilReaped()
      let fetched = try await store.read { try $0.fetch(filed.mailbox, .all, .header) }
      #expect(fetched.map { $0.prefix } == [bytes("Received: here\r\n")])
    }
  }

  @Test func aWaitingRecipientNeedsAContent() async throws {
    try await withStore { store, _ in
      await #expect(throws: StoreError.self) {
        try await store.write { transaction in
          let (envelope, _) = try transaction.envelope()
          _ = try transaction.insert(
            NewRecipient(address: "x", state: .held), of: envelope, trace: step("held"))
        }
      }
      let id = try await queue(store, "anna@example.org")
      await #expect(throws: StoreError.self) {
        try await store.write { _ = try $0.update(id, trace: step("x")) { $0.content = nil } }
      }
    }
  }

  @Test func listingsFilterAndPage() async throws {
    try await withStore { store, _ in
      var ids: [RecipientID] = []
      for number in 0..<5 { ids.append(try await queue(store, "n\(number)@example.org")) }
      let held = try await queue(store, "held@example.net", due: nil, state: .held, destination: nil)
      let done = try await queue(store, "done@example.net")
      _ = try await store.write { try $0.update(done, trace: step("relayed")) { $0.state = .relayed } }
      func list(_ filter: QueueFilter) async throws -> [RecipientID] {
        try await store.read { try $0.waiting(filter).map(\.recipient.id) }
      }
      #expect(try await list(QueueFilter()) == ids + [held])
      #expect(try await list(QueueFilter(state: .held)) == [held])
      #expect(try await list(QueueFilter(recipient: "N3@Example.org")) == [ids[3]])
      #expect(try await list(QueueFilter(sender: "bob@example.org", destination: "EXAMPLE.org")) == ids)
      #expect(try await list(QueueFilter(sender: "")) == [])
      #expect(try await list(QueueFilter(envelope: ids[2].envelope)) == [ids[2]])
      #expect(try await list(QueueFilter(limit: 2)) == [ids[0], ids[1]])
      #expect(try await list(QueueFilter(after: ids[1], limit: 2)) == [ids[2], ids[3]])
      #expect(try await list(QueueFilter(account: "nobody")) == [])
    }
  }

  @Test func commitsTellWhenSomethingIsDue() async throws {
    try await withStore { store, _ in
      let heard = Mutex<[Moment?]>([])
      store.onCommit { summary in if summary.queueChanged { heard.withLock { $0.append(summary.due) } } }
      let id = try await queue(store, "anna@example.org", due: .seconds(5))
      #expect(heard.withLock { $0 } == [noon + .seconds(5)])
      _ = try await store.write { try $0.update(id, trace: step("held")) { ($0.state, $0.due) = (.held, nil) } }
      #expect(heard.withLock { $0 } == [noon + .seconds(5), nil])
    }
  }
}

@Suite struct FingerprintTests {
  private func accept(_ store: Store, _ fingerprint: Int64, at: Moment) async throws -> EnvelopeID {
    try await store.write { transaction in
      let (envelope, content) = try transaction.envelope(fingerprint: fingerprint, at: at)
      _ = try transaction.file(
        NewEntry(mailbox: try transaction.inbox(), content: content, internalDate: at))
      _ = try transaction.insert(
        NewRecipient(address: "anna@example.org", state: .delivered), of: envelope, trace: step("filed"))
      return envelope
    }
  }

  @Test func aRetryIsRecognisedUntilTheReplyWasRead() async throws {
    let clock = HandClock()
    try await withStore(options { $0.clock = clock.clock }) { store, _ in
      let unknown = try await store.write { try $0.earlier(fingerprint: 7) }
      #expect(unknown == nil)
      let id = try await accept(store, 7, at: clock.now)
      let pending = try await store.write { try $0.earlier(fingerprint: 7) }
      #expect(pending == EarlierEnvelope(id: id, at: clock.now, reply: .pending))
      store.markReply(id, .lost)
      let lost = try await store.write { try $0.earlier(fingerprint: 7)?.reply }
      #expect(lost == .lost)
      clock.turn(.seconds(6 * 86_400))
      let old = try await store.write { try $0.earlier(fingerprint: 7) }
      #expect(old == nil)
      let second = try await accept(store, 7, at: clock.now)
      store.markReply(second, .read)
      let read = try await store.write { try $0.earlier(fingerprint: 7) }
      #expect(read == nil)
    }
  }

  @Test func oneBatchSeesItsOwn() async throws {
    try await withStore { store, _ in
      let results = try await store.batch(
        (0..<2).map { _ in
          { transaction -> EnvelopeID? in
            if let earlier = try transaction.earlier(fingerprint: 5) { return earlier.id }
            let (envelope, content) = try transaction.envelope(fingerprint: 5)
            _ = try transaction.file(
              NewEntry(mailbox: try transaction.inbox(), content: content, internalDate: noon))
            _ = try transaction.insert(
              NewRecipient(address: "anna@example.org", state: .delivered), of: envelope, trace: step("filed"))
            return envelope
          }
        })
      #expect(try results[0].get() == results[1].get())
      #expect(try await store.rowCount("envelope") == 1)
    }
  }

  @Test func afterARestartAPendingReplyCountsAsLost() async throws {
    let clock = HandClock()
    try await withFolder { folder in
      let settings = options { $0.clock = clock.clock }
      let store = try Store.open(folder: folder.path, options: settings)
      let (pending, read) = try await (accept(store, 1, at: clock.now), accept(store, 2, at: clock.now))
      store.markReply(read, .read)
      // Written with the next commit.
      try await store.write { try $0.setSetting("x", [1]) }
      let crashed = folder.copy()
      await store.close()
      let again = try Store.open(folder: crashed.path, options: settings)
      let found = try await again.write { (try $0.earlier(fingerprint: 1), try $0.earlier(fingerprint: 2)) }
      #expect(found.0 == EarlierEnvelope(id: pending, at: clock.now, reply: .lost))
      #expect(found.1 == nil)
      await again.close()
    }
  }

  @Test func theMapIsBounded() {
    var map = FingerprintMap(limit: 10)
    for number in 0..<5000 {
      map.insert(
        FingerprintMap.Item(
          fingerprint: Int64(number), envelope: EnvelopeID(Int64(number + 1)), at: noon, reply: .lost))
    }
    #expect(map.count == 10)
    #expect(map.earlier(4999, notBefore: noon) != nil)
    #expect(map.earlier(4990, notBefore: noon) != nil)
    #expect(map.earlier(4989, notBefore: noon) == nil)
  }
}
