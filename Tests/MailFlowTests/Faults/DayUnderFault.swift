import FaultyDisk
import Glibc
import Platform
import Testing

@testable import MailFlow
@testable import Store

/// One day with one fault: what SQLite's own tests do, for a whole house.
///
///     open ─▶ step ─▶ step ─▶ … ─▶ close ─▶ open: everything is there
///              │ refused: nothing has changed; the client comes again
///              │ told nothing: the process ends ─▶ kill or power cut ─▶ open ─▶ sound; as before the step or as after it
///              └──────────── the client repeats ◀────────────────────────────────┘
struct DayUnderFault {
  /// The pictures of a day without faults: before the first step, and after each.
  struct Record {
    var pictures: [Picture] = []
    /// Operations of each kind of fault.
    var counts: [Fault.Kind: Int] = [:]
  }

  enum Struck {
    case never, inSteps
    /// When the house was closed.
    case inTheEnd
  }

  private let day: Day
  private let steps: ArraySlice<Day.Step>
  private let record: Record
  private let fault: Fault
  private var disk: MemoryDisk
  private var random: SplitMix
  private var hasStruck = false
  /// The last step of mail that was answered with yes, and whose reply nobody has confirmed.
  private var lastMail: Day.Step?

  // MARK: Without faults

  /// The day as it should be. With a kind of fault it also counts what that could hit.
  static func record(_ steps: [Day.Step] = Day.script, counting kinds: [Fault.Kind] = []) async throws -> Record {
    var record = Record()
    for kind in [nil] + kinds.map(Optional.some) {
      let folder = TestFolder(in: memoryFolder)
      let disk = MemoryDisk(folder: folder.path)
      defer { disk.remove() }
      if let kind { disk.arm(Fault(kind, at: .max, seed: 0)) }
      let day = Day(in: folder)
      day.checksBackups = kind == nil
      try day.open()
      var time = Duration.zero
      if kind == nil { record.pictures.append(try await day.picture()) }
      for step in steps {
        time += step.after
        day.setTime(time)
        let outcome = await step.run(day)
        #expect(outcome == .done, "\(step.name)")
        if kind == nil { record.pictures.append(try await day.picture()) }
      }
      if kind == nil { try await day.expectSound("without faults") }
      await day.close()
      if let kind { record.counts[kind] = disk.counted }
    }
    return record
  }

  /// Where a sync of the few real files costs nothing.
  static let memoryFolder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"

  // MARK: With one

  /// - Parameter first: the step from which on the fault may strike; those before it run without.
  /// - Returns: whether and when the fault has struck.
  static func run(
    _ fault: Fault, _ record: Record, steps: [Day.Step] = Day.script, from first: Int = 0
  ) async throws -> Struck {
    let folder = TestFolder(in: memoryFolder)
    var run = DayUnderFault(fault, record, steps: steps[...], folder: folder)
    defer { run.disk.remove() }
    return try await run.live(from: first)
  }

  private init(_ fault: Fault, _ record: Record, steps: ArraySlice<Day.Step>, folder: TestFolder) {
    self.fault = fault
    self.record = record
    self.steps = steps
    day = Day(in: folder)
    disk = MemoryDisk(folder: folder.path)
    random = SplitMix(seed: fault.seed)
  }

  private mutating func live(from first: Int) async throws -> Struck {
    if first == 0 { disk.arm(fault) }
    if await day.attempt({ try day.open() }) != .done { try await startAnew("opening") }
    var time = Duration.zero
    for (index, step) in steps.enumerated() {
      if index == first, first > 0 { disk.arm(fault) }
      time += step.after
      day.setTime(time)
      try await take(step, index)
      if step.isMail { lastMail = step }
      if step.name == "replies were read" { lastMail = nil }
    }
    let struck = hasStruck || disk.hasStruck
    try await end()
    return struck ? .inSteps : hasStruck ? .inTheEnd : .never
  }

