import Message
import Platform
import Testing

@testable import Configuration
@testable import Filtering
@testable import MailFlow

@Suite("Verdicts")
struct RuleJudgeTests {
  static let office = """
    hostname = "mail.office.example"
    postmaster = "anna"

    [[domain]]
    name = "office.example"

    [[account]]
    name = "anna"
    addresses = ["anna@office.example"]

    [[account]]
    name = "bert"
    addresses = ["bert@office.example"]

    """

  func configuration(_ rules: [Configuration.Rule]) throws -> Configuration {
    var configuration = try Configuration(text: Self.office)
    configuration.rules = rules
    return configuration
  }

  static func content(_ text: String) -> ReceivedContent {
    let bytes = Array(text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n").utf8)
    var end = bytes.count
    for index in bytes.indices.dropLast(3) where Array(bytes[index..<index + 4]) == [13, 10, 13, 10] {
      end = index + 4
      break
    }
    let section = HeaderSection(Array(bytes[..<end]))
    let body = Array(bytes[end...])
    return ReceivedContent(
      header: section, structure: MIMEScanner.scan(header: section, body: body[...]),
      body: ReceivedBody(place: .memory([body]), size: body.count, hash: [], share: nil), hash: [])
  }

  func judge(
    _ rules: [Configuration.Rule], _ text: String = "From: eve@evil.example\nSubject: hello\n\nbody\n",
    origin: Origin = .mx, from: String? = "eve@evil.example", to: [String] = ["anna@office.example"],
    isLate: Bool = false
  ) async throws -> [Verdict] {
    let now = ContinuousClock.now
    let message = try message(
      rules, text, origin: origin, from: from, to: to, deadline: isLate ? now - .seconds(1) : now + .seconds(60))
    return await RuleJudge(now: { now }).judge(message)
  }

  private func message(
    _ rules: [Configuration.Rule], _ text: String = "Subject: hello\n\nbody\n", origin: Origin = .mx,
    from: String? = "eve@evil.example", to: [String] = ["anna@office.example"],
    deadline: ContinuousClock.Instant = .now + .seconds(60)
  ) throws -> JudgedMessage {
    let envelope = Envelope(
      origin: origin, reversePath: from.flatMap { EmailAddress($0) },
      recipients: to.compactMap { EmailAddress($0) }.map { EnvelopeRecipient($0) },
      receivedAt: Moment(seconds: 1_800_000_000))
    let content = Self.content(text)
    return JudgedMessage(
      envelope: envelope, header: content.header, content: content, configuration: try configuration(rules),
      deadline: deadline)
  }

  @Test func withoutRulesEverythingPasses() async throws {
    #expect(try await judge([]) == [.accept])
  }

  @Test func onlyWhereNoRuleCanApplyIsTheVerdictThereAtOnce() throws {
    let rules = [RuleBookTests.rule(recipients: ["anna@office.example"], action: .quarantine)]
    let two = ["anna@office.example", "bert@office.example"]
    #expect(RuleJudge().verdictsAtOnce(try message([], to: two)) == [.accept, .accept])
    #expect(RuleJudge().verdictsAtOnce(try message(rules, origin: .notification)) == [.accept])
    #expect(RuleJudge().verdictsAtOnce(try message(rules)) == nil)
  }

  @Test func eachRecipientHasAVerdictOfItsOwn() async throws {
    let verdicts = try await judge(
      [RuleBookTests.rule("only bert", recipients: ["bert@office.example"], action: .quarantine)],
      to: ["anna@office.example", "bert@office.example"])
    #expect(verdicts.map(\.name) == ["accept", "quarantine"])
    #expect(verdicts[0].factors.isEmpty)
    #expect(verdicts[1].factors.map(\.test) == ["rule only bert"])
  }

  @Test(arguments: ["postmaster@mail.office.example", "Postmaster@office.example", "abuse@mail.office.example"])
  func mailForTheHouseItselfIsIncomingToo(_ address: String) async throws {
    let rules = [
      RuleBookTests.rule("in", directions: [.incoming], recipients: ["*@office.example"], action: .reject)
    ]
    #expect(try await judge(rules, to: [address]).map(\.name) == ["reject"])
  }

  @Test func aSubAddressDoesNotGetRoundARule() async throws {
    let rules = [RuleBookTests.rule(recipients: ["anna@office.example"], action: .quarantine)]
    let verdicts = try await judge(
      rules, to: ["anna+x@office.example", "anna+a+b@OFFICE.example", "annax@office.example"])
    #expect(verdicts.map(\.name) == ["quarantine", "quarantine", "accept"])
  }

  @Test func theFirstDecisionStandsAndTagsBeforeItAddUp() async throws {
    let tagOne = RuleBookTests.rule("one", senders: ["*@evil.example"], action: .tag, text: "[Evil]")
    let tagTwo = RuleBookTests.rule("two", senders: ["*"], action: .tag, text: "[External]")
    let reject = RuleBookTests.rule("three", senders: ["*"], action: .reject, text: "Not here")
    let discard = RuleBookTests.rule("four", senders: ["*"], action: .discard)

    let tagged = try await judge([tagOne, tagTwo])
    guard case .tag(let tag) = tagged[0].action else {
      Issue.record("expected a tag")
      return
    }
    #expect(tag.subjectPrefix == "[Evil] [External]")
    #expect(tag.fields == [.init("X-Postroom-Rule", "one"), .init("X-Postroom-Rule", "two")])

    let rejected = try await judge([tagOne, reject, discard])
    #expect(rejected[0].action == .reject(Answer(550, "5.7.1", "Not here")))
    #expect(rejected[0].factors.map(\.test) == ["rule one", "rule three"])
  }

  @Test func encodedSubjectsAreReadAsAPersonReadsThem() async throws {
    let rule = RuleBookTests.rule("r", headers: [("Subject", ["gewinn"])])
    let encoded = "From: eve@evil.example\nSubject: =?utf-8?B?SWhyIEc=?=\n =?utf-8?Q?EWINN!?=\n\nbody\n"
    #expect(try await judge([rule], encoded)[0].name == "quarantine")
  }

  @Test func theFromFieldCountsBesideTheEnvelope() async throws {
    let rule = RuleBookTests.rule("r", senders: ["boss@office.example"])
    let text = "From: The Boss <Boss@Office.example>\nSubject: x\n\nbody\n"
    #expect(try await judge([rule], text)[0].name == "quarantine")
    #expect(try await judge([rule])[0].name == "accept")
  }

  @Test func theNullReversePathIsEmpty() async throws {
    let rule = RuleBookTests.rule("bounces", senders: [""])
    #expect(try await judge([rule], from: nil)[0].name == "quarantine")
  }

  @Test func attachmentNamesAndTypes() async throws {
    let text = """
      From: eve@evil.example
      MIME-Version: 1.0
      Content-Type: multipart/mixed; boundary=b

      --b
      Content-Type: text/plain

      see the invoice
      --b
      Content-Type: application/octet-stream
      Content-Disposition: attachment; filename*=utf-8''Rechnung%20M%C3%A4rz.EXE

      MZ
      --b--

      """
    let named = RuleBookTests.rule("programs", names: ["*.exe"], action: .reject)
    let typed = RuleBookTests.rule("binaries", types: ["application/*"], action: .discard)
    let verdict = try await judge([named], text)[0]
    #expect(verdict.name == "reject")
    #expect(verdict.factors.first?.reason.contains("Rechnung März.EXE") == true)
    #expect(try await judge([typed], text)[0].name == "discard")
    #expect(try await judge([named, typed])[0].name == "accept")
  }

  @Test func directionsOfOurOwnPeople() async throws {
    let outgoing = RuleBookTests.rule("leak", directions: [.outgoing], headers: [("Subject", ["hello"])])
    let verdicts = try await judge(
      [outgoing], origin: .submission, from: "anna@office.example", to: ["bert@office.example", "x@far.example"])
    #expect(verdicts.map(\.name) == ["accept", "quarantine"])
    #expect(try await judge([outgoing])[0].name == "accept")
  }

  /// Once: an escape of an escape would show names that nobody wrote. `Factor` says where it happens.
  @Test func hostileNamesAreLeftForTheTraceToEscape() async throws {
    let rule = RuleBookTests.rule("r", names: ["*.exe"])
    let text = """
      From: eve@evil.example
      Content-Type: application/octet-stream; name="=?utf-8?Q?a=1B=5B2J=E2=80=AEtxt.exe?="

      x

      """
    let reason = try await judge([rule], text)[0].factors.first?.reason ?? ""
    #expect(reason.contains("a\u{1b}[2J\u{202e}txt.exe"))
  }

  @Test func lateChecksAreUnknownAndDelayNobody() async throws {
    let rules = [RuleBookTests.rule("r1", senders: ["*"]), RuleBookTests.rule("r2", senders: ["*"])]
    let verdicts = try await judge(rules, to: ["anna@office.example", "bert@office.example"], isLate: true)
    #expect(verdicts.map(\.name) == ["accept", "accept"])
    #expect(verdicts.allSatisfy { $0.factors.first?.reason.contains("2 rules were not tried") == true })
  }

  @Test func notificationsOfOurOwnAreNotFiltered() async throws {
    let rule = RuleBookTests.rule("all", senders: ["*"], action: .discard)
    #expect(try await judge([rule], origin: .notification, from: nil)[0].name == "accept")
  }

  @Test func repliesAreOneLineOfASCII() {
    #expect(RuleJudge.asciiLine("Nicht erw\u{fc}nscht\r\n250 ok") == "Nicht erw?nscht 250 ok")
  }
}
