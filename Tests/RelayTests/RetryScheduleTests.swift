import Platform
import Testing

@testable import Relay

@Suite("When a recipient is tried again")
struct RetryScheduleTests {
  let hour = Duration.seconds(3600)
  let schedule = RetrySchedule(
    waits: [.seconds(900), .seconds(1800), .seconds(7200)], giveUpAfter: .seconds(5 * 86_400))
  let accepted = Moment(seconds: 1_800_000_000)

  @Test func waitsGrowAndTheLastIsRepeated() {
    let waits = [1, 2, 3, 4, 400, .max].map { schedule.wait(afterAttempts: $0, chance: 0.5) }
    #expect(waits == [900, 1800, 7200, 7200, 7200, 7200].map { Duration.seconds($0) })
    #expect(schedule.wait(afterAttempts: 0, chance: 0.5) == .seconds(900))
    #expect(schedule.wait(afterAttempts: .min, chance: 0.5) == .seconds(900))
  }

  @Test func jitterStaysWithinAFifth() {
    #expect(schedule.wait(afterAttempts: 1, chance: 0) == .seconds(720))
    #expect(schedule.wait(afterAttempts: 1, chance: 0.999_999) <= .seconds(1080))
    #expect(schedule.wait(afterAttempts: 1, chance: 7) == .seconds(1080))
  }

  @Test func givesUpAtTheEndAndUsesTheWholePeriod() {
    let nearTheEnd = accepted + .seconds(5 * 86_400 - 600)
    #expect(
      schedule.next(attempt: 40, accepted: accepted, now: nearTheEnd, chance: 0.5)
        == .retry(at: accepted + .seconds(5 * 86_400)))
    #expect(
      schedule.next(attempt: 41, accepted: accepted, now: accepted + .seconds(5 * 86_400), chance: 0.5) == .giveUp)
  }

  @Test func aDeadHostIsNotTriedEarlier() {
    let until = accepted + .seconds(3000)
    #expect(
      schedule.next(attempt: 1, accepted: accepted, now: accepted, notBefore: until, chance: 0.5) == .retry(at: until))
  }

  @Test func aWholeLifeHasDozensOfAttemptsNotThousands() {
    var now = accepted
    var attempts = 0
    while true {
      attempts += 1
      guard case .retry(let at) = schedule.next(attempt: attempts, accepted: accepted, now: now, chance: 0.5) else {
        break
      }
      #expect(at > now)
      now = at
    }
    #expect((50...80).contains(attempts))
    #expect(now == accepted + .seconds(5 * 86_400))
  }

  @Test func releasedAfterAWeekItIsStillTried() {
    let late = accepted + .seconds(7 * 86_400)
    #expect(schedule.next(attempt: 1, accepted: accepted, now: late, chance: 0.5) == .retry(at: late + .seconds(900)))
    #expect(schedule.next(attempt: 31, accepted: accepted, now: late, chance: 0.5) == .giveUp)
  }

  /// Its pauses of an hour let far fewer attempts happen than the schedule has: the sender must not wait for the rest.
  @Test func aHostThatIsDeadForADayIsGivenUpAfterADay() {
    let eager = RetrySchedule(waits: [.seconds(300)], giveUpAfter: .seconds(86_400))
    #expect(eager.next(attempt: 25, accepted: accepted, now: accepted + .seconds(86_400), chance: 0.5) == .giveUp)
    let hasty = RetrySchedule(waits: [.seconds(1)], giveUpAfter: .seconds(120))
    #expect(hasty.next(attempt: 3, accepted: accepted, now: accepted + .seconds(120), chance: 0.5) == .giveUp)
  }

  @Test func noWaitsConfiguredIsHalfAnHour() {
    let bare = RetrySchedule(waits: [], giveUpAfter: hour)
    #expect(bare.wait(afterAttempts: 9, chance: 0.5) == .seconds(1800))
  }

  /// The waits are longer than an hour when the notice of the delay is due.
  @Test func thereIsAnAttemptWhenTheDelayIsToBeTold() {
    let schedule = RetrySchedule(
      waits: [.seconds(900), .seconds(14_400)], giveUpAfter: .seconds(5 * 86_400), noticeAfter: hour * 4)
    let notice = accepted + hour * 4
    #expect(
      schedule.next(attempt: 2, accepted: accepted, now: accepted + hour, chance: 0.5) == .retry(at: notice))
    #expect(
      schedule.next(attempt: 3, accepted: accepted, now: notice, chance: 0.5) == .retry(at: notice + hour * 4))
    #expect(
      schedule.next(attempt: 1, accepted: accepted, now: accepted, chance: 0.5)
        == .retry(at: accepted + .seconds(900)))
  }
}
