import Message
import Platform
import Store
import Testing

@testable import MailFlow

@Suite struct CrashTests {
  private let folder = TestFolder()
  private let clock = HandClock()
  private let peer = IPAddress("192.0.2.66")
  private let path = EmailAddress("evil@x.example")

  private func start() async throws -> House {
    let house = try House(in: folder, clock: clock)
    try await house.flow.watchForCrashes()
    return house
  }

  /// Leaves what a process leaves that ends while it works: the slots as they were, and the store.
  private func crash(times: Int, _ work: (House) async throws -> WorkSlot) async throws {
    for _ in 0..<times {
      let slots = try await slots(during: work)
      writeAll("\(folder.path)/\(CrashSlots.fileName)", slots)
    }
  }

  private func slots(during work: (House) async throws -> WorkSlot) async throws -> [UInt8] {
    let house = try await start()
    let slot = try await work(house)
    let slots = try #require(readAll("\(folder.path)/\(CrashSlots.fileName)"))
    await house.store.close()
    withExtendedLifetime(slot) {}
    return slots
  }

  private func crashInScan(times: Int) async throws {
    try await crash(times: times) { house in
      let bad = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
      await bad.append([1, 2, 3])
      bad.work.begin(.scan)
      return bad.work
    }
  }

  @Test func theSameInputCannotEndTheProcessAThirdTime() async throws {
    try await crashInScan(times: 2)
    let house = try await start()
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
    let said = try #require(try await house.row(id).said)
    #expect(said.hasPrefix("crash: the process ended 2 times over mail of this sender") && said.contains("took"))
    // A person lets it go: it arrives byte for byte, and its sender is no suspect any more.
    try await house.flow.release(RecipientID(id, 0), by: "root")
    #expect(try await house.messages("anna")[0].hasSuffix("Subject: evil\n\nbody\n"))
    #expect(try await house.store.read { try $0.setting("crashes") } == [])
    _ = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
    await house.close()
  }

  @Test func eachFurtherCrashDoublesThePause() async throws {
    try await crashInScan(times: 2)
    await (try await start()).close()
    clock.turn(.seconds(3601))
    try await crash(times: 1) { house in
      let again = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
      again.work.begin(.commit)
      return again.work
    }
    let house = try await start()
    clock.turn(.seconds(3601))
    #expect(throws: IntakeError.self) { try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path) }
    clock.turn(.seconds(3600))
    _ = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
    await house.close()
  }

  @Test func oneCrashIsNobodysFault() async throws {
    try await crashInScan(times: 1)
    let house = try await start()
    _ = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
    await house.close()
  }

  @Test func waitingIsNoWork() async throws {
    // A message is on its way in, and nothing of it is being looked at: `kill -9` is not its fault.
    try await crash(times: 3) { house in
      let intake = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
      await intake.append(Array("Subject: slow".utf8))
      return intake.work
    }
    #expect(try await start().flow.crashes.repeated(Suspect(peer: peer, reversePath: path)) == nil)
  }

