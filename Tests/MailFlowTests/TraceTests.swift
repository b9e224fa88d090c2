import Message
import Platform
import Store
import Testing

@testable import MailFlow

@Suite struct JourneyTests {
  private let message = """
    Received: from mx.provider.example ([198.51.100.1]) by mx.outside.example with ESMTPS id abc; Thu, 14 Jan 2027 10:00:05 +0100
    Received: from laptop ([10.0.0.3]) by mx.provider.example with ESMTPSA id def; Thu, 14 Jan 2027 10:00:00 +0100
    Message-ID: <1@outside.example>
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= \u{1b}]0;owned\u{7} \u{202e}gpj.exe

    text

    """

  @Test func isToldFromTheFirstHopToEachRecipientsEnd() async throws {
    let house = try House()
    let id = try await house.deliver(["anna@office.example", "friend@elsewhere.example"], origin: .submission, message)
    let journey = try #require(try await house.flow.journey(of: id))
    #expect(journey.hops.map(\.id) == ["def", "abc"], "the oldest first")
    #expect(journey.hops[0].from?.hasPrefix("laptop") == true)
    #expect(journey.steps.map(\.what) == ["accepted", "delivered", "queued"])
    #expect(journey.steps.map(\.isPointOfNoReturn) == [true, false, false])
    #expect(journey.outcomes.map(\.state) == ["delivered", "queued"])
    #expect(journey.messageID == "<1@outside.example>")
    let row = RecipientID(id, 1)
    try await house.flow.recordAttempt([row], host: "smtp.provider.example")
    try await house.flow.recordOutcomes([
      row: .relayed(host: "smtp.provider.example", reply: "250 ok", supportsDSN: true)
    ])
    let later = try #require(try await house.flow.journey(of: id))
    #expect(later.steps.suffix(2).map(\.isPointOfNoReturn) == [true, true])
    #expect(later.text.contains("from here on the message was ours to deliver"))
    #expect(later.text.contains("<friend@elsewhere.example> relayed"))
  }

  @Test func escapeSequencesComeOutHarmless() async throws {
    let house = try House()
    let envelope = try house.envelope(["anna@office.example"]) {
      $0.peer.helo = "evil\u{1b}[2J\u{202e}host\r\nfake"
      $0.tls = "TLS\u{1b}[31m"
    }
    let acceptance = await house.flow.accept(envelope, try await house.take(message))
    let id = try #require(acceptance.id)
    let journey = try #require(try await house.flow.journey(of: id))
    for scalar in journey.text.unicodeScalars where scalar != "\n" {
      #expect(scalar.value >= 0x20 && scalar.value != 0x7f && !(0x80..<0xa0).contains(scalar.value))
      #expect(!(0x202a...0x202e).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value))
    }
    #expect(journey.subject?.hasPrefix("Grüße \\x1B]0;owned") == true)
    #expect(journey.helo?.contains("\\x1B") == true)
    #expect(!journey.text.contains("\nfake"))
  }

  @Test func isFoundByWhatTheOfficeKnows() async throws {
    let house = try House()
    let id = try await house.deliver(["anna@office.example"], message)
    for query in [
      TraceQuery(messageID: "1@outside.example"), TraceQuery(address: "ANNA@office.example"),
      TraceQuery(address: "bob@outside.example"), TraceQuery(subject: ["Grüße"]),
      TraceQuery(from: house.clock.now, until: house.clock.now + .seconds(1)),
    ] {
      #expect(try await house.flow.journeys(matching: query).map(\.envelope) == [id.description])
    }
    #expect(try await house.flow.journeys(matching: TraceQuery(address: "carl@office.example")).isEmpty)
    #expect(try await house.flow.journey(of: EnvelopeID(999_999)) == nil)
  }

