import Testing

@testable import Postroom
@testable import Store

@Suite struct VitalityTests {
  static func vitality(
    _ activity: WriterProgress.Activity = .idle, for seconds: Int = 0, loops: Bool = true, runner: Bool = true
  ) -> Vitality {
    Vitality(
      loopsAnswered: loops, runnerAnswered: runner,
      writer: WriterProgress(activity: activity, since: .seconds(seconds), waiting: 0))
  }

  static func isAlive(_ vitality: Vitality) -> Bool {
    if case .alive = vitality.verdict { return true }
    return false
  }

  @Test func everyPartMustAnswer() {
    #expect(Self.vitality().verdict == .alive(nil))
    #expect(Self.vitality(.working, for: 3).verdict == .alive(nil))
    #expect(!Self.isAlive(Self.vitality(loops: false)))
    #expect(!Self.isAlive(Self.vitality(runner: false)))
    #expect(!Self.isAlive(Self.vitality(.working, for: 61)))
    #expect(!Self.isAlive(Self.vitality(.idle, for: 61)))
    #expect(!Self.isAlive(Self.vitality(.stopped)))
  }

  @Test func aSlowDiskIsNoReasonToDie() {
    #expect(Self.vitality(.syncing, for: 1).verdict == .alive(nil))
    // The runner waits for the same disk.
    for seconds in [6, 100, 300] {
      guard case .alive(let words) = Self.vitality(.syncing, for: seconds, runner: false).verdict else {
        Issue.record("\(seconds) s of syncing were held against it")
        continue
      }
      #expect(words?.contains("\(seconds) s") == true)
    }
    #expect(!Self.isAlive(Self.vitality(.syncing, for: 301)))
    #expect(!Self.isAlive(Self.vitality(.syncing, for: 100, loops: false)))
  }
}
