import Platform
import Synchronization
import Testing

@testable import Store

/// The runner's reads look at a bounded number of rows, however many wait.
@Suite struct DuePickingTests {
  private func queue(
    _ store: Store, _ count: Int, to destination: String?, due: Duration = .zero, state: RecipientState = .queued,
    attempts: Int = 0
  ) async throws -> [RecipientID] {
    try await store.write { transaction in
      let (envelope, content) = try transaction.envelope()
      return try (0..<count).map { number in
        let id = try transaction.insert(
          NewRecipient(
            address: "x\(number)@\(destination ?? "nowhere")", state: state, due: noon + due, destination: destination,
            options: [], content: content), of: envelope, trace: step("queued"))
        if attempts > 0 { try transaction.update(id, trace: step("deferred")) { $0.attempts = attempts } }
        return id
      }
    }
  }

  /// Every one of them goes by an index: none scans, none sorts.
  @Test func eachReadGoesByAnIndex() async throws {
    try await withStore { store, _ in
      let queries = [
        "SELECT envelope, n FROM recipient WHERE state = 0 AND destination = 'x' AND due <= 1 ORDER BY due LIMIT 9",
        "SELECT envelope, n FROM recipient WHERE state = 1 AND due IS NOT NULL AND due <= 1 ORDER BY due LIMIT 9",
        "SELECT envelope, n FROM recipient WHERE state = 0 AND destination IS NULL AND due <= 1 ORDER BY due LIMIT 9",
        "SELECT destination, due FROM recipient WHERE state = 0 AND destination > 'x' ORDER BY destination, due LIMIT 1",
        """
        SELECT d.due, d.envelope, d.n, r.destination, r.state FROM
          (SELECT due, envelope, n FROM recipient
           WHERE state <= 1 AND due IS NOT NULL AND (due, envelope, n) > (1, 1, 1) AND due <= 2
           ORDER BY due, envelope, n LIMIT 9) d
        CROSS JOIN recipient r ON r.envelope = d.envelope AND r.n = d.n
        """,
        "SELECT due FROM recipient WHERE state <= 1 AND due IS NOT NULL AND due > 1 ORDER BY due LIMIT 1",
      ]
      let plans = try await store.read { reader in
        try queries.map { query in
          try reader.database.dynamic("EXPLAIN QUERY PLAN \(query)", []) { $0.text(3) }
        }
      }
      for (query, plan) in zip(queries, plans) {
        #expect(!plan.contains { $0.contains("TEMP B-TREE") || $0.hasPrefix("SCAN recipient") }, "\(query): \(plan)")
        #expect(plan.contains { $0.contains("SEARCH recipient USING") }, "\(query): \(plan)")
      }
    }
  }

  @Test func rowsOfADestinationWithoutThoseThatAreKnown() async throws {
    try await withStore { store, _ in
      let rows = try await queue(store, 10, to: "far.example")
      _ = try await queue(store, 3, to: "near.example")
      let first = try await store.read { try $0.due(by: noon, destination: "far.example", limit: 4) }
      #expect(first.rows.map(\.recipient.id) == Array(rows.prefix(4)) && first.isCut)
      let known = Set(rows.prefix(4))
      let more = try await store.read { try $0.due(by: noon, destination: "far.example", limit: 20, without: known) }
      #expect(more.rows.map(\.recipient.id) == Array(rows.dropFirst(4)) && !more.isCut)
    }
  }

  @Test func aRoundGoesThroughAllDestinationsPartByPart() async throws {
    try await withStore { store, _ in
      for name in ["a", "b", "d"] { _ = try await queue(store, 2, to: "\(name).example") }
      _ = try await queue(store, 2, to: "c.example", due: .seconds(1))
      var found: [String] = []
      var parts = 0
      var after: String? = ""
      while let from = after {
        let part = try await store.read { try $0.destinations(due: noon, after: from, limit: 2) }
        found += part.destinations.sorted()
        after = part.next
        parts += 1
      }
      #expect(found == ["a.example", "b.example", "d.example"] && parts == 3)
    }
  }

