import MailAuthentication
import Message
import Platform
import Resolver
import Store
import Testing

@testable import Configuration
@testable import Filtering
@testable import MailFlow

/// A DNS out of texts and addresses; what is not in it does not exist.
private struct TextDNS: DNS {
  var texts: [String: String] = [:]
  var hangs = false

  func records(_ type: DNSRecordType, of name: DomainName) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    if hangs {
      try? await Task.sleep(for: .seconds(600))
      throw DNSFailure(kind: .closed, name: name, type: type, reason: "nobody waits for it any more")
    }
    let values: [DNSRecord] = type == .txt ? texts[name.ascii].map { [.txt($0)] } ?? [] : []
    return DNSAnswer(existence: values.isEmpty ? .noSuchName : .records, values: values, name: name, isSecure: false)
  }
}

@Suite("Who sent it")
struct AuthenticationTests {
  private static let office = """
    hostname = "mail.office.example"

    [[domain]]
    name = "office.example"

    [[account]]
    name = "anna"
    addresses = ["anna@office.example"]
    keeps-lists = ["Talk.Lists.Example"]

    [[account]]
    name = "bert"
    addresses = ["bert@office.example"]

    """
  private var dns = TextDNS(texts: [
    "_dmarc.bank.example": "v=DMARC1; p=reject", "_dmarc.shop.example": "v=DMARC1; p=quarantine",
    "bank.example": "v=spf1 ip4:192.0.2.1 -all", "shop.example": "v=spf1 ip4:192.0.2.1 -all",
    "far.example": "v=spf1 ip4:192.0.2.1 -all",
  ])

  private func message(
    _ text: String, from address: String = "192.0.2.9", sender: String? = "x@far.example", settings: String = "",
    deadline: Duration = .seconds(30)
  ) throws -> JudgedMessage {
    let content = RuleJudgeTests.content(text)
    let envelope = Envelope(
      origin: .mx, reversePath: sender.flatMap { EmailAddress($0) },
      recipients: ["anna@office.example", "bert+x@office.example"].compactMap { EmailAddress($0) }.map {
        EnvelopeRecipient($0)
      }, peer: Peer(address: IPAddress(address), helo: "far.example"), receivedAt: Moment(seconds: 0))
    return JudgedMessage(
      envelope: envelope, header: content.header, content: content,
      configuration: try Configuration(text: Self.office + settings), deadline: .now + deadline)
  }

  private func judged(_ message: JudgedMessage, _ dns: TextDNS? = nil) async -> (
    facts: SenderFacts?, verdicts: [Verdict]
  ) {
    var message = message
    message.sender = await SenderAuthentication(dns: dns ?? self.dns).check(message)
    return (message.sender, await AuthenticationJudge(RuleJudge()).judge(message))
  }

  @Test func whatIsProvenPasses() async throws {
    let (facts, verdicts) = await judged(
      try message("From: a@bank.example\n\nx\n", from: "192.0.2.1", sender: "b@bank.example"))
    #expect(facts?.isSenderProven == true)
    #expect(facts?.words.contains("spf=pass") == true && facts?.words.contains("dmarc=pass") == true)
    #expect(
      facts.map { String(decoding: $0.fields, as: UTF8.self) }?.hasPrefix(
        "Authentication-Results: mail.office.example;") == true)
    #expect(verdicts.allSatisfy { $0.action == .accept && $0.factors.first?.test == "authentication" })
  }

  @Test func rejectIsObeyed() async throws {
    let (facts, verdicts) = await judged(try message("From: a@bank.example\n\nx\n"))
    #expect(facts?.isSenderProven == false)
    for verdict in verdicts {
      guard case .reject(let answer) = verdict.action else {
        Issue.record("\(verdict)")
        continue
      }
      #expect(answer.code == 550 && answer.enhanced == "5.7.1")
    }
  }

  @Test func aListThatIsKeptGoesToJunk() async throws {
    let (_, verdicts) = await judged(
      try message("From: a@bank.example\nList-Id: Talk <talk.lists.example>\n\nx\n"))
    #expect(verdicts[0].action == .tag(Tag(isJunk: true)))
    #expect(verdicts[0].factors.contains { $0.test == "dmarc" && $0.reason.contains("talk.lists.example") })
    if case .reject = verdicts[1].action {} else { Issue.record("\(verdicts[1])") }
  }

  @Test func quarantineIsJunk() async throws {
    let (_, verdicts) = await judged(try message("From: a@shop.example\n\nx\n"))
    #expect(verdicts.allSatisfy { $0.action == .tag(Tag(isJunk: true)) })
  }

  @Test(arguments: [
    "To: x@y.example\n\nx\n", "From: a@far.example\nFrom: b@far.example\n\nx\n",
    "From: a@b.example, c@d.example\n\nx\n",
  ])
  func noAuthorAndSeveralAreRefused(_ text: String) async throws {
    let (_, verdicts) = await judged(try message(text))
    for verdict in verdicts { if case .reject = verdict.action {} else { Issue.record("\(verdict)") } }
  }

  @Test func theConfigurationMayWantLess() async throws {
    let marked = await judged(
      try message("From: a@bank.example\n\nx\n", settings: "[authentication]\nincoming = \"mark\"\n"))
    #expect(marked.facts?.words.contains("dmarc=fail") == true)
    #expect(marked.verdicts.allSatisfy { $0.action == .accept })
    let off = await judged(
      try message("From: a@bank.example\n\nx\n", settings: "[authentication]\nincoming = \"off\"\n"))
    #expect(off.facts == nil && off.verdicts.allSatisfy { $0 == .accept })
  }

  @Test func aDNSThatHangsRefusesNobody() async throws {
    var hanging = dns
    hanging.hangs = true
    // The deadline leaves no time at all.
    let (facts, verdicts) = await judged(
      try message("From: a@bank.example\n\nx\n", deadline: .seconds(1)), hanging)
    #expect(facts?.words.contains("spf=temperror") == true && facts?.words.contains("dmarc=temperror") == true)
    #expect(verdicts.allSatisfy { $0.action == .accept })
  }

  @Test func aTrustedChainIsBelieved() async throws {
    let key = try SigningKey.make(.ed25519SHA256)
    var dns = dns
    dns.texts["s._domainkey.lists.example"] = key.recordText
    let text = "From: a@bank.example\nSubject: x\n\nbody\n"
    let content = RuleJudgeTests.content(text)
    let hash = RelaxedBodyHash()
    hash.append(Array("body\r\n".utf8))
    let seal = try #require(
      try ARCSealer.seal(
        content.header, bodyHash: hash.finish(),
        results: AuthenticationResults(authority: "lists.example", entries: [.init("dmarc", "pass")]),
        chain: ARCOutcome(result: .none), by: SigningIdentity(domain: "lists.example", selector: "s", key: key),
        at: Moment(seconds: 0)))
    let sealed = String(decoding: seal, as: UTF8.self).replacing("\r\n", with: "\n") + text
    let settings = "[authentication]\ntrusted-sealers = [\"lists.example\"]\n"
    let trusted = await judged(try message(sealed, settings: settings), dns)
    #expect(trusted.facts?.words.contains("arc=pass") == true, "\(trusted.facts?.words ?? "")")
    #expect(trusted.verdicts.allSatisfy { $0.action == .accept })
    let unknown = await judged(try message(sealed), dns)
    #expect(unknown.verdicts.allSatisfy { $0.action != .accept })
  }
}
