import Message
import Platform
import Store
import Synchronization
import Testing

@testable import MailFlow

@Suite struct QueueTests {
  private func queued(
    _ house: House, _ recipients: [String] = ["friend@elsewhere.example"], origin: Origin = .submission,
    notify: NotifyRequest? = nil, from: String? = "anna@office.example", text: String = House.message
  ) async throws -> EnvelopeID {
    try await house.deliver(recipients, from: from, origin: origin, notify: notify, text)
  }

  @Test func whatIsQueuedIsDueAtOnceWithEverythingTheRelayNeeds() async throws {
    let house = try House()
    let id = try await queued(house, notify: [.success, .failure])
    let rows = try await house.flow.due(limit: 10)
    #expect(rows.map(\.recipient.id) == [RecipientID(id, 0)])
    let envelope = Envelope(rows[0])
    #expect(envelope.reversePath?.description == "anna@office.example")
    #expect(envelope.recipients.first?.notify == [.success, .failure])
    #expect(envelope.origin == .submission && envelope.account == "anna")
    let content = try #require(rows[0].recipient.content)
    let message = try #require(try await house.store.open(content, prefix: rows[0].recipient.prefix))
    let text = String(decoding: try await message.bytes(from: 0, count: 4096), as: UTF8.self)
    #expect(text.hasPrefix("Received: from mail.office.example (localhost)\r\n"), "the client is not shown")
    #expect(!text.contains("Return-Path") && !text.contains("Delivered-To") && !text.contains("192.0.2.1"))
  }

