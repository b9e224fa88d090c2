import Platform
import Store
import Testing

@testable import MailFlow

/// RFC 1047: the reply was lost, and the client sends again.
@Suite struct RepetitionTests {
  @Test func aLostReplyGivesOneCopyAndTheSameId() async throws {
    let house = try House()
    let first = try await house.deliver(["anna@office.example"])
    house.flow.replyOutcome(first, .lost)
    let second = try await house.deliver(["anna@office.example"])
    #expect(first == second)
    #expect(try await house.messages("anna").count == 1)
    // Lost again: still the same.
    house.flow.replyOutcome(second, .lost)
    #expect(try await house.deliver(["anna@office.example"]) == first)
    #expect(try await house.messages("anna").count == 1)
    // Now it was read; what comes later is a new message.
    house.flow.replyOutcome(first, .read)
    #expect(try await house.deliver(["anna@office.example"]) != first)
    #expect(try await house.messages("anna").count == 2)
  }

  @Test func twoEqualScansAreTwoMessages() async throws {
    let house = try House()
    let first = try await house.deliver(["anna@office.example"])
    house.flow.replyOutcome(first, .read)
    let second = try await house.deliver(["anna@office.example"])
    #expect(first != second)
    #expect(try await house.messages("anna").count == 2)
  }

  @Test func whileTheFirstReplyIsOnItsWayNothingIsKnown() async throws {
    let house = try House()
    try await house.deliver(["anna@office.example"])
    try await house.deliver(["anna@office.example"])
    #expect(try await house.messages("anna").count == 2)
  }

  @Test func theEndOfTheProcessLosesTheReply() async throws {
    let folder = TestFolder()
    let clock = HandClock()
    let first: EnvelopeID
    do {
      let house = try House(in: folder, clock: clock)
      first = try await house.deliver(["anna@office.example"])
      await house.store.close()
    }
    let house = try House(in: folder, clock: clock)
    #expect(try await house.deliver(["anna@office.example"]) == first)
    #expect(try await house.messages("anna").count == 1)
    await house.store.close()
  }

  @Test func aReplyThatWasReadIsKnownAfterARestart() async throws {
    let folder = TestFolder()
    let clock = HandClock()
    do {
      let house = try House(in: folder, clock: clock)
      house.flow.replyOutcome(try await house.deliver(["anna@office.example"]), .read)
      await house.store.close()
    }
    let house = try House(in: folder, clock: clock)
    try await house.deliver(["anna@office.example"])
    #expect(try await house.messages("anna").count == 2)
    await house.store.close()
  }

  @Test func afterFiveDaysItIsANewMessage() async throws {
    let house = try House()
    house.flow.replyOutcome(try await house.deliver(["anna@office.example"]), .lost)
    house.clock.turn(.seconds(5 * 86_400 + 1))
    try await house.deliver(["anna@office.example"])
    #expect(try await house.messages("anna").count == 2)
  }

  @Test(arguments: ["recipient", "sender", "content", "account"])
  func whateverIsDifferentIsADifferentMessage(_ what: String) async throws {
    let house = try House()
    house.flow.replyOutcome(try await house.deliver(["anna@office.example"]), .lost)
    switch what {
    case "recipient": try await house.deliver(["anna@office.example", "bert@office.example"])
    case "sender": try await house.deliver(["anna@office.example"], from: "bobby@outside.example")
    case "account": try await house.deliver(["anna@office.example"], origin: .submission)
    default: try await house.deliver(["anna@office.example"], House.message + ".")
    }
    #expect(try await house.messages("anna").count == 2)
  }

  @Test func anEqualMessageFromAnotherAddressIsTheSame() async throws {
    let house = try House()
    let first = try await house.deliver(["anna@office.example", "bert@office.example"])
    house.flow.replyOutcome(first, .lost)
    let again = try house.envelope(["bert@OFFICE.example", "anna@office.example"]) {
      $0.peer = Peer(address: IPAddress("198.51.100.7"), helo: "other.outside.example")
    }
    try house.leads("bert@OFFICE.example", to: .deliver(try house.filing("bert")))
    let acceptance = await house.flow.accept(again, try await house.take())
    #expect(acceptance.id == first)
    #expect(acceptance.answer == Answer(250, "2.0.0", "Accepted as \(first)"))
    #expect(try await house.messages("bert").count == 1)
  }

  @Test func theTraceTellsOfTheRepetition() async throws {
    let house = try House()
    let first = try await house.deliver(["anna@office.example"])
    house.flow.replyOutcome(first, .lost)
    try await house.deliver(["anna@office.example"])
    // Lazy rows ride on the next commit.
    try await house.deliver(["bert@office.example"])
    #expect(try await house.steps(first).contains("reception repeated"))
  }
}