  @Test func whatBecomesDueIsSeenOnce() async throws {
    try await withStore { store, _ in
      _ = try await queue(store, 3, to: "early.example", due: .seconds(-10))
      _ = try await queue(store, 3, to: "a.example", due: .seconds(5))
      _ = try await queue(store, 2, to: "b.example", due: .seconds(5))
      _ = try await queue(store, 1, to: "later.example", due: .seconds(50))
      var mark = DueMark(after: noon)
      var found: [Set<String>] = []
      while true {
        let some = try await store.read { [mark] in try $0.becameDue(after: mark, by: noon + .seconds(9), limit: 2) }
        mark = some.mark
        found.append(some.destinations)
        #expect(!some.hasOthers)
        if !some.isCut { break }
      }
      #expect(found == [["a.example"], ["a.example", "b.example"], ["b.example"]])
      #expect(mark == DueMark(after: noon + .seconds(9)))
      let next = try await store.read { [mark] in try $0.becameDue(after: mark, by: noon + .seconds(60), limit: 9) }
      #expect(next.destinations == ["later.example"])
    }
  }

  @Test func holdsThatEndAreToldApart() async throws {
    try await withStore { store, _ in
      let held = try await queue(store, 1, to: nil, due: .seconds(5), state: .held)
      let some = try await store.read {
        try $0.becameDue(after: DueMark(after: noon), by: noon + .seconds(9), limit: 9)
      }
      #expect(some.hasOthers && some.destinations.isEmpty)
      let elsewhere = try await store.read { try $0.dueElsewhere(by: noon + .seconds(9), limit: 9) }
      #expect(elsewhere.map(\.recipient.id) == held)
    }
  }

  @Test func commitsNameTheDestinations() async throws {
    try await withStore { store, _ in
      let heard = Heard()
      store.onCommit { heard.add($0) }
      _ = try await queue(store, 2, to: "a.example", due: .seconds(7))
      #expect(heard.last?.destinations == ["a.example": noon + .seconds(7)] && heard.last?.isOverflowing == false)
      _ = try await queue(store, 1, to: nil)
      #expect(heard.last?.isOverflowing == true)
      try await store.write { transaction in
        let (envelope, content) = try transaction.envelope()
        for number in 0...CommitSummary.destinationLimit {
          _ = try transaction.insert(
            NewRecipient(
              address: "x@d\(number).example", state: .queued, due: noon, destination: "d\(number).example",
              content: content), of: envelope, trace: step("queued"))
        }
      }
      #expect(heard.last?.isOverflowing == true && heard.last?.destinations.count == CommitSummary.destinationLimit)
    }
  }

  @Test func aClockThatIsSetBackHoldsNothingUp() async throws {
    try await withStore { store, _ in
      let new = try await queue(store, 1, to: "new.example", due: .seconds(3600))
      let tried = try await queue(store, 1, to: "tried.example", due: .seconds(7200), attempts: 1)
      #expect(try await store.read { try $0.hasUntried(dueAfter: noon) })
      let untried = try await store.write { try $0.bringBackUntried(to: noon) }
      #expect(try await store.read { try !$0.hasUntried(dueAfter: noon) })
      #expect(untried == 1)
      let due = try await store.read { try $0.due(by: noon, limit: 9).map(\.recipient.id) }
      #expect(due == new)
      let shifted = try await store.write { try $0.bringForward(by: .seconds(3600), now: noon) }
      #expect(shifted == 1)
      let row = try await store.read { try $0.recipient(tried[0]) }
      #expect(row?.due == noon + .seconds(3600))
    }
  }

  @Test func troublesAreKept() async throws {
    try await withStore { store, _ in
      let trouble = StoredTrouble(destination: "a", failures: 2, until: noon, reason: "nobody there")
      try await store.write { transaction in
        try transaction.set(StoredTrouble(destination: "a", failures: 1, until: noon, reason: "x"))
        try transaction.set(trouble)
        try transaction.set(StoredTrouble(destination: "b", failures: 1, until: noon, reason: "x"))
        try transaction.removeTrouble("b")
      }
      #expect(try await store.read { try $0.troubles() } == [trouble])
    }
  }

  @Test func destinationsInTroubleAreThoseThatWereTried() async throws {
    try await withStore { store, _ in
      _ = try await queue(store, 3, to: "new.example")
      let tried = try await queue(store, 2, to: "bad.example", attempts: 1)
      _ = try await queue(store, 5, to: "worse.example", attempts: 1)
      try await store.write { _ = try $0.update(tried[0], trace: step("deferred")) { $0.said = "451 later" } }
      let found = try await store.read { try $0.destinationsInTrouble(limit: 10) }
      #expect(found.map(\.name) == ["worse.example", "bad.example"] && found.map(\.waiting) == [5, 2])
      #expect(found.last?.said == "451 later")
    }
  }

  private final class Heard: Sendable {
    private let held = Mutex<CommitSummary?>(nil)
    var last: CommitSummary? { held.withLock { $0 } }
    func add(_ summary: CommitSummary) { held.withLock { $0 = summary } }
  }
}