  @Test func aDeferralWaitsForItsTime() async throws {
    let house = try House()
    let id = RecipientID(try await queued(house), 0)
    try await house.flow.recordAttempt([id], host: "smtp.provider.example")
    #expect(try await house.row(id.envelope).attempting == house.clock.now)
    let later = house.clock.now + .seconds(300)
    try await house.flow.recordOutcomes([
      id: .deferred(until: later, status: "4.7.1", host: "smtp.provider.example", reply: "451 4.7.1 Greylisted")
    ])
    let row = try await house.row(id.envelope)
    #expect(row.state == .queued && row.attempts == 1 && row.attempting == nil && row.due == later)
    #expect(row.said?.contains("451 4.7.1 Greylisted") == true)
    #expect(try await house.flow.due(limit: 10).isEmpty)
    #expect(try await house.flow.nextDue() == later)
    house.clock.turn(.seconds(300))
    #expect(try await house.flow.due(limit: 10).count == 1)
    #expect(
      try await house.steps(id.envelope) == [
        "reception accepted", "relay queued <friend@elsewhere.example>", "relay attempting <friend@elsewhere.example>",
        "relay deferred <friend@elsewhere.example>",
      ])
  }

  @Test func relayedIsFinalAndFreesTheContent() async throws {
    let house = try House()
    let id = RecipientID(try await queued(house), 0)
    let content = try #require(try await house.row(id.envelope).content)
    try await house.flow.recordOutcomes([id: .relayed(host: "mx", reply: "250 2.0.0 Ok", supportsDSN: true)])
    #expect(try await house.states(id.envelope) == ["friend@elsewhere.example relayed"])
    #expect(try await house.messages("anna") == [])
    #expect(try await house.store.open(content) == nil)
    // A late word changes nothing, but is traced.
    try await house.flow.recordOutcomes([id: .failed(status: "5.0.0", host: "mx", reply: "550 no")])
    #expect(try await house.states(id.envelope) == ["friend@elsewhere.example relayed"])
    try await house.expectSound()
  }

  @Test func failureIsToldToOurOwnSenderWithTheMessage() async throws {
    let house = try House()
    let id = RecipientID(try await queued(house), 0)
    try await house.flow.recordOutcomes([
      id: .failed(
        status: "5.1.1", host: "mx.elsewhere.example:25, without TLS", reply: "550 5.1.1 \u{1b}[2JNo such user")
    ])
    #expect(try await house.states(id.envelope) == ["friend@elsewhere.example failed"])
    let told = try await house.messages("anna")
    #expect(told.count == 1)
    #expect(told[0].contains("Action: failed"))
    #expect(told[0].contains("Status: 5.1.1"))
    #expect(
      told[0].contains("Final-Recipient: rfc822;friend@elsewhere.example")
        || told[0].contains("Final-Recipient: rfc822; friend@elsewhere.example"))
    #expect(told[0].contains("mx.elsewhere.example:25 said: 550 5.1.1"))
    #expect(told[0].contains("Remote-MTA: dns; mx.elsewhere.example"))
    #expect(!told[0].contains("Remote-MTA: dns; mx.elsewhere.example:25"), "a name, no port")
    #expect(told[0].contains("Good day."), "without RET the whole message comes back")
    #expect(told[0].contains("What to do: check the address"))
    #expect(!told[0].contains("\u{1b}"))
    #expect(try await house.words(id.envelope, "told").contains("anna@office.example"))
    #expect(try await house.words(id.envelope, "failed").contains("\\x1B"))
    try await house.expectSound()
  }

  @Test func severalFailuresAreOneNotification() async throws {
    let house = try House()
    let id = try await queued(house, ["friend@elsewhere.example", "other@elsewhere.example"])
    try await house.flow.recordOutcomes([
      RecipientID(id, 0): .failed(status: "5.1.1", host: "mx", reply: "550 no"),
      RecipientID(id, 1): .failed(status: "5.2.2", host: "mx", reply: "552 full"),
    ])
    let told = try await house.messages("anna")
    #expect(told.count == 1)
    #expect(told[0].contains("Status: 5.1.1") && told[0].contains("Status: 5.2.2"))
  }

  @Test func retHeadersAndLargeMessagesReturnHeadersOnly() async throws {
    let house = try House()
    let envelope = try house.envelope(["friend@elsewhere.example"], from: "anna@office.example", origin: .submission) {
      $0.returnContent = .headers
    }
    let acceptance = await house.flow.accept(envelope, try await house.take())
    let large = try await queued(house, text: House.message + String(repeating: "long line of text\n", count: 5000))
    for id in [try #require(acceptance.id), large] {
      try await house.flow.recordOutcomes([RecipientID(id, 0): .failed(status: "5.0.0", host: nil, reply: "no")])
    }
    let told = try await house.messages("anna")
    #expect(told.count == 2)
    for text in told {
      #expect(text.contains("text/rfc822-headers"))
      #expect(!text.contains("Good day."))
    }
  }

  @Test(arguments: [
    (Origin.submission, NotifyRequest?.some(.never), "anna@office.example" as String?),
    (.submission, .some(.delay), "anna@office.example"), (.submission, nil, nil), (.mx, nil, "anna@office.example"),
  ])
  func failuresThatNobodyIsToldOf(_ origin: Origin, _ notify: NotifyRequest?, _ from: String?) async throws {
    let house = try House()
    let id = RecipientID(try await queued(house, origin: origin, notify: notify, from: from), 0)
    try await house.flow.recordOutcomes([id: .failed(status: "5.1.1", host: "mx", reply: "550 no")])
    #expect(try await house.states(id.envelope) == ["friend@elsewhere.example failed"])
    #expect(try await house.messages("anna") == [])
    #expect(try await house.store.read { try $0.waiting(QueueFilter()) }.isEmpty)
  }

  @Test func aDelayIsToldOnce() async throws {
    let house = try House()
    let id = RecipientID(try await queued(house), 0)
    func attempt() async throws {
      try await house.flow.recordOutcomes([
        id: .deferred(until: house.clock.now + .seconds(60), status: "4.4.1", host: nil, reply: "no answer")
      ])
    }
    try await attempt()
    #expect(try await house.messages("anna") == [])
    house.clock.turn(.seconds(4 * 3600))
    try await attempt()
    #expect(try await house.messages("anna").count == 1)
    #expect(try await house.messages("anna")[0].contains("Action: delayed"))
    #expect(try await house.messages("anna")[0].contains("Will-Retry-Until:"))
    house.clock.turn(.seconds(4 * 3600))
    try await attempt()
    #expect(try await house.messages("anna").count == 1)
    // The end is told all the same.
    try await house.flow.recordOutcomes([id: .failed(status: "4.4.7", host: nil, reply: "five days are over")])
    #expect(try await house.messages("anna").count == 2)
  }

  @Test func successBeyondAServerWithoutDSNIsToldAsRelayed() async throws {
    let house = try House()
    let id = try await queued(house, ["friend@elsewhere.example", "other@elsewhere.example"], notify: .success)
    try await house.flow.recordOutcomes([
      RecipientID(id, 0): .relayed(host: "old.example", reply: "250 ok", supportsDSN: false),
      RecipientID(id, 1): .relayed(host: "new.example", reply: "250 ok", supportsDSN: true),
    ])
    let told = try await house.messages("anna")
    #expect(told.count == 1)
    #expect(told[0].contains("Action: relayed"))
    #expect(told[0].contains("friend@elsewhere.example") && !told[0].contains("other@elsewhere.example"))
  }

  /// Lets a notification through, or takes back the transaction that files it.
  private final class Door: MailboxObserver {
    struct Shut: Error {}

    let lets = Mutex(Int.max)

    func observe(_ event: MailboxEvent, in transaction: inout Transaction) throws {
      try lets.withLock { left in
        guard left > 0 else { throw Shut() }
        left -= 1
      }
    }
  }

  @Test func whatWasWrittenOfManyOutcomesIsNotWrittenAgain() async throws {
    let door = Door()
    let house = try House(observers: [door])
    var left: [(row: QueueRow, outcome: AttemptOutcome)] = []
    for _ in 0..<3 {
      let id = try await queued(house)
      left.append(
        (try await house.flow.row(RecipientID(id, 0)), .failed(status: "5.1.1", host: "mx", reply: "550 no")))
    }
    let silent = try await queued(house, notify: .never)
    left.append(
      (try await house.flow.row(RecipientID(silent, 0)), .failed(status: "5.1.1", host: "mx", reply: "550 no")))
    let failing = left[1].row.envelope.id
    door.lets.withLock { $0 = 1 }
    await #expect(throws: Door.Shut.self) { try await house.flow.recordOutcomes(&left) }
    #expect(left.map(\.row.envelope.id).first == failing && left.count == 2)
    #expect(try await house.messages("anna").count == 1)
    #expect(try await house.states(silent) == ["friend@elsewhere.example failed"])
    door.lets.withLock { $0 = .max }
    try await house.flow.recordOutcomes(&left)
    #expect(left.isEmpty)
    #expect(try await house.messages("anna").count == 3, "one for each envelope")
    #expect(try await house.store.read { try $0.trace(of: silent) }.filter { $0.what == "failed" }.count == 1)
    try await house.expectSound()
  }

  @Test func anUncertainAttemptIsTriedAgain() async throws {
    let house = try House()
    let id = RecipientID(try await queued(house), 0)
    try await house.flow.recordAttempt([id], host: "mx")
    try await house.flow.recordOutcomes([
      id: .uncertain(until: house.clock.now + .seconds(60), host: "mx", reason: "the connection broke")
    ])
    #expect(try await house.row(id.envelope).state == .queued)
    #expect(try await house.words(id.envelope, "uncertain").contains("may have been delivered"))
  }

  @Test func anAttemptThatTheProcessDidNotSurviveIsUncertain() async throws {
    let folder = TestFolder()
    let clock = HandClock()
    let id: RecipientID
    do {
      let house = try House(in: folder, clock: clock)
      id = RecipientID(try await queued(house), 0)
      try await house.flow.recordAttempt([id], host: "mx")
      await house.store.close()
    }
    clock.turn(.seconds(5))
    let house = try House(in: folder, clock: clock)
    #expect(try await house.row(id.envelope).attempting != nil)
    try await house.flow.recoverAttempts()
    let row = try await house.row(id.envelope)
    #expect(row.attempting == nil && row.state == .queued && row.due == clock.now)
    #expect(try await house.words(id.envelope, "uncertain").contains("the process ended"))
    #expect(try await house.flow.due(limit: 1).count == 1)
    await house.store.close()
  }

  @Test func administratorsHoldReleaseRetryAndDelete() async throws {
    let house = try House()
    let id = RecipientID(try await queued(house), 0)
    let queue = house.flow.queue
    try await queue.hold(id, by: "root")
    #expect(try await house.flow.due(limit: 10).isEmpty)
    #expect(try await queue.list(QueueFilter(state: .held)).map(\.id) == [id.description])
    await #expect(throws: QueueError.wrongState(id, .held)) { try await queue.retry(id, by: "root") }
    #expect(try await queue.release(id, by: "root") == .queued)
    #expect(try await house.flow.due(limit: 10).count == 1)
    try await house.flow.recordOutcomes([
      id: .deferred(until: house.clock.now + .seconds(3600), status: "4.0.0", host: nil, reply: "later")
    ])
    #expect(try await queue.retryAll(by: "root") == 1)
    #expect(try await house.flow.due(limit: 10).count == 1)
    try await house.flow.recordAttempt([id], host: "mx")
    await #expect(throws: QueueError.underWay(id)) { try await queue.delete(id, by: "root") }
    await #expect(throws: QueueError.underWay(id)) { try await queue.hold(id, by: "root") }
    try await house.flow.recoverAttempts()
    try await queue.delete(id, by: "root")
    #expect(try await house.states(id.envelope) == ["friend@elsewhere.example discarded"])
    #expect(try await house.words(id.envelope, "discarded").contains("root"))
    await #expect(throws: QueueError.wrongState(id, .discarded)) { try await queue.delete(id, by: "root") }
    await #expect(throws: QueueError.notThere(RecipientID(id.envelope, 9))) {
      try await queue.delete(RecipientID(id.envelope, 9), by: "root")
    }
    #expect(try await house.messages("anna") == [], "nobody is told")
    try await house.expectSound()
  }

  @Test func whatWasHeldDuringAnAttemptStaysHeldUnlessItArrived() async throws {
    let house = try House()
    let id = RecipientID(try await queued(house), 0)
    try await house.flow.queue.hold(id, by: "root")
    try await house.flow.recordOutcomes([
      id: .deferred(until: house.clock.now, status: "4.0.0", host: nil, reply: "later")
    ])
    #expect(try await house.row(id.envelope).state == .held)
    #expect(try await house.flow.due(limit: 10).isEmpty)
  }

  @Test func aHoldEndsAtItsTime() async throws {
    let house = try House()
    try house.leads("anna@office.example", to: .hold(reason: "undo", until: house.clock.now + .seconds(10)))
    let id = try await house.deliver(["anna@office.example"])
    try house.leads("anna@office.example", to: .deliver(try house.filing("anna")))
    _ = try await house.flow.due(limit: 10)
    #expect(try await house.messages("anna") == [])
    house.clock.turn(.seconds(10))
    _ = try await house.flow.due(limit: 10)
    #expect(try await house.messages("anna").count == 1)
    #expect(try await house.states(id) == ["anna@office.example delivered"])
  }

  @Test func aHoldThatCannotEndWaitsInsteadOfSpinning() async throws {
    let house = try House()
    try house.leads("anna@office.example", to: .hold(reason: "undo", until: house.clock.now))
    let id = try await house.deliver(["anna@office.example"])
    house.planner.fates.withLock { $0["anna@office.example"] = nil }
    _ = try await house.flow.due(limit: 10)
    #expect(try await house.row(id).state == .held)
    #expect(try await house.flow.nextDue() == house.clock.now + .seconds(900))
  }
}

