import Message
import Platform
import Synchronization
import Testing

@testable import MailFlow
@testable import Store

/// True once.
private final class Flag: Sendable {
  private let value = Mutex(true)
  func isFirst() -> Bool {
    value.withLock { value in
      defer { value = false }
      return value
    }
  }
}

@Suite struct AcceptanceTests {
  @Test func aMessageIsInItsMailboxWhenTheClientIsToldYes() async throws {
    let house = try House()
    let acceptance = await house.flow.accept(try house.envelope(["anna@office.example"]), try await house.take())
    let id = try #require(acceptance.id)
    #expect(acceptance.answer == Answer(250, "2.0.0", "Accepted as \(id)"))
    let messages = try await house.messages("anna")
    #expect(messages.count == 1)
    #expect(
      messages[0] == """
        Return-Path: <bob@outside.example>
        Delivered-To: anna@office.example
        Received: from mx.outside.example ([192.0.2.1])
        \tby mail.office.example (Postroom) with ESMTP
        \tid \(id)
        \tfor <anna@office.example>;
        \t\(HeaderDate(house.clock.now).text)

        """ + House.message)
    #expect(try await house.states(id) == ["anna@office.example delivered"])
    #expect(try await house.steps(id) == ["reception accepted", "delivery delivered <anna@office.example>"])
    try await house.expectSound()
  }

  @Test func theSpecialFoldersAreThereAtFirstSight() async throws {
    let house = try House()
    try await house.deliver(["bert@office.example"])
    let names = try await house.store.read { try $0.mailboxes(account: "bert") }
    #expect(Set(names.map(\.name)) == ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"])
    #expect(names.first { $0.name == "Junk" }?.specialUse == .junk)
    #expect(try await house.store.read { try $0.subscriptions(account: "bert") }.count == 6)
    try await house.deliver(["bert@office.example"], from: nil)
    #expect(try await house.mailbox("bert").messages == 2)
  }

  @Test func oneBodyManyHeaders() async throws {
    let house = try House()
    house.judge.verdicts.withLock {
      $0["anna@office.example"] = Verdict(
        .tag(Marking(fields: [.init("X-Postroom-Rule", "out")], subjectPrefix: "[out]")), factors: [])
    }
    try await house.deliver(["anna@office.example", "bert@office.example"])
    let (anna, bert) = (try await house.messages("anna")[0], try await house.messages("bert")[0])
    #expect(anna.contains("Subject: [out] Hello\n"))
    #expect(anna.contains("\nX-Postroom-Rule: out\n"))
    #expect(!bert.contains("[out]") && !bert.contains("X-Postroom"))
    #expect(anna.hasSuffix("\n\nGood day.\n") && bert.hasSuffix("\n\nGood day.\n"))
    #expect(!anna.contains("bert@"), "no copy tells of the other recipient")
    try await house.expectSound()
  }

  @Test func whatOnlyTheHouseMaySayIsTakenOut() async throws {
    let house = try House()
    try await house.deliver(
      ["anna@office.example"],
      "Return-Path: <forged@x.example>\nX-Postroom-Rule: harmless\nAuthentication-Results: office.example; spf=pass\n"
        + House.message)
    let message = try await house.messages("anna")[0]
    #expect(!message.contains("forged") && !message.contains("harmless") && !message.contains("spf=pass"))
    #expect(message.hasSuffix(House.message))
  }

  @Test func allRejectedIsRefusedAndNothingIsKept() async throws {
    let house = try House()
    let no = Answer(550, "5.7.1", "Not wanted")
    house.judge.verdicts.withLock {
      $0["anna@office.example"] = Verdict(.reject(no), factors: [Factor(test: "rule x", reason: "said so")])
      $0["bert@office.example"] = Verdict(.reject(no))
    }
    let acceptance = await house.flow.accept(
      try house.envelope(["anna@office.example", "bert@office.example"]), try await house.take())
    #expect(acceptance.answer == no)
    #expect(acceptance.id == nil)
    #expect(try await house.messages("anna") == [])
    #expect(try await house.store.read { try $0.envelopes(matching: TraceQuery()) }.isEmpty)
    await house.close()
    let again = try House(in: house.folder, clock: house.clock)
    let refusals = try await again.flow.refusals(matching: TraceQuery())
    #expect(refusals.count == 1)
    #expect(refusals.first?.words == "550 5.7.1 Not wanted; rule x: said so")
    #expect(refusals.first?.recipient == "anna@office.example and 1 more")
    #expect(refusals.first?.subject == "Hello")
  }

  @Test func aRefusalThatAllowsAnotherTryWinsOverOneThatDoesNot() async throws {
    let house = try House()
    house.judge.verdicts.withLock {
      $0["anna@office.example"] = Verdict(.reject(Answer(550, "5.7.1", "Never")))
      $0["bert@office.example"] = Verdict(.reject(Answer(452, "4.2.2", "Full")))
    }
    let acceptance = await house.flow.accept(
      try house.envelope(["anna@office.example", "bert@office.example"]), try await house.take())
    #expect(acceptance.answer?.code == 452)
  }

  @Test func whoWouldHaveRejectedAloneHasItInQuarantine() async throws {
    let house = try House()
    house.judge.verdicts.withLock {
      $0["anna@office.example"] = Verdict(.reject(Answer(550, "5.7.1", "Not wanted")))
      $0["friend@elsewhere.example"] = Verdict(.discard(reason: "noise"))
    }
    let id = try await house.deliver(
      ["anna@office.example", "bert@office.example", "friend@elsewhere.example"], origin: .submission)
    #expect(
      try await house.states(id) == [
        "anna@office.example quarantined", "bert@office.example delivered", "friend@elsewhere.example discarded",
      ])
    #expect(try await house.row(id).said?.contains("550 5.7.1 Not wanted") == true)
    #expect(try await house.messages("anna") == [])
    try await house.expectSound()
  }

  @Test func aMessageForNobodyIsNotAccepted() async throws {
    let house = try House()
    let acceptance = await house.flow.accept(try house.envelope([]), try await house.take())
    #expect(acceptance.answer?.isPermanent == true)
    #expect(acceptance.id == nil)
  }

  @Test(arguments: [
    "\"a b\"@office.example", "\"x\\\"y\"@office.example", "grün@office.example", "a=b'c/d@[192.0.2.1]",
  ])
  func strangeAddressesComeBackFromTheStoreAsTheyWent(_ text: String) async throws {
    let house = try House()
    let address = try #require(EmailAddress(text))
    try house.leads(address.description, to: .queue(destination: "d.example"))
    try await house.deliver([text], from: text, origin: .submission)
    let row = try #require(try await house.flow.due(limit: 1).first)
    #expect(Envelope(row).recipients.map(\.address) == [address])
    #expect(Envelope(row).reversePath == address)
  }

  @Test func aDiscardedMessageIsAcceptedAndGone() async throws {
    let house = try House()
    house.judge.verdicts.withLock { $0["anna@office.example"] = Verdict(.discard(reason: "noise")) }
    let id = try await house.deliver(["anna@office.example"])
    #expect(try await house.states(id) == ["anna@office.example discarded"])
    #expect(try await house.messages("anna") == [])
    try await house.expectSound()
  }

  @Test func aPlanIsMadeAgainWhenTheConfigurationChangedMeanwhile() async throws {
    let house = try House()
    let first = Flag()
    house.planner.hook.withLock {
      $0 = { [house] in
        if first.isFirst() { house.reload() }
      }
    }
    try await house.deliver(["anna@office.example"])
    #expect(house.planner.plans.withLock { $0 } == 2)
    #expect(try await house.messages("anna").count == 1)
  }

  @Test func aPlanThatIsOvertakenTwiceAsksTheClientToComeAgain() async throws {
    let house = try House()
    house.planner.hook.withLock { $0 = { [house] in house.reload() } }
    let acceptance = await house.flow.accept(try house.envelope(["anna@office.example"]), try await house.take())
    #expect(acceptance.answer == Answer(451, "4.3.0", "Local error, try again later"))
    #expect(house.planner.plans.withLock { $0 } == 2)
    #expect(try await house.messages("anna") == [])
    try await house.expectSound()
  }

  @Test func aPlannerInTroubleLosesNothing() async throws {
    let house = try House()
    house.planner.hook.withLock { $0 = { throw TablePlanner.Trouble() } }
    let acceptance = await house.flow.accept(try house.envelope(["anna@office.example"]), try await house.take())
    #expect(acceptance.answer?.code == 451)
    #expect(try await house.messages("anna") == [])
  }

  /// Counted twice, the writer would wait for a second message that never comes, at each commit.
  @Test func aMessageIsAnnouncedToTheWriterOnce() async throws {
    let house = try House()
    let seen = Mutex<[Int]>([])
    house.planner.hook.withLock { $0 = { seen.withLock { $0.append(house.store.expectedWrites) } } }
    _ = await house.flow.accept(try house.envelope(["anna@office.example"]), try await house.take())
    #expect(seen.withLock { $0 } == [1])
    #expect(house.store.expectedWrites == 0)
    house.planner.hook.withLock { $0 = nil }
  }

  @Test func lateFiltersCountAsUnknown() async throws {
    let house = try House()
    house.judge.sleeps.withLock { $0 = true }
    let acceptance = await house.flow.accept(
      try house.envelope(["anna@office.example"]), try await house.take(), deadline: .now)
    let id = try #require(acceptance.id)
    #expect(try await house.messages("anna").count == 1)
    #expect(try await house.words(id, "accept").contains("did not answer in time"))
  }

  @Test func aFolderThatIsMissingMeansTheInbox() async throws {
    let house = try House()
    try house.leads("anna@office.example", to: .deliver(try house.filing("anna", .named("Gone"))))
    let id = try await house.deliver(["anna@office.example"])
    #expect(try await house.messages("anna").count == 1)
    #expect(try await house.words(id, "delivered").contains("the folder that was wanted is not there"))
  }

  @Test func junkFindsItsFolderByUseAndMakesItAgain() async throws {
    let house = try House()
    try house.leads("anna@office.example", to: .deliver(try house.filing("anna", .junk)))
    try await house.deliver(["anna@office.example"])
    try await house.flow.mailboxes.rename(account: "anna", from: "Junk", to: "Müll")
    try await house.deliver(["anna@office.example"], from: nil)
    #expect(try await house.messages("anna", "Müll").count == 2)
    try await house.flow.mailboxes.delete(account: "anna", name: "Müll")
    try await house.deliver(["anna@office.example"], from: "c@outside.example")
    #expect(try await house.messages("anna", "Junk").count == 1)
  }

  @Test func mergedRecipientsHaveOneCopyAndAreAllDelivered() async throws {
    let house = try House()
    try house.leads("a.meier@office.example", to: .merged(account: "anna"))
    let id = try await house.deliver(["anna@office.example", "a.meier@office.example"])
    #expect(try await house.messages("anna").count == 1)
    #expect(
      try await house.states(id) == ["anna@office.example delivered", "a.meier@office.example delivered"])
  }

  /// Fails in the transaction after everything was written: what a crash before the commit leaves.
  struct FailingObserver: MailboxObserver {
    struct Failure: Error {}
    let fails: @Sendable (MailboxEvent) -> Bool
    func observe(_ event: MailboxEvent, in transaction: inout Transaction) throws {
      if fails(event) { throw Failure() }
    }
  }

  @Test func aStepThatFailsTakesEverythingBack() async throws {
    let house = try House(observers: [
      FailingObserver { if case .filed(account: "bert", _) = $0 { true } else { false } }
    ])
    let acceptance = await house.flow.accept(
      try house.envelope(
        ["anna@office.example", "friend@elsewhere.example", "bert@office.example"], origin: .submission),
      try await house.take())
    #expect(acceptance.answer?.code == 451)
    #expect(try await house.messages("anna") == [], "not even those before the step that failed")
    #expect(try await house.store.read { try $0.waiting(QueueFilter()) }.isEmpty)
    #expect(try await house.store.read { try $0.envelopes(matching: TraceQuery()) }.isEmpty)
    try await house.expectSound()
    try await house.deliver(["anna@office.example"])
    #expect(try await house.messages("anna").count == 1)
  }

  @Test func twentyRecipientsOfAllKinds() async throws {
    let house = try House()
    var recipients: [String] = []
    for number in 0..<20 {
      let address = "r\(number)@office.example"
      recipients.append(address)
      switch number % 5 {
      case 0: try house.leads(address, to: .deliver(try house.filing("anna", as: address)))
      case 1: try house.leads(address, to: .queue(destination: "d\(number).example"))
      case 2: try house.leads(address, to: .reject(Answer(550, "5.1.1", "No")))
      case 3: try house.leads(address, to: .quarantine(reason: "rule"))
      default: try house.leads(address, to: .hold(reason: "undo", until: house.clock.now + .seconds(60)))
      }
    }
    let id = try await house.deliver(recipients, origin: .submission)
    let states = try await house.states(id)
    #expect(states.count == 20)
    for (number, state) in states.enumerated() {
      let expected = ["delivered", "queued", "quarantined", "quarantined", "held"][number % 5]
      #expect(state == "r\(number)@office.example \(expected)")
    }
    let trace = try await house.store.read { try $0.trace(of: id) }
    #expect(trace.count == 21, "one for the message and one a recipient")
    try await house.expectSound()
  }

  @Test func expansionMakesChildrenThatAreAccountedFor() async throws {
    let house = try House()
    let group = try #require(EmailAddress("staff@office.example"))
    let helper = try #require(EmailAddress("helper@elsewhere.example"))
    let anna = try #require(EmailAddress("anna@office.example"))
    try house.leads(
      "staff@office.example",
      to: .expand([
        Child(address: anna, fate: .deliver(try house.filing("anna", as: "staff@office.example")), through: group),
        Child(address: helper, fate: .queue(destination: "elsewhere.example"), through: group),
      ]))
    let id = try await house.deliver(["staff@office.example"], notify: [.success, .failure])
    #expect(
      try await house.states(id) == [
        "staff@office.example expanded", "anna@office.example delivered", "helper@elsewhere.example queued",
      ])
    let child = try await house.row(id, 2)
    #expect(RecipientOptions(child.options).notify == [.failure], "SUCCESS is answered by the expansion")
    #expect(RecipientOptions(child.options).parent == 0)
    let prefix = try #require(child.prefix)
    let fields = try await house.store.read { try $0.prefix(prefix) } ?? []
    #expect(String(decoding: fields, as: UTF8.self).hasPrefix("Delivered-To: staff@office.example\r\nReceived: "))
    try await house.expectSound()
  }
}
