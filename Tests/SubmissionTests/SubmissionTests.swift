import Configuration
import MailFlow
import Message
import Platform
import Reception
import Testing

@testable import Submission

private let office = """
  hostname = "mail.example.org"
  postmaster = "anna"
  [[domain]]
  name = "example.org"
  [[account]]
  name = "anna"
  addresses = ["anna@example.org", "a.b@example.org"]
  [[account]]
  name = "bob"
  [[alias]]
  address = "info@example.org"
  to = ["anna"]
  [[group]]
  address = "team@example.org"
  members = ["anna", "bob"]
  [[device]]
  name = "scanner"
  networks = ["192.0.2.7"]
  account = "bob"
  senders = ["scanner@example.org"]
  rate = 2
  """

private func session(
  account: String? = "anna", device: String? = nil, peer: String = "192.0.2.9"
) throws -> ReceptionSession {
  ReceptionSession(
    service: .submission, peer: IPAddress(peer), account: account, isAuthenticated: account != nil && device == nil,
    device: device, configuration: try Configuration(text: office))
}

private func header(_ text: String) -> HeaderSection {
  HeaderSection(bytes: Array(text.replacing("\n", with: "\r\n").utf8))
}

private func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }

@Suite struct SenderIdentityTests {
  @Test(arguments: [
    "anna@example.org", "ANNA@Example.ORG", "a.b@example.org", "anna+lists@example.org", "info@example.org",
  ])
  func ownAddresses(_ text: String) throws {
    #expect(SenderIdentity(try session()).owns(try address(text)))
  }

  @Test(arguments: [
    "bob@example.org", "team@example.org", "anna@elsewhere.example", "nobody@example.org", "scanner@example.org",
  ])
  func addressesOfOthers(_ text: String) throws {
    let refusal = SenderIdentity(try session()).refusal(of: try address(text), in: "MAIL FROM")
    #expect(refusal?.code == 550 && refusal?.enhanced == "5.7.1")
    #expect(refusal?.text.contains("you may send as anna@example.org, a.b@example.org") == true)
  }

  @Test func devicesHaveTheirSendersAndTheirAccounts() throws {
    let identity = SenderIdentity(try session(account: "bob", device: "scanner"))
    #expect(identity.owns(try address("scanner@example.org")))
    #expect(identity.owns(try address("bob@example.org")))
    #expect(!identity.owns(try address("anna@example.org")))
  }

  @Test func nobodyOwnsNothing() throws {
    #expect(!SenderIdentity(try session(account: nil)).owns(try address("anna@example.org")))
  }

  @Test(arguments: [
    "From: anna@example.org\n\n", "From: \"A, B\" <a.b@example.org>, anna@example.org\nSender: anna@example.org\n\n",
    "Subject: none\n\n",
  ])
  func honestHeaders(_ text: String) throws {
    #expect(SenderIdentity(try session()).refusal(of: header(text)) == nil)
  }

  @Test(arguments: [
    "From: bob@example.org\n\n", "From: anna@example.org, bob@example.org\n\n", "From: \n\n", "From: Anna\n\n",
    "From: anna@example.org\nFrom: bob@example.org\n\n", "from : bob@example.org\n\n", "FROM:\n bob@example.org\n\n",
    "From: anna@example.org\nSender: bob@example.org\n\n", "From: \"anna@example.org\" <bob@example.org>\n\n",
    "From: anna@example.org (x) <bob@example.org>\n\n", "From: none:;\n\n",
  ])
  func forgedHeaders(_ text: String) throws {
    let refusal = SenderIdentity(try session()).refusal(of: header(text))
    #expect(refusal?.code == 550 && refusal?.enhanced == "5.7.1", "\(text)")
  }
}

@Suite struct HeaderRepairTests {
  private func repair(_ text: String) throws -> String? {
    let repair = HeaderRepair(
      hostname: "mail.example.org", author: try address("anna@example.org"), now: Moment(seconds: 1_700_000_000),
      random: { Array(repeating: 0xab, count: $0) })
    return repair.repaired(header(text)).map { String(decoding: $0, as: UTF8.self).replacing("\r\n", with: "\n") }
  }

  @Test func aGoodHeaderStaysAsItIs() throws {
    #expect(try repair("From: a@b\nDate: Tue, 14 Nov 2023 22:13:20 +0000\nMessage-ID: <x@y>\nBccx: 1\n\n") == nil)
  }

  @Test func whatIsMissingIsAdded() throws {
    #expect(
      try repair("Subject: x\n\n")
        == "Date: Tue, 14 Nov 2023 22:13:20 +0000\nFrom: <anna@example.org>\n"
        + "Message-ID: <gqll7vatq8.abababababababab@mail.example.org>\nSubject: x\n\n")
  }

  @Test func blindCopiesStayBlind() throws {
    let rest = "From: a@b\nDate: Tue, 14 Nov 2023 22:13:20 +0000\nMessage-ID: <x@y>\n"
    #expect(try repair("Bcc: c@d,\n e@f\n\(rest)bCC : g@h\nResent-Bcc: i@j\nBcc:\n\n") == "\(rest)\n")
  }

  @Test func aMessageOfNothingButFieldsGetsItsEmptyLine() throws {
    #expect(try repair("Subject: x")?.hasSuffix("Subject: x\n\n") == true)
    #expect(try repair("")?.hasSuffix("@mail.example.org>\n\n") == true)
  }
}