@Suite struct QuarantineTests {
  @Test func releaseDeliversOnceAndTellsNobody() async throws {
    let house = try House()
    house.judge.verdicts.withLock { $0["anna@office.example"] = Verdict(.quarantine(reason: "macro in it")) }
    let id = RecipientID(try await house.deliver(["anna@office.example"], origin: .submission, notify: .success), 0)
    let listed = try await house.flow.queue.list(QueueFilter(state: .quarantined))
    #expect(listed.map(\.said) == ["macro in it"])
    #expect(listed.first?.subject == "Hello")
    #expect(try await house.store.read { try $0.usage(account: "anna") }.bytes == 0, "not in the quota")
    #expect(try await house.flow.queue.release(id, by: "root") == .delivered)
    let messages = try await house.messages("anna")
    #expect(messages.count == 1, "the filters are not asked again, and no notification came")
    #expect(messages[0].hasPrefix("Return-Path: <bob@outside.example>\nDelivered-To: anna@office.example\nReceived: "))
    #expect(messages[0].hasSuffix(House.message))
    await #expect(throws: QueueError.wrongState(id, .delivered)) {
      try await house.flow.queue.release(id, by: "root")
    }
    #expect(try await house.messages("anna").count == 1)
    #expect(try await house.words(id.envelope, "delivered").contains("released by root"))
    try await house.expectSound()
  }

  @Test func whoHasItAlreadyGetsNoSecondCopy() async throws {
    let house = try House()
    try house.leads("a.meier@office.example", to: .deliver(try house.filing("anna", as: "a.meier@office.example")))
    house.judge.verdicts.withLock { $0["a.meier@office.example"] = Verdict(.quarantine(reason: "rule")) }
    let id = try await house.deliver(["anna@office.example", "a.meier@office.example"])
    #expect(try await house.flow.release(RecipientID(id, 1), by: "root") == .delivered)
    #expect(try await house.messages("anna").count == 1)
  }

  @Test func aRemoteRecipientGoesIntoTheQueue() async throws {
    let house = try House()
    house.judge.verdicts.withLock { $0["friend@elsewhere.example"] = Verdict(.quarantine(reason: "rule")) }
    let id = RecipientID(try await house.deliver(["friend@elsewhere.example"], origin: .submission), 0)
    #expect(try await house.flow.due(limit: 10).isEmpty)
    #expect(try await house.flow.release(id, by: "root") == .queued)
    let due = try await house.flow.due(limit: 10)
    #expect(due.map(\.recipient.destination) == ["elsewhere.example"])
    #expect(due.first?.recipient.prefix != nil)
  }

  @Test func releaseToNobodyIsRefusedAndKept() async throws {
    let house = try House()
    house.judge.verdicts.withLock { $0["anna@office.example"] = Verdict(.quarantine(reason: "rule")) }
    let id = RecipientID(try await house.deliver(["anna@office.example"]), 0)
    house.planner.fates.withLock { $0["anna@office.example"] = nil }
    await #expect(throws: QueueError.refused(id, Answer(550, "5.1.1", "No such user here"))) {
      try await house.flow.release(id, by: "root")
    }
    #expect(try await house.row(id.envelope).state == .quarantined)
    try await house.flow.queue.delete(id, by: "root")
    try await house.expectSound()
  }

  @Test func releasedGroupsReachTheirMembers() async throws {
    let house = try House()
    let group = try #require(EmailAddress("staff@office.example"))
    let anna = try #require(EmailAddress("anna@office.example"))
    let bert = try #require(EmailAddress("bert@office.example"))
    try house.leads(
      "staff@office.example",
      to: .expand([
        Child(address: anna, fate: .deliver(try house.filing("anna")), through: group),
        Child(address: bert, fate: .deliver(try house.filing("bert")), through: group),
      ]))
    house.judge.verdicts.withLock { $0["staff@office.example"] = Verdict(.quarantine(reason: "rule")) }
    let id = try await house.deliver(["staff@office.example", "anna@office.example"])
    #expect(try await house.flow.release(RecipientID(id, 0), by: "root") == .expanded)
    #expect(try await house.messages("anna").count == 1, "she had it already")
    #expect(try await house.messages("bert").count == 1)
    try await house.expectSound()
  }

  @Test func showTellsWhatItIs() async throws {
    let house = try House()
    house.judge.verdicts.withLock { $0["anna@office.example"] = Verdict(.quarantine(reason: "rule")) }
    let id = RecipientID(
      try await house.deliver(["anna@office.example"], "X-Evil: \u{1b}]0;title\u{7}\n" + House.message), 0)
    let detail = try await house.flow.queue.show(id)
    #expect(detail.listing.state == "quarantined")
    #expect(detail.header.contains("Subject: Hello"))
    #expect(detail.header.allSatisfy { !$0.contains("\u{1b}") })
    #expect(detail.journey.outcomes.count == 1)
  }
}