  @Test func subjectsAreKeptOnlyWhereConfigured() async throws {
    let house = try House(text: "[trace]\nsubjects = false")
    let id = try await house.deliver(["anna@office.example"], message)
    #expect(try await house.flow.journey(of: id)?.subject == nil)
    house.flow.refused(
      Refusal(at: house.clock.now, peer: "192.0.2.1", subject: "secret", stage: "content", words: "550 no"))
    try await house.deliver(["anna@office.example"], from: nil)
    #expect(try await house.flow.refusals(matching: TraceQuery()).map(\.subject) == [nil])
    #expect(try await house.store.read { try $0.envelopes(matching: TraceQuery(subject: ["Grüße"])) }.isEmpty)
  }

  @Test func verdictsExplainThemselves() async throws {
    let house = try House()
    house.judge.verdicts.withLock {
      $0["anna@office.example"] = Verdict(
        .tag(Marking(subjectPrefix: "[x]")),
        factors: [Factor(test: "rule outside", score: 2.5, reason: "sender \u{1b}[0m is outside")])
    }
    let id = try await house.deliver(["anna@office.example"])
    #expect(try await house.words(id, "tag") == "rule outside 2.5: sender \\x1B[0m is outside")
  }
}

@Suite struct RefusalTests {
  private func refusal(_ house: House, peer: String = "192.0.2.1", _ words: String = "550 5.1.1 no") -> Refusal {
    Refusal(at: house.clock.now, peer: peer, helo: "h\u{1b}", stage: "rcpt", words: words)
  }

  @Test func aFewInWordsTheRestCounted() async throws {
    let house = try House()
    for number in 0..<100 { house.flow.refused(refusal(house, "550 number \(number)")) }
    house.flow.refused(refusal(house, peer: "192.0.2.2"))
    house.clock.turn(.seconds(61))
    house.flow.refused(refusal(house, "550 the next minute"))
    try await house.deliver(["anna@office.example"])
    let rows = try await house.flow.refusals(matching: TraceQuery(limit: 1000))
    let ofPeer = rows.filter { $0.peer == "192.0.2.1" }
    #expect(ofPeer.count == RefusalLedger.rowsPerMinute + 2)
    #expect(ofPeer.map(\.count).reduce(0, +) == 101, "every refusal is accounted for")
    #expect(ofPeer.contains { $0.count == 95 && $0.words.contains("550 number 99") })
    #expect(rows.filter { $0.peer == "192.0.2.2" }.count == 1)
    #expect(rows.allSatisfy { $0.helo?.contains("\u{1b}") != true })
  }

  @Test func theEndOfTheProcessKeepsTheCount() async throws {
    let house = try House()
    for _ in 0..<20 { house.flow.refused(refusal(house)) }
    await house.close()
    let again = try House(in: house.folder, clock: house.clock)
    let rows = try await again.flow.refusals(matching: TraceQuery(limit: 1000))
    #expect(rows.map(\.count).reduce(0, +) == 20)
    await again.close()
  }

  @Test func manyPeersCannotFillTheMemory() async throws {
    let house = try House()
    for number in 0..<(RefusalLedger.peerLimit + 500) { house.flow.refused(refusal(house, peer: "peer \(number)")) }
    #expect(house.flow.refusals.peers <= RefusalLedger.peerLimit + 1)
  }
}

@Suite struct CrashTests {
  /// What a process leaves that ends while it works: the slots as they were, and the store.
  private func crash(_ folder: TestFolder, _ clock: HandClock, times: Int) async throws {
    for _ in 0..<times {
      let slots = try await slotsWhileWorking(folder, clock)
      writeAll("\(folder.path)/\(CrashSlots.fileName)", slots)
    }
  }

  private func slotsWhileWorking(_ folder: TestFolder, _ clock: HandClock) async throws -> [UInt8] {
    let house = try House(in: folder, clock: clock)
    try await house.flow.watchForCrashes()
    let bad = try house.flow.beginIntake(
      origin: .mx, peer: IPAddress("192.0.2.66"), reversePath: EmailAddress("evil@x.example"))
    await bad.append([1, 2, 3])
    let slots = try #require(readAll("\(folder.path)/\(CrashSlots.fileName)"))
    await house.store.close()
    withExtendedLifetime(bad) {}
    return slots
  }

