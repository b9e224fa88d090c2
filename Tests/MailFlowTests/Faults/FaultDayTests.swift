import FaultyDisk
import Glibc
import Platform
import Testing

@testable import MailFlow
@testable import Store

/// Every write, sync, truncation and deletion of a day of mail fails once, in each way in which disks fail.
///
/// `POSTROOM_FAULT_DAYS=all` runs the whole series (`POSTROOM_FAULT_KINDS=cut,torn` some kinds of it); by default a sample with a printed
/// seed, which `POSTROOM_SEED` repeats. `POSTROOM_FAULT_DAY=KIND:NUMBER:SEED` runs one day.
@Suite struct FaultDayTests {
  private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  private static let kinds: [Fault.Kind] = {
    guard let names = environment("POSTROOM_FAULT_KINDS") else { return Fault.Kind.allCases }
    return names.split(separator: ",").compactMap { Fault.Kind(rawValue: String($0)) }
  }()
  private static let isWhole = environment("POSTROOM_FAULT_DAYS") == "all"
  private static let sample = environment("POSTROOM_FAULT_DAYS").flatMap { Int($0) } ?? 8
  private static let seed = environment("POSTROOM_SEED").flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max)

  @Test func nothingIsLostWhateverFails() async throws {
    if let one = Self.environment("POSTROOM_FAULT_DAY")?.split(separator: ":"), one.count == 3,
      let kind = Fault.Kind(rawValue: String(one[0])), let number = Int(one[1]), let seed = UInt64(one[2])
    {
      _ = try await DayUnderFault.run(Fault(kind, at: number, seed: seed), try await DayUnderFault.record())
      return
    }
    let start = ContinuousClock.now
    let record = try await DayUnderFault.record(counting: Self.kinds)
    print("days of mail with one fault each, POSTROOM_SEED=\(Self.seed):")
    for kind in Self.kinds {
      let began = ContinuousClock.now
      let count = record.counts[kind] ?? 0
      let days = try await Self.series(kind, count, record)
      print("  \(kind): \(days) days, of \(count) operations that can fail so, in \(ContinuousClock.now - began)")
    }
    print("  all in \(ContinuousClock.now - start)")
  }

  /// Runs the days of one kind, two at a time.
  private static func series(_ kind: Fault.Kind, _ count: Int, _ record: DayUnderFault.Record) async throws -> Int {
    var random = SplitMix(seed: seed ^ UInt64(kind.hashValueOfName))
    // How many operations a day has depends a little on which of them meet in one commit: the whole series goes on until none is left.
    var numbers = Array(1...max(count, 1))
    if !isWhole { numbers = Array(numbers.shuffled(using: &random).prefix(sample)) }
    var days = 0
    var next = 0
    try await withThrowingTaskGroup(of: Bool.self) { group in
      var isOver = false
      func add() {
        if next == numbers.count, isWhole, !isOver { numbers.append(numbers.count + 1) }
        guard next < numbers.count else { return }
        let fault = Fault(kind, at: numbers[next], seed: random.next() >> 16)
        next += 1
        group.addTask { try await DayUnderFault.run(fault, record) != .never }
      }
      add()
      add()
      while let hasStruck = try await group.next() {
        days += 1
        if !hasStruck, next >= count { isOver = true }
        add()
      }
    }
    return days
  }

  /// Every operation of one submission with a recipient here and one elsewhere: both, or none.
  @Test func aSubmissionIsTakenWholeOrNotAtAll() async throws {
    for kind in [Fault.Kind.cut, .scattered, .error] where Self.kinds.contains(kind) {
      #expect(
        try await Self.every(kind, of: "to a recipient here and one elsewhere", steps: 1) > 1,
        "\(kind): a commit is a write and a sync")
    }
  }

  /// The first start: before the database is in WAL mode it has rollback journals, and one that came back after a power cut took all
  /// mail away once.
  @Test(arguments: 1...24) func thePowerGoesDuringTheFirstStart(operation: Int) async throws {
    let record = try await DayUnderFault.record()
    _ = try await DayUnderFault.run(Fault(.scattered, at: operation, seed: UInt64(operation)), record)
  }

  /// What the system believes to be on disk, and what the next process builds on, must be there when the power goes.
  @Test func aSyncThatLostWhatItWasToWrite() async throws {
    #expect(try await Self.every(.lostSync, of: "to two recipients", steps: 2) > 0)
  }

  /// One day for each operation of some steps.
  /// - Returns: how many that were.
  private static func every(_ kind: Fault.Kind, of name: String, steps count: Int) async throws -> Int {
    let first = try #require(Day.script.firstIndex { $0.name == name })
    let steps = Array(Day.script[..<(first + count)])
    let record = try await DayUnderFault.record(steps)
    var number = 1
    while true {
      let fault = Fault(kind, at: number, seed: UInt64(number))
      guard try await DayUnderFault.run(fault, record, steps: steps, from: first) == .inSteps else { return number - 1 }
      number += 1
    }
  }
}

extension Fault.Kind {
  /// The same in every process, as `hashValue` is not.
  fileprivate var hashValueOfName: Int { rawValue.utf8.reduce(0) { $0 &* 31 &+ Int($1) } }
}
