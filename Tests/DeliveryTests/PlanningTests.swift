import Configuration
import MailFlow
import Message
import Testing

@testable import Delivery

@Suite struct PlanningTests {
  @Test func mailGoesToItsAccountUnderTheAddressItWasSentTo() async throws {
    let plan = try await delivery(office()).plan(["A.Meier@office.example", "bert+x@office.example"])
    #expect(copies(plan) == ["anna inbox A.Meier@office.example", "bert inbox bert+x@office.example"])
    #expect(plan.configurationGeneration == 1)
  }

  @Test func twoAddressesOfOnePersonGiveOneCopy() async throws {
    let plan = try await delivery(office()).plan(["anna@office.example", "a.meier@office.example", "anna@shop.example"])
    #expect(copies(plan).count == 1)
    #expect(plan.recipients[1].fate == .merged(account: "anna"))
    #expect(plan.recipients[2].fate == .merged(account: "anna"))
  }

  @Test func aGroupGivesEveryMemberOneCopyHoweverOftenItIsReached() async throws {
    let plan = try await delivery(office()).plan(
      ["carl@office.example", "staff@office.example", "both@office.example", "info@office.example"])
    #expect(
      copies(plan) == [
        "anna inbox staff@office.example", "bert inbox staff@office.example", "carl inbox carl@office.example",
        "→ elsewhere.example",
      ])
    #expect(plan.recipients[2].fate == .expand([]), "both of its members have it already")
    #expect(plan.recipients[3].fate == .merged(account: "anna"))
  }

  @Test func aGroupsOutsideMemberCarriesTheGroup() async throws {
    let plan = try await delivery(office()).plan(["staff@office.example"])
    guard case .expand(let children) = plan.recipients[0].fate else { throw NoAddress(text: "expand") }
    #expect(children.map(\.address.description).contains("helper@elsewhere.example"))
    #expect(children.allSatisfy { $0.through.description == "staff@office.example" })
  }

  @Test func anAliasForSomebodyElsewhereIsQueued() async throws {
    let plan = try await delivery(office()).plan(["away@office.example"])
    let child = Child(
      address: try address("me@private.example"), fate: .queue(destination: "private.example"),
      through: try address("away@office.example"))
    #expect(plan.recipients[0].fate == .expand([child]))
  }

  @Test func theSameAddressElsewhereIsSentToOnce() async throws {
    let plan = try await delivery(office()).plan(
      ["x@elsewhere.example", "x@ELSEWHERE.example", "X@elsewhere.example"], origin: .submission)
    #expect(copies(plan) == ["→ elsewhere.example", "→ elsewhere.example"], "local parts elsewhere are case sensitive")
    guard case .discard = plan.recipients[1].fate else { throw NoAddress(text: "discard") }
  }

  @Test func aStrangersMailForElsewhereIsNeverQueued() async throws {
    let plan = try await delivery(office()).plan(["x@elsewhere.example", "anna@office.example"])
    #expect(copies(plan) == ["anna inbox anna@office.example"])
    guard case .reject(let answer) = plan.recipients[0].fate else { throw NoAddress(text: "reject") }
    #expect(answer.enhanced == "5.7.1")
  }

  @Test func verdictsDecideForEachRecipient() async throws {
    let junk = Marking(subjectPrefix: "[spam]", isJunk: true)
    let rejection = Answer(550, "5.7.1", "Not here")
    let plan = try await delivery(office()).plan(
      [
        "anna@office.example", "bert@office.example", "carl@office.example", "info@office.example",
        "both@office.example",
      ],
      verdicts: [
        Verdict(.quarantine(reason: "macro")), Verdict(.tag(junk)), Verdict(.reject(rejection)), .accept,
        Verdict(.discard(reason: "noise")),
      ])
    #expect(plan.recipients[0].fate == .quarantine(reason: "macro"))
    #expect(plan.recipients[1].tag == junk)
    #expect(copies(plan) == ["anna inbox info@office.example", "bert junk bert@office.example"])
    #expect(plan.recipients[2].fate == .reject(rejection))
    #expect(plan.recipients[4].fate == .discard(reason: "noise"))
  }

  @Test func missingVerdictsLetMailPass() async throws {
    let plan = try await delivery(office()).plan(["anna@office.example"], verdicts: [])
    #expect(copies(plan) == ["anna inbox anna@office.example"])
  }

  @Test func aMessageThatWasHereBeforeIsALoop() async throws {
    let delivery = try delivery(office())
    let plan = try await delivery.plan(["away@office.example"], deliveredTo: ["Away@OFFICE.example"])
    guard case .reject(let answer) = plan.recipients[0].fate else { throw NoAddress(text: "reject") }
    #expect(answer.code == 554)
    #expect(answer.enhanced == "5.4.6")
    // A Delivered-To of somebody else's is none, and our own people may send again what they got.
    #expect(copies(try await delivery.plan(["anna@office.example"], deliveredTo: ["bert@office.example"])).count == 1)
    let again = try await delivery.plan(
      ["anna@office.example"], origin: .submission, deliveredTo: ["anna@office.example"])
    #expect(copies(again).count == 1)
  }

  @Test func overQuotaIsRefusedOnlyIfThatRefusesTheWholeMessage() async throws {
    let full = try delivery(office(), used: ["bert": 1 << 20, "carl": 1 << 20])
    let alone = try await full.plan(["bert@office.example", "carl@office.example"])
    #expect(rejections(alone).map(\.enhanced) == ["4.2.2", "4.2.2"])
    let mixed = try await full.plan(["bert@office.example", "anna@office.example"])
    #expect(copies(mixed).count == 2, "no bounce after 250, and nothing lost: it runs over by one message")
    #expect(mixed.recipients[0].note?.contains("over quota") == true)
  }

  @Test func notificationsIgnoreQuotas() async throws {
    let full = try delivery(office(), used: ["bert": 1 << 20])
    #expect(copies(try await full.plan(["bert@office.example"], origin: .notification)).count == 1)
  }

  @Test func filterAndQuotaTogetherRefuseEverybody() async throws {
    let full = try delivery(office(), used: ["bert": 1 << 20])
    let plan = try await full.plan(
      ["bert@office.example", "anna@office.example"], verdicts: [.accept, Verdict(.reject(Answer(550, "5.7.1", "No")))])
    #expect(rejections(plan).map(\.code) == [452, 550])
  }

  @Test func aVanishedRecipientOfAReleaseIsRefused() async throws {
    let plan = try await delivery(office()).plan(["gone@office.example"], origin: .submission)
    #expect(rejections(plan).map(\.enhanced) == ["5.1.1"])
  }
}

/// The answers of those that are rejected.
private func rejections(_ plan: Plan) -> [Answer] {
  plan.recipients.compactMap { recipient in
    if case .reject(let answer) = recipient.fate { answer } else { nil }
  }
}
