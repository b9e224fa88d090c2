import Message
import Platform
import Store
import Testing

@testable import MailFlow

/// A stranger's mail that could not be forwarded: nobody outside is told, and whoever owns the address is, once a day.
@Suite struct UntoldTests {
  private func fail(_ house: House, _ subject: String) async throws -> EnvelopeID {
    let id = try await house.deliver(
      ["friend@elsewhere.example"], from: "stranger@far.example", origin: .mx,
      House.message.replacing("Hello", with: subject))
    try await house.flow.recordOutcomes([
      RecipientID(id, 0): .failed(status: "5.1.1", host: "mx.elsewhere.example:25", reply: "550 5.1.1 no such user")
    ])
    return id
  }

  @Test func theSenderIsNotToldAndTheTraceSaysWhy() async throws {
    let house = try House()
    let id = try await fail(house, "One")
    #expect(try await house.states(id) == ["friend@elsewhere.example failed"])
    #expect(try await house.words(id, "failed").hasSuffix("; no notice: sender not authenticated"))
    let untold = try await house.store.read { try $0.untold(limit: 10) }
    #expect(untold.map(\.id) == [RecipientID(id, 0)])
    try await house.expectSound()
  }

  @Test func theOwnerGetsOneSummaryADay() async throws {
    let house = try House()
    let postmaster = try #require(EmailAddress("postmaster@office.example"))
    house.planner.fates.withLock {
      $0[postmaster.description] = PlannedRecipient(.deliver(Filing(account: "anna", deliveredTo: postmaster)))
    }
    _ = try await fail(house, "One")
    house.clock.turn(.seconds(3600))
    _ = try await fail(house, "Two")
    await house.flow.writeSummaries()
    #expect(try await house.messages("anna").isEmpty, "not before a day has passed")
    house.clock.turn(.seconds(23 * 3600))
    await house.flow.writeSummaries()
    await house.flow.writeSummaries()
    // Nobody here has the address: the postmaster hears of it.
    let told = try await house.messages("anna")
    #expect(told.count == 1)
    let text = told.first ?? ""
    #expect(text.contains("Auto-Submitted: auto-generated") && text.hasPrefix("Return-Path: <>"))
    #expect(text.contains("stranger@far.example") && text.contains("550 5.1.1 no such user"))
    #expect(text.contains("One") && text.contains("Two"))
    #expect(try await house.store.read { try $0.untold(limit: 10) }.isEmpty)
    try await house.expectSound()
  }
}