  @Test func anOrderlyEndAccusesNobody() async throws {
    for _ in 0..<3 {
      let house = try await start()
      let intake = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: nil)
      intake.work.begin(.scan)
      await house.close()
      #expect(CrashSlots(path: "\(folder.path)/\(CrashSlots.fileName)", log: house.flow.log)?.found == [])
      withExtendedLifetime(intake) {}
    }
  }

  @Test func anAccountsMessageIsStoredWithoutBeingLookedAt() async throws {
    try await crash(times: 2) { house in
      let intake = try house.flow.beginIntake(origin: .append, peer: peer, account: "anna")
      intake.work.begin(.scan)
      return intake.work
    }
    let house = try await start()
    #expect(throws: IntakeError.self) { try house.flow.beginIntake(origin: .append, peer: peer, account: "anna") }
    _ = try house.flow.beginIntake(origin: .append, peer: peer, account: "bob")
    clock.turn(.seconds(3601))
    let intake = try house.flow.beginIntake(origin: .append, peer: peer, account: "anna")
    await intake.append(Array("Subject: x\r\n\r\nbody\r\n".utf8))
    let content = try await intake.finish()
    try await house.flow.mailboxes.prepare(account: "anna")
    let inbox = try #require(try await house.store.read { try $0.mailbox(account: "anna", name: "INBOX") })
    let filed = try await house.flow.mailboxes.append(account: "anna", mailbox: inbox.id, content: content)
    let row = try await house.store.read { try $0.fetch(inbox.id, UIDSet([filed.uid]), .structure) }
    #expect(ContentFacts(rawValue: row[0].facts).contains(.unparsed))
    await house.close()
  }

  @Test func aMessageThatCannotBeRelayedIsHeld() async throws {
    let first = try await start()
    let id = try await first.deliver(["friend@elsewhere.example"], origin: .submission, "Subject: x\n\nbody\n")
    await first.close()
    try await crash(times: 2) { house in
      let slot = house.flow.watchRelay(of: id, to: "mx.example:25")
      slot.begin(.relay)
      return slot
    }
    let house = try await start()
    #expect(house.flow.crashReason(of: id, to: "other.example:25") == nil)
    let reason = try #require(house.flow.crashReason(of: id, to: "mx.example:25"))
    try await house.flow.holdAfterCrash([RecipientID(id, 0)], reason: reason)
    #expect(try await house.states(id) == ["friend@elsewhere.example held"])
    let steps = try #require(try await house.flow.journey(of: id)).steps
    #expect(steps.map(\.what) == ["accepted", "queued", "crash", "crash", "held"])
    #expect(steps.last?.words.hasPrefix("crash: the process has ended 2 times while it relayed") == true)
    // Released, it has new chances.
    #expect(try await house.flow.release(RecipientID(id, 0), by: "root") == .queued)
    #expect(house.flow.crashReason(of: id, to: "mx.example:25") == nil)
    await house.close()
  }

  @Test func aNotificationAboutAMessageCountsAgainstTheMessage() async throws {
    try await crash(times: 2) { house in
      let slot = house.flow.watch(Suspect(notificationAbout: EnvelopeID(7)))
      slot.begin(.relay)
      return slot
    }
    #expect(try await start().flow.crashReason(of: EnvelopeID(7), to: "anywhere") != nil)
  }

  @Test func aStoredMessageIsServedUnseen() async throws {
    let first = try await start()
    let id = try await first.deliver(["anna@office.example"])
    let content = try #require(try await first.store.read { try $0.envelope(id)?.content })
    await first.close()
    try await crash(times: 2) { house in
      let slot = house.flow.watchReading()
      slot.begin(.fetch, content: content.value)
      return slot
    }
    let house = try await start()
    #expect(house.flow.isOpaque(content) && !house.flow.isOpaque(ContentID(content.value + 256)))
    let steps = try #require(try await house.flow.journey(of: id)).steps
    #expect(steps.map(\.what) == ["accepted", "delivered", "crash", "crash"])
    #expect(steps.last?.words.contains("read it for FETCH") == true)
    await house.close()
  }

  @Test func aPeerIsPutOffOverItsCommands() async throws {
    try await crash(times: 2) { house in
      let slot = house.flow.watchSession(of: peer)
      slot.begin(.command)
      return slot
    }
    let house = try await start()
    #expect(house.flow.isPutOff(peer) && !house.flow.isPutOff(IPAddress("192.0.2.67")))
    clock.turn(.seconds(3601))
    #expect(!house.flow.isPutOff(peer))
    await house.close()
  }

  @Test func afterAMonthWithoutACrashThereIsNoSuspicion() {
    let record = CrashRecord()
    let now = Moment(seconds: 1_800_000_000)
    let (x, y) = (Suspect(account: "x"), Suspect(account: "y"))
    let found = CrashSlots.Found(suspect: x.key, stage: .scan)
    record.load([], found: [found], now: now)
    record.load(record.encoded, found: [found, CrashSlots.Found(suspect: x.key, stage: .filter)], now: now)
    #expect(record.repeated(x)?.stage == .filter)
    #expect(record.treatment(of: x, at: now) == .later)
    #expect(record.treatment(of: x, at: now + .seconds(3600)) == .unparsed)
    #expect(record.treatment(of: y, at: now) == .normal)
    record.load(record.encoded, found: [], now: now + CrashRecord.memory)
    #expect(record.treatment(of: x, at: now + CrashRecord.memory) == .normal)
    record.load([0, 0, 0, 0, 200, 1], found: [], now: now)
    #expect(record.treatment(of: x, at: now) == .normal)
  }

  @Test func theLongestAddressesFitIntoASlot() async throws {
    let path = try #require(
      EmailAddress(
        String(repeating: "l", count: 64) + "@"
          + Array(repeating: String(repeating: "d", count: 60), count: 4)
          .joined(separator: ".")))
    let peer = IPAddress("2001:db8:1111:2222:3333:4444:5555:6666")
    try await crash(times: 2) { house in
      let intake = try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path)
      intake.work.begin(.plan)
      return intake.work
    }
    let house = try await start()
    #expect(throws: IntakeError.self) { try house.flow.beginIntake(origin: .mx, peer: peer, reversePath: path) }
    await house.close()
  }

  @Test func slotsRunOutWithoutHarm() throws {
    let slots = try #require(CrashSlots(path: "\(folder.path)/\(CrashSlots.fileName)", log: .init(label: "test")))
    let key = Suspect(account: String(repeating: "x", count: 1000))
    var taken = (0..<CrashSlots.slotCount).map { _ in slots.take(key) }
    #expect(taken.allSatisfy { $0 !== WorkSlot.unwatched })
    #expect(slots.take(key) === WorkSlot.unwatched)
    WorkSlot.unwatched.during(.scan) {}
    taken.removeLast()
    #expect(slots.take(key) !== WorkSlot.unwatched)
  }

  @Test func aFileOfAnotherVersionNamesNobody() {
    writeAll("\(folder.path)/\(CrashSlots.fileName)", [UInt8](repeating: 1, count: 262_144))
    #expect(CrashSlots(path: "\(folder.path)/\(CrashSlots.fileName)", log: .init(label: "test"))?.found == [])
  }
}
