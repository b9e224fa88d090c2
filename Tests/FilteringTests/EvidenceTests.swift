import Glibc
import Testing

@testable import Filtering

@Suite("Evidence") struct EvidenceTests {
  /// Values of the χ² distribution from tables: P(χ² ≥ 18.307) = 0.05 with 10 degrees of freedom.
  @Test func surpriseIsThatOfTheTables() {
    #expect(abs(exp(-Evidence.surprise(18.307 / 2, pairs: 5)) - 0.05) < 1e-4)
    #expect(abs(exp(-Evidence.surprise(5.991 / 2, pairs: 1)) - 0.05) < 1e-4)
    #expect(abs(exp(-Evidence.surprise(124.342 / 2, pairs: 50)) - 0.05) < 1e-4)
    #expect(Evidence.surprise(0, pairs: 3) == 0)
    // Far beyond what a Double can hold as a probability.
    #expect(Evidence.surprise(100_000, pairs: 1000).isFinite)
  }

  @Test func manyHintsOutweighOne() {
    let spam = Evidence([Double](repeating: 0.99, count: 10) + [0.02])
    let ham = Evidence([Double](repeating: 0.01, count: 10) + [0.98])
    #expect(spam.indicator > 0.95 && ham.indicator < 0.05)
    #expect(spam.score >= 5 && ham.score <= -5)
    #expect(Evidence([]).indicator == 0.5)
    // Much on both sides: not known.
    let torn = Evidence([Double](repeating: 0.99, count: 30) + [Double](repeating: 0.01, count: 30))
    #expect(abs(torn.indicator - 0.5) < 0.01 && torn.score < 5)
  }

  @Test func theScoreRisesWithTheIndicator() {
    var last = -7.0
    for hits in 0...20 {
      let evidence = Evidence(
        [Double](repeating: 0.97, count: hits) + [Double](repeating: 0.03, count: 20 - hits))
      #expect(evidence.score >= last)
      last = evidence.score
      #expect((-6...6).contains(evidence.score))
    }
  }

  @Test func lessonsTakenBackLeaveNothing() {
    var table = CountTable()
    let before = [1, 2, 3, 77].map { table[$0] }
    for number in 0..<200 {
      table.add((1...50).map { UInt64($0 * (number + 1)) }, isSpam: number % 3 == 0, times: 1)
    }
    let middle = (1...10_000).map { table[UInt64($0)] }
    table.add((1...3000).map { UInt64($0) }, isSpam: true, times: 1)
    table.add((1...3000).map { UInt64($0) }, isSpam: true, times: -1)
    #expect((1...10_000).map { table[UInt64($0)] } == middle)
    for number in 0..<200 {
      table.add((1...50).map { UInt64($0 * (number + 1)) }, isSpam: number % 3 == 0, times: -1)
    }
    #expect([1, 2, 3, 77].map { table[$0] } == before)
    #expect(table.lessons == LessonCount())
  }

  @Test func ownCountsOutweighEverybodys() {
    var (common, own) = (CountTable(), CountTable())
    for _ in 0..<20 {
      common.add([1], isSpam: true, times: 1)
      common.add([2], isSpam: false, times: 1)
      own.add([1], isSpam: false, times: 1)
      own.add([2], isSpam: true, times: 1)
    }
    #expect(Evidence.probabilities([1], common)[0] > 0.9)
    #expect(Evidence.probabilities([1], common, own: own)[0] < 0.1)
    #expect(Evidence.probabilities([1, 99], common).count == 1)
  }
}
