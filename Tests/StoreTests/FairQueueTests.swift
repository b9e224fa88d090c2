import Platform
import Testing

@testable import Store

@Suite struct FairQueueTests {
  private func queue(
    _ store: Store, _ addresses: [String], due: Duration = .zero, state: RecipientState = .queued, destination: String?
  ) async throws -> [RecipientID] {
    try await store.write { transaction in
      let (envelope, content) = try transaction.envelope()
      return try addresses.map { address in
        try transaction.insert(
          NewRecipient(
            address: address, state: state, due: noon + due, destination: destination, options: [], content: content),
          of: envelope, trace: step("queued"))
      }
    }
  }

  @Test func oneDestinationDoesNotHideAnother() async throws {
    try await withStore { store, _ in
      let many = try await queue(
        store, (0..<50).map { "x\($0)@slow.example" }, due: .seconds(-9), destination: "slow.example")
      let one = try await queue(store, ["y@fast.example"], destination: "fast.example")
      _ = try await queue(store, ["z@later.example"], due: .seconds(1), destination: "later.example")
      let held = try await queue(store, ["held@office.example"], due: .seconds(-1), state: .held, destination: nil)
      let nowhere = try await queue(store, ["nowhere"], destination: nil)
      let destinations = try await store.read { try $0.destinations(due: noon, after: "", limit: 10).destinations }
      #expect(destinations == ["slow.example", "fast.example"])
      let slow = try await store.read { try $0.due(by: noon, destination: "slow.example", limit: 3).rows }
      #expect(slow.map(\.recipient.id) == Array(many.prefix(3)))
      let fast = try await store.read { try $0.due(by: noon, destination: "fast.example", limit: 3).rows }
      #expect(fast.map(\.recipient.id) == one)
      let elsewhere = try await store.read { try $0.dueElsewhere(by: noon, limit: 3) }
      #expect(Set(elsewhere.map(\.recipient.id)) == Set(held + nowhere))
    }
  }

  @Test func whatIsDueAlreadyDoesNotHideWhatComesNext() async throws {
    try await withStore { store, _ in
      _ = try await queue(store, ["a@far.example"], due: .seconds(-60), destination: "far.example")
      _ = try await queue(store, ["b@far.example"], due: .seconds(60), destination: "far.example")
      let next = try await store.read { try $0.nextDue(after: noon) }
      #expect(next == noon + .seconds(60))
      let none = try await store.read { try $0.nextDue(after: noon + .seconds(60)) }
      #expect(none == nil)
    }
  }
}
