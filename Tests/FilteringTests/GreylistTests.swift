import Message
import Platform
import Store
import Testing

@testable import Configuration
@testable import Filtering
@testable import MailFlow

@Suite("Greylisting") struct GreylistTests {
  private let folder = TestFolder()
  private let store: Store
  private let start = Moment(seconds: 1_800_000_000)

  init() throws { store = try Store.open(folder: folder.path) }

  private func verdict(
    _ peer: String = "192.0.2.7", after time: Duration = .zero, score: Double = 3, enabled: Bool = true,
    origin: Origin = .mx, from: String? = "eve@elsewhere.example", to: String = "anna@office.example",
    trial: Bool = false, proven: Bool = false
  ) async throws -> Verdict {
    var message = try Content.judged(Content.received("Subject: x\n\nhello\n"), origin: origin, to: [to]) {
      $0.greylisting.enabled = enabled
    }
    message.envelope.peer.address = IPAddress(peer)
    message.envelope.receivedAt = start + time
    message.envelope.reversePath = from.flatMap { EmailAddress($0) }
    message.isTrial = trial
    message.sender = SenderFacts(fields: [], words: "", isSenderProven: proven, consequence: .none)
    let check = GatewayTests.Fixed(
      findings: CheckFindings(common: Opinion(factors: [Factor(test: "fixed", score: score, reason: "r")])))
    let verdicts = await GatewayJudge(checks: [check], greylist: Greylist(store: store)).judge(message)
    return try #require(verdicts.first)
  }

  @Test func aSuspiciousStrangerComesAgain() async throws {
    #expect(try await verdict().action == .reject(Greylist.answer))
    #expect(try await verdict(after: .seconds(299)).name == "reject")
    // The key is the network.
    let passed = try await verdict("192.0.2.99", after: .seconds(301))
    #expect(passed.name == "accept" && passed.factors.last?.reason == "192.0.2.0/24 has come again before")
    #expect(try await verdict(after: .seconds(34 * 86_400)).name == "accept")
    #expect(try await verdict(after: .seconds(70 * 86_400)).name == "reject")
    #expect(try await verdict("198.51.100.1").name == "reject")
  }

  /// It comes again from wherever it likes, and its neighbours in the network are somebody else.
  @Test func aProvenSenderIsRememberedByItsDomain() async throws {
    #expect(try await verdict(proven: true).name == "reject")
    let passed = try await verdict("198.51.100.1", after: .seconds(301), from: "other@Elsewhere.example", proven: true)
    #expect(passed.name == "accept" && passed.factors.last?.reason == "elsewhere.example has come again before")
    #expect(try await verdict(after: .seconds(301)).name == "reject")
  }

  @Test func whoComesAgainTooLateBeginsAnew() async throws {
    #expect(try await verdict().name == "reject")
    #expect(try await verdict(after: .seconds(3 * 86_400)).name == "reject")
    #expect(try await verdict(after: .seconds(3 * 86_400 + 301)).name == "accept")
  }

  @Test func othersAreNotPutOff() async throws {
    #expect(try await verdict(score: 1.9).name == "accept")
    #expect(try await verdict(enabled: false).name == "accept")
    #expect(try await verdict(origin: .submission).name == "accept")
    #expect(try await verdict("10.0.0.1").name == "accept")
    #expect(try await verdict(from: nil, to: "SRS0=abcd=XX=far.example=bob@office.example").name == "accept")
    #expect(try await verdict(from: nil).name == "reject")
  }

  @Test func aTrialRemembersNothing() async throws {
    #expect(try await verdict(trial: true).name == "reject")
    #expect(try await verdict(after: .seconds(301)).name == "reject")
  }

  @Test func sendersOfOldAreForgotten() async throws {
    _ = try await verdict()
    let rule = GreylistRule(delay: .seconds(300), keep: .seconds(35 * 86_400))
    let later = start + .seconds(3 * 86_400)
    try await store.write { try $0.retireGreylist(at: later, rule) }
    #expect(
      try await store.read { try $0.greylistStanding("192.0.2.0/24", at: later, rule) } == .waiting(.seconds(300)))
  }

  @Test func theMessageItselfSaysWhy() async throws {
    guard case .tag(let tag) = try await verdict(enabled: false).action else {
      Issue.record("no field says why")
      return
    }
    #expect(
      tag.fields == [
        Tag.Field("X-Postroom-Score", "3 of 5"), Tag.Field("X-Postroom-Factor", "fixed; score=3; r"),
      ])
  }
}