@Suite struct SubmissionPolicyTests {
  private func terms(_ decision: ConnectDecision) -> SessionTerms? {
    if case .accept(let terms) = decision { terms } else { nil }
  }

  @Test func usersMustAuthenticate() async throws {
    let terms = try #require(terms(await SubmissionPolicy().connect(try session(account: nil))))
    #expect(terms.requiresAuthentication && terms.origin == .submission && terms.account == nil)
    #expect(terms.discipline == .normalizing)
  }

  @Test func devicesAreKnownByTheirAddress() async throws {
    let terms = try #require(terms(await SubmissionPolicy().connect(try session(account: nil, peer: "192.0.2.7"))))
    #expect(!terms.requiresAuthentication && terms.origin == .device)
    #expect(terms.account == "bob" && terms.device == "scanner" && terms.isLenient)
  }

  @Test func theNullSenderIsForNotifications() async throws {
    let policy = SubmissionPolicy()
    func mail(_ sender: String?) async throws -> Answer? {
      let envelope = Envelope(
        origin: .submission, reversePath: try sender.map(address), recipients: [], receivedAt: Moment(seconds: 0))
      return await policy.mail(envelope, declaredSize: nil, try session())
    }
    #expect(try await mail(nil) == nil)
    #expect(try await mail("anna@example.org") == nil)
    #expect(try await mail("bob@example.org")?.code == 550)
  }

  @Test func devicesAreLimitedByTheHour() throws {
    let rates = DeviceRates()
    let start = Moment(seconds: 1_000_000)
    #expect(rates.take("scanner", limit: 2, at: start))
    #expect(rates.take("scanner", limit: 2, at: start + .seconds(1800)))
    #expect(!rates.hasRoom("scanner", limit: 2, at: start + .seconds(3599)))
    #expect(!rates.take("scanner", limit: 2, at: start + .seconds(3599)))
    #expect(rates.take("printer", limit: 2, at: start + .seconds(3599)))
    #expect(rates.hasRoom("scanner", limit: 2, at: start + .seconds(3600)))
    #expect(rates.take("scanner", limit: 2, at: start + .seconds(3600)))
    #expect(!rates.take("scanner", limit: 2, at: start + .seconds(3601)))
  }

  @Test func port25TellsDevicesFromServers() async throws {
    struct Others: ReceptionPolicy {
      func connect(_ session: ReceptionSession) async -> ConnectDecision { .refuse(Answer(554, "5.7.1", "others")) }
    }
    let port = DevicePort(devices: SubmissionPolicy(), others: Others())
    #expect(terms(await port.connect(try session(account: nil, peer: "192.0.2.7")))?.device == "scanner")
    #expect(terms(await port.connect(try session(account: nil))) == nil)
  }
}

@Suite struct LocalPolicyTests {
  private func local(_ user: String?) throws -> ReceptionSession {
    let configuration = try Configuration(text: office)
    return ReceptionSession(
      service: .submission, peer: nil, localUser: user, account: user.flatMap { configuration.account($0)?.name },
      configuration: configuration)
  }

  @Test func onlyProgramsOfThisMachine() async throws {
    guard case .refuse(let answer) = await LocalPolicy().connect(try local(nil)) else {
      Issue.record("somebody without a name was let in")
      return
    }
    #expect(answer.code == 554)
    guard case .accept(let terms) = await LocalPolicy().connect(try local("anna")) else {
      Issue.record("anna was not let in")
      return
    }
    #expect(terms.origin == .local && terms.account == "anna" && !terms.requiresAuthentication)
    guard case .accept(let daemon) = await LocalPolicy().connect(try local("www-data")) else { return }
    #expect(daemon.account == nil)
  }

  @Test func whoMaySendAsWhom() throws {
    func may(_ user: String, _ text: String) throws -> Bool { SenderIdentity(try local(user)).owns(try address(text)) }
    #expect(
      try may("anna", "anna@mail.example.org") && may("anna", "a.b@example.org") && may("anna", "info@example.org"))
    #expect(
      try !may("anna", "bob@example.org") && !may("anna", "bob@mail.example.org") && !may("anna", "x@example.net"))
    #expect(try may("www-data", "www-data@mail.example.org") && !may("www-data", "anna@example.org"))
    #expect(try may("root", "root@mail.example.org") && may("root", "anna@example.org") && may("root", "x@example.net"))
  }

  /// Where the host's own name is a domain with people, a user of the system is not one of them by his name alone.
  @Test func theHostsNameAsADomain() throws {
    let text = """
      hostname = "example.org"
      [[domain]]
      name = "example.org"
      [[account]]
      name = "a.smith"
      addresses = ["anna@example.org"]
      """
    var session = ReceptionSession(
      service: .submission, peer: nil, localUser: "anna", configuration: try Configuration(text: text))
    #expect(!SenderIdentity(session).owns(try address("anna@example.org")))
    session.localUser = "root"
    #expect(SenderIdentity(session).owns(try address("root@example.org")))
    session.localUser = "www-data"
    #expect(SenderIdentity(session).owns(try address("www-data@example.org")))
  }
}
