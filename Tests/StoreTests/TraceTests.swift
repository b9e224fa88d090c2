import Platform
import Testing

@testable import Store

@Suite struct TraceTests {
  private func accept(
    _ store: Store, messageID: String? = nil, subject: String? = nil, sender: String? = "bob@example.org",
    to recipients: [String] = ["anna@example.org"], at: Moment = noon
  ) async throws -> EnvelopeID {
    try await store.write { transaction in
      let (envelope, content) = try transaction.envelope(sender, messageID: messageID, subject: subject, at: at)
      try transaction.trace(step("accepted"), of: envelope)
      for address in recipients {
        _ = try transaction.file(
          NewEntry(mailbox: try transaction.inbox(), content: content, internalDate: at))
        _ = try transaction.insert(
          NewRecipient(address: address, state: .delivered), of: envelope, trace: step("filed"))
      }
      return envelope
    }
  }

  private func find(_ store: Store, _ query: TraceQuery) async throws -> [EnvelopeID] {
    try await store.read { try $0.envelopes(matching: query).map(\.id) }
  }

  @Test func stepsComeInOrderWithTheirRecipients() async throws {
    try await withStore { store, _ in
      let id = try await accept(store, to: ["anna@example.org", "carl@example.org"])
      try await store.write { try $0.trace(step("seen", "dora@example.org"), of: id) }
      let steps = try await store.read { try $0.trace(of: id) }
      #expect(steps.map(\.what) == ["accepted", "filed", "filed", "seen"])
      #expect(steps.map(\.recipient) == [nil, "anna@example.org", "carl@example.org", "dora@example.org"])
      #expect(steps.map(\.state) == [nil, .delivered, .delivered, nil])
    }
  }

  @Test func envelopesAreFoundByWhatTheOfficeKnows() async throws {
    try await withStore { store, _ in
      let first = try await accept(store, messageID: "<a@x>", subject: "Quarterly Report", at: noon)
      let second = try await accept(
        store, messageID: "<b@x>", subject: "Re: quarterly", sender: nil, to: ["Carl@Example.NET"],
        at: noon + .seconds(60))
      let third = try await accept(store, messageID: "<a@x>", subject: nil, at: noon + .seconds(120))
      #expect(try await find(store, TraceQuery()) == [third, second, first])
      #expect(try await find(store, TraceQuery(messageID: "<a@x>")) == [third, first])
      #expect(try await find(store, TraceQuery(messageID: " a@x")) == [third, first])
      #expect(try await find(store, TraceQuery(messageID: "<c@x>")) == [])
      #expect(try await find(store, TraceQuery(address: "carl@example.net")) == [second])
      #expect(try await find(store, TraceQuery(address: "BOB@")) == [third, first])
      #expect(try await find(store, TraceQuery(address: "%")) == [])
      #expect(try await find(store, TraceQuery(subject: ["REPORT", "quarter"])) == [first])
      #expect(try await find(store, TraceQuery(subject: ["quarterly"])) == [second, first])
      #expect(try await find(store, TraceQuery(from: noon + .seconds(60), until: noon + .seconds(60))) == [second])
      #expect(try await find(store, TraceQuery(address: "@example", limit: 2)) == [third, second])
      #expect(
        try await find(store, TraceQuery(messageID: "a@x", address: "anna", subject: ["report"], until: noon)) == [
          first
        ])
    }
  }

  @Test func messageIDsAreFoundWhileTheyAreFoldedAndAfterwards() async throws {
    try await withFolder { folder in
      let settings = options { $0.hashTail = 20 }
      let store = try Store.open(folder: folder.path, options: settings)
      var ids: [EnvelopeID] = []
      for number in 0..<50 {
        ids.append(try await accept(store, messageID: "<\(number)@x>"))
        for earlier in stride(from: 0, through: number, by: 7) {
          #expect(try await find(store, TraceQuery(messageID: "\(earlier)@x")) == [ids[earlier]])
        }
      }
      while store.hashes.isFolding { await Task.yield() }
      #expect(try await store.rowCount("hash") >= 80)
      let crashed = folder.copy()
      let report = try await store.check()
      #expect(report.problems == [])
      await store.close()
      let again = try Store.open(folder: crashed.path, options: settings)
      for number in 0..<50 { #expect(try await find(again, TraceQuery(messageID: "\(number)@x")) == [ids[number]]) }
      // A body that was folded is found too.
      let bodies = try await again.rowCount("body")
      _ = try await accept(again, messageID: "<0@x>")
      #expect(try await again.rowCount("body") == bodies)
      await again.close()
    }
  }

  @Test func refusalsAreWrittenLazily() async throws {
    try await withStore { store, _ in
      func refuse(_ number: Int) {
        store.traceLazily(
          Refusal(
            at: noon, peer: "192.0.2.1", sender: "spam@example.net", recipient: "n\(number)@example.org",
            messageID: "<\(number)@spam>", stage: "rcpt", words: "550 5.1.1 nobody"))
      }
      refuse(1)
      // It goes with the next commit.
      try await store.write { try $0.setSetting("x", [1]) }
      let found = try await store.read { try $0.refusals(matching: TraceQuery(address: "N1@")) }
      #expect(found.map(\.words) == ["550 5.1.1 nobody"])
      let byID = try await store.read { try $0.refusals(matching: TraceQuery(messageID: "1@spam")) }
      #expect(byID == found)
      let gate = Gate()
      let stalled = Task { try await store.write { _ in gate.enter() } }
      while !gate.isEntered { await Task.yield() }
      for number in 0..<WriteQueue.lazyLimit + 50 { refuse(number) }
      gate.open()
      try await stalled.value
      try await store.write { try $0.setSetting("x", [2]) }
      let all = try await store.read { try $0.refusals(matching: TraceQuery(limit: 5000)) }
      #expect(all.count == 1 + WriteQueue.lazyLimit + 1)
      #expect(all.reduce(0) { $0 + $1.count } == 1 + WriteQueue.lazyLimit + 50)
    }
  }

  @Test func anIdleStoreWritesThemTooAndAClosedOneLosesNone() async throws {
    try await withFolder { folder in
      let store = try Store.open(folder: folder.path, options: options())
      let id = try await accept(store)
      store.traceLazily(step("later"), of: id)
      await store.close()
      let again = try Store.open(folder: folder.path, options: options())
      let steps = try await again.read { try $0.trace(of: id).map(\.what) }
      #expect(steps == ["accepted", "filed", "later"])
      await again.close()
    }
  }

  @Test func retentionGoesInSlicesAndSparesWhatWaits() async throws {
    try await withStore { store, _ in
      for number in 0..<120 { _ = try await accept(store, messageID: "<old\(number)@x>") }
      let waiting = try await store.write { transaction in
        let (envelope, content) = try transaction.envelope(messageID: "<waiting@x>")
        return try transaction.insert(
          NewRecipient(address: "anna@example.org", state: .quarantined, content: content), of: envelope,
          trace: step("quarantined"))
      }
      for number in 0..<30 { _ = try await accept(store, messageID: "<later\(number)@x>") }
      let young = try await accept(store, messageID: "<young@x>", at: noon + .seconds(100))
      store.traceLazily(Refusal(at: noon, peer: "192.0.2.1", stage: "rcpt", words: "550"))
      store.traceLazily(Refusal(at: noon + .seconds(100), peer: "192.0.2.1", stage: "rcpt", words: "551"))
      try await store.write { try $0.setSetting("x", [1]) }
      var slices = 1
      while try await store.retire(before: noon + .seconds(50)) { slices += 1 }
      #expect(slices >= 3)
      #expect(try await find(store, TraceQuery()) == [young, waiting.envelope])
      for (table, rows) in [("recipient", 2), ("trace", 3), ("refusal", 1)] {
        #expect(try await store.rowCount(table) == rows, "\(table)")
      }
      // The messages themselves stay.
      #expect(try await store.rowCount("entry") == 151)
      // The next run starts at the front again.
      _ = try await store.write { try $0.update(waiting, trace: step("deleted")) { $0.state = .discarded } }
      while try await store.retire(before: noon + .seconds(50)) {}
      #expect(try await find(store, TraceQuery()) == [young])
    }
  }
}

