import Configuration
import Message
import Platform
import Store
import Testing

@testable import MailFlow

/// Somebody sets the clock: an hour back, a year ahead, a year back.
@Suite struct ClockStepTests {
  private static let year = Duration.seconds(365 * 86_400)
  static let steps: [Duration] = [.seconds(-3600), year, .seconds(-365 * 86_400)]

  @Test(arguments: steps)
  func mailIsTakenAndKept(_ step: Duration) async throws {
    let house = try House()
    let first = try await house.deliver(["anna@office.example", "friend@elsewhere.example"], origin: .submission)
    house.clock.turn(step)
    let second = try await house.deliver(["anna@office.example"], from: nil)
    #expect(try await house.messages("anna").count == 2)
    // What is queued is due now, or as much later as the clock was set back by a little; and nothing is given up.
    let isSoon = step < .zero && step > .seconds(-7200)
    #expect(try await house.flow.dueNow().count == (isSoon ? 0 : 1))
    if isSoon { house.clock.turn(.zero - step) }
    #expect(try await house.flow.dueNow().count == 1)
    #expect(try await house.states(first).last == "friend@elsewhere.example queued")
    #expect(first != second)
    // Nothing that waits is retired, whatever the time.
    while try await house.store.retire(before: house.clock.now - .seconds(86_400)) {}
    #expect(try await house.states(first).last == "friend@elsewhere.example queued")
    #expect(try await house.messages("anna").count == 2)
    try await house.expectSound()
  }

  /// A retry that was planned by a clock that ran ahead does not wait a year.
  @Test func aRetryIsNotStranded() async throws {
    let house = try House()
    let id = RecipientID(try await house.deliver(["friend@elsewhere.example"], origin: .submission), 0)
    house.clock.turn(Self.year)
    try await house.flow.recordOutcomes([
      id: .deferred(until: house.clock.now + .seconds(900), status: "4.4.1", host: nil, reply: "nobody there")
    ])
    house.clock.turn(.zero - Self.year)
    #expect(try await house.flow.dueNow().map(\.recipient.id) == [id])
    // One whose time is near keeps it.
    try await house.flow.recordOutcomes([
      id: .deferred(until: house.clock.now + .seconds(900), status: "4.4.1", host: nil, reply: "nobody there")
    ])
    #expect(try await house.flow.dueNow().isEmpty)
    #expect(try await house.flow.nextDue() == house.clock.now + .seconds(900))
  }

  @Test(arguments: steps)
  func noUIDValidityComesAgain(_ step: Duration) async throws {
    let house = try House()
    var seen: Set<UInt32> = []
    for turn in [Duration.zero, step, .zero - step, step] {
      house.clock.turn(turn)
      for _ in 0..<3 {
        let mailbox = try await house.flow.mailboxes.create(account: "anna", name: "Work")
        #expect(seen.insert(mailbox.uidValidity).inserted)
        try await house.flow.mailboxes.delete(account: "anna", name: "Work")
      }
    }
  }

  /// Refusals of a peer are told in words again, and not counted until the old time comes back.
  @Test func theLedgerOfRefusalsGoesOn() async throws {
    let house = try House()
    func refuse() {
      for _ in 0..<RefusalLedger.rowsPerMinute {
        house.flow.refused(
          Refusal(at: house.clock.now, peer: "192.0.2.1", stage: "rcpt", words: "550 no such user", count: 1))
      }
    }
    refuse()
    house.clock.turn(.zero - Self.year)
    refuse()
    house.flow.finish()
    try await house.deliver(["anna@office.example"])
    let rows = try await house.store.read { try $0.refusals(matching: TraceQuery()) }
    #expect(rows.count == 2 * RefusalLedger.rowsPerMinute)
  }

  @Test func nobodyIsPutOffForAYearAfterCrashes() {
    let record = CrashRecord()
    let clock = HandClock()
    let suspect = Suspect(account: "anna")
    let found: Set = [CrashSlots.Found(suspect: suspect.key, stage: .scan)]
    record.load([], found: found, now: clock.now)
    record.load(record.encoded, found: found, now: clock.now)
    #expect(record.treatment(of: suspect, at: clock.now) == .later)
    #expect(record.treatment(of: suspect, at: clock.now - Self.year) == .unparsed)
  }
}