  private mutating func take(_ step: Day.Step, _ index: Int) async throws {
    let (before, after) = (record.pictures[index], record.pictures[index + 1])
    var refusals = 0
    while true {
      let outcome = await step.run(day)
      if outcome == .done { return }
      if case .refused(let words) = outcome, day.isOpen, !disk.isOff, refusals < 3 {
        refusals += 1
        // After a refusal nothing has changed, and the house goes on.
        try await expect([before], "\(step.name), refused with \(words)")
        if refusals == 2 { disk.makeRoom() }
        continue
      }
      try await startAnew(step.name)
      try await expectEither(before, after, step, outcome)
      // Clients that look first see whether it was done.
      if !step.isMail, try await day.picture() == after { return }
      let again = await step.run(day)
      #expect(again == .done, "\(fault): \(step.name), once more")
      try await expect([after], "\(step.name), once more")
      return
    }
  }

  /// The process ends where it is, and the next one opens what it finds.
  private mutating func startAnew(_ what: String) async throws {
    hasStruck = hasStruck || disk.hasStruck
    let old = disk
    if old.isOff {
      disk = old.afterPowerCut()
    } else if fault.kind != .lostSync, Bool.random(using: &random) {
      disk = old.afterPowerCut(seed: random.next())
    } else {
      disk = old.afterKill()
    }
    await day.close()
    disk.mount()
    try day.open()
    try await day.expectSound("\(fault): after \(what)")
    // The client of the last message has missed the reply, too.
    if let lastMail, what != lastMail.name {
      let picture = try await day.picture()
      #expect(await lastMail.run(day) == .done, "\(fault): \(lastMail.name), whose reply was lost")
      try await expect([picture], "\(lastMail.name), sent again when its reply was lost")
    }
  }

  private mutating func end() async throws {
    hasStruck = hasStruck || disk.hasStruck
    if hasStruck, fault.kind == .lostSync || Bool.random(using: &random) {
      // Everything was acknowledged: it does not matter what the power takes along.
      disk = disk.afterPowerCut(seed: fault.kind == .lostSync ? nil : random.next())
      await day.close()
    } else {
      let old = disk
      await day.close()
      hasStruck = hasStruck || old.hasStruck
      disk = old.isOff ? old.afterPowerCut() : old.afterKill()
    }
    disk.mount()
    try day.open()
    try await day.expectSound("\(fault): in the end")
    try await expect([record.pictures[steps.count]], "in the end")
    await day.close()
  }

  // MARK: Comparing

  private func expect(_ pictures: [Picture], _ what: String) async throws {
    let picture = try await day.picture()
    guard !pictures.contains(picture), let wanted = pictures.first else { return }
    Issue.record("\(fault): \(what): \(Self.difference(picture, wanted))")
  }

  private func expectEither(_ before: Picture, _ after: Picture, _ step: Day.Step, _ outcome: Outcome) async throws {
    guard step.isBurst else { return try await expect([before, after], "\(step.name): \(outcome)") }
    // Each client by itself: its mailbox and its envelope are both as before, or both as after.
    var accepted: [String] = []
    if case .partly(let tokens) = outcome { accepted = tokens }
    let picture = try await day.picture()
    for number in 0..<4 {
      let parts = ["mailbox u\(number)/INBOX", "envelope <burst\(number)@outside.example>"]
      let isAfter = parts.allSatisfy { picture[$0] == after[$0] }
      let isBefore = parts.allSatisfy { picture[$0] == before[$0] }
      if !isAfter, !isBefore || accepted.contains("burst\(number)") {
        Issue.record("\(fault): \(step.name): \(outcome): \(Self.difference(picture, after))")
      }
    }
  }

  private static func difference(_ found: Picture, _ wanted: Picture) -> String {
    Set(found.keys).union(wanted.keys).sorted().filter { found[$0] != wanted[$0] }
      .map { "\n\($0)\n--- found\n\(found[$0] ?? "")\n--- wanted\n\(wanted[$0] ?? "")" }.joined()
  }
}