  @Test func theSameInputCannotEndTheProcessAThirdTime() async throws {
    let (folder, clock) = (TestFolder(), HandClock())
    try await crash(folder, clock, times: 2)
    let house = try House(in: folder, clock: clock)
    try await house.flow.watchForCrashes()
    let (peer, path) = (IPAddress("192.0.2.66"), EmailAddress("evil@x.example"))
    #expect(throws: IntakeError.refused(Answer(451, "4.3.0", "Not now, try again in an hour"))) {
      try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
    }
    // Others are not touched.
    _ = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: EmailAddress("good@x.example"))
    _ = try house.flow.beginIntake(origin: .mx, peer: IPAddress("192.0.2.67"), reversePath: path)
    clock.turn(.seconds(3601))
    let intake = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
    await intake.append(Array("Subject: evil\r\n\r\nbody\r\n".utf8))
    let content = try await intake.finish()
    #expect(!content.isParsed && content.header.isEmpty && content.body.size == 23)
    let envelope = try house.envelope(["anna@office.example"], from: "evil@x.example") {
      $0.peer = Peer(address: peer, helo: "")
    }
    let id = try #require(await house.flow.accept(envelope, content).id)
    #expect(try await house.states(id) == ["anna@office.example held"])
    #expect(try await house.row(id).said?.hasPrefix("crash") == true)
    // A person lets it go: it arrives byte for byte.
    try await house.flow.release(RecipientID(id, 0), by: "root")
    #expect(try await house.messages("anna")[0].hasSuffix("Subject: evil\n\nbody\n"))
    await house.close()
  }

  @Test func oneCrashIsNobodysFault() async throws {
    let (folder, clock) = (TestFolder(), HandClock())
    try await crash(folder, clock, times: 1)
    let house = try House(in: folder, clock: clock)
    try await house.flow.watchForCrashes()
    _ = try house.flow.beginIntake(
      origin: .mx, peer: IPAddress("192.0.2.66"), reversePath: EmailAddress("evil@x.example"))
    await house.close()
  }

  @Test func anOrderlyEndAccusesNobody() async throws {
    let (folder, clock) = (TestFolder(), HandClock())
    for _ in 0..<3 {
      let house = try House(in: folder, clock: clock)
      try await house.flow.watchForCrashes()
      let intake = try house.flow.beginIntake(origin: .mx, peer: IPAddress("192.0.2.66"), reversePath: nil)
      await house.close()
      #expect(CrashSlots(path: "\(folder.path)/\(CrashSlots.fileName)", log: house.flow.log)?.suspects == [])
      withExtendedLifetime(intake) {}
    }
  }

  @Test func afterAMonthWithoutACrashThereIsNoSuspicion() {
    let record = CrashRecord()
    let now = Moment(seconds: 1_800_000_000)
    record.load([], suspects: ["x"], now: now)
    record.load(record.encoded, suspects: ["x", "x"], now: now)
    #expect(record.treatment(of: "x", at: now) == .later)
    #expect(record.treatment(of: "x", at: now + .seconds(3600)) == .unparsed)
    #expect(record.treatment(of: "y", at: now) == .normal)
    record.load(record.encoded, suspects: [], now: now + CrashRecord.memory)
    #expect(record.treatment(of: "x", at: now + CrashRecord.memory) == .normal)
    record.load([0, 0, 0, 0, 200, 1], suspects: [], now: now)
    #expect(record.treatment(of: "x", at: now) == .normal)
  }

  @Test func slotsRunOutWithoutHarm() throws {
    let folder = TestFolder()
    let slots = try #require(CrashSlots(path: "\(folder.path)/\(CrashSlots.fileName)", log: .init(label: "test")))
    var taken = (0..<CrashSlots.slotCount).map { slots.take("key \($0) " + String(repeating: "x", count: 400)) }
    #expect(taken.allSatisfy { $0 != nil })
    #expect(slots.take("one more") == nil)
    taken.removeLast()
    #expect(slots.take("one more") != nil)
  }
}