@Suite struct SecretsTests {
  @Test func verifiersAreSetAndTakenAway() async throws {
    try await withStore { store, _ in
      let verifier = Verifier(salt: [1, 0], iterations: 4096, storedKey: [2], serverKey: [3], changed: noon)
      try await store.write { try $0.setVerifier(verifier, account: "anna") }
      let (found, none, all) = try await store.read {
        (try $0.verifier(account: "anna"), try $0.verifier(account: "bob"), try $0.verifiedAccounts())
      }
      #expect(found == verifier)
      #expect(none == nil)
      #expect(all == ["anna"])
      try await store.write { try $0.setVerifier(nil, account: "anna") }
      let gone = try await store.write { try $0.verifier(account: "anna") }
      #expect(gone == nil)
    }
  }

  @Test func theNewestHundredAddressesAreKept() async throws {
    try await withStore { store, _ in
      try await store.write { transaction in
        for number in 0..<120 {
          try transaction.recordLogin(account: "anna", address: "192.0.2.\(number)", at: noon + .seconds(number))
        }
        try transaction.recordLogin(account: "anna", address: "192.0.2.50", at: noon + .seconds(1000))
        try transaction.recordLogin(account: "bob", address: "192.0.2.1", at: noon)
      }
      let addresses = try await store.read { try $0.loginAddresses(account: "anna") }
      #expect(addresses.count == 100)
      #expect(addresses.first == LoginAddress(address: "192.0.2.50", at: noon + .seconds(1000)))
      #expect(addresses.last?.address == "192.0.2.20")
    }
  }

  @Test func settingsAreSmallBytes() async throws {
    try await withStore { store, _ in
      try await store.write {
        try $0.setSetting("empty", [])
        try $0.setSetting("x", [1])
        try $0.setSetting("x", [2])
      }
      let found = try await store.read { (try $0.setting("empty"), try $0.setting("x"), try $0.setting("y")) }
      #expect((found.0, found.1, found.2) == ([], [2], nil))
      try await store.write { try $0.setSetting("x", nil) }
      let gone = try await store.write { try $0.setting("x") }
      #expect(gone == nil)
    }
  }
}
