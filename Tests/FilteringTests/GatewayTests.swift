import Message
import Testing

@testable import Filtering
@testable import MailFlow

@Suite("The gateway") struct GatewayTests {
  struct Fixed: ContentCheck {
    var test = "fixed"
    var findings = CheckFindings()
    var delay: Duration?

    func applies(to message: JudgedMessage) -> Bool { true }
    func examine(_ message: JudgedMessage) async -> CheckFindings {
      if let delay { try? await Task.sleep(for: delay) }
      return findings
    }
  }

  private func verdict(
    _ demands: [Demand], score: Double = 0, ruled: Verdict = .accept
  ) -> Verdict {
    GatewayJudge.verdict(
      ruled, Opinion(factors: [Factor(test: "t", score: score, reason: "r")], demands: demands), junkScore: 5)
  }

  @Test func theStrongestDemandCounts() {
    let refusal = Answer(550, "5.7.1", "no")
    #expect(verdict([]).name == "accept")
    #expect(verdict([.junk]).action == .tag(Tag(isJunk: true)))
    #expect(verdict([.junk, .quarantine(reason: "q")]).action == .quarantine(reason: "q"))
    #expect(verdict([.quarantine(reason: "q"), .reject(refusal)]).action == .reject(refusal))
    #expect(verdict([.reject(Answer(451, "4.7.1", "later")), .reject(refusal)]).action == .reject(refusal))
    #expect(verdict([.tag(Tag.Field("X", "y"))]).action == .tag(Tag(fields: [Tag.Field("X", "y")])))
  }

  @Test func scoresAddUp() {
    #expect(verdict([], score: 4.9).name == "accept")
    #expect(verdict([], score: 5).action == .tag(Tag(isJunk: true)))
    #expect(verdict([], score: 5).factors.last?.test == "score")
    #expect(
      GatewayJudge.rounded(-0.44) == "-0.4" && GatewayJudge.rounded(5) == "5" && GatewayJudge.rounded(2.25) == "2.3")
  }

  @Test func aRuleThatDecidesDecides() {
    let ruled = Verdict(.quarantine(reason: "rule"), factors: [Factor(test: "rule x", reason: "y")])
    let verdict = verdict([.reject(Answer(550, "5.7.1", "no"))], ruled: ruled)
    #expect(verdict.action == .quarantine(reason: "rule") && verdict.factors.map(\.test) == ["rule x", "t"])
    let tagged = Verdict(.tag(Tag(subjectPrefix: "[x]")))
    #expect(self.verdict([.junk], ruled: tagged).action == .tag(Tag(subjectPrefix: "[x]", isJunk: true)))
  }

  @Test func aLateCheckIsUnknownAndTheOthersCount() async throws {
    let quick = Fixed(findings: CheckFindings(common: Opinion(demands: [.junk])))
    let late = Fixed(test: "slow", delay: .seconds(3600))
    let message = try Content.judged(
      Content.received("Subject: x\n\nhello\n"), deadline: .now + .seconds(4))
    let verdicts = await GatewayJudge(checks: [late, quick]).judge(message)
    #expect(verdicts.map(\.name) == ["tag"])
    #expect(verdicts[0].factors == [Factor(test: "slow", reason: "unknown: it did not answer in time")])
  }

  @Test func eachRecipientHasItsOwnFindings() async throws {
    let check = Fixed(findings: CheckFindings(own: [1: Opinion(demands: [.junk])]))
    let message = try Content.judged(
      Content.received("Subject: x\n\nhello\n"), to: ["anna@office.example", "bert@office.example"])
    #expect(await GatewayJudge(checks: [check]).judge(message).map(\.name) == ["accept", "tag"])
  }

  @Test func whatNeedsNoWorkIsAnsweredAtOnce() throws {
    let judge = GatewayJudge(checks: [AttachmentCheck()])
    #expect(judge.verdictsAtOnce(try Content.judged(Content.received("Subject: x\n\nhello\n"))) == [.accept])
    #expect(judge.verdictsAtOnce(try Content.judged(Content.attached([1], name: "a.exe"))) == nil)
    #expect(
      judge.verdictsAtOnce(try Content.judged(Content.attached([1], name: "a.exe"), origin: .notification)) == [.accept]
    )
  }
}
