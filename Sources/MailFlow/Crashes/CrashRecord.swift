internal import Platform
internal import Synchronization

/// During whose work this process has ended before its time, and what follows from it.
///
///     1 crash: a chance │ 2 crashes: not now, for an hour │ then: taken or served without being looked at
///
/// The same input cannot end the process a third time. Each further crash of a suspect doubles its pause.
final class CrashRecord: Sendable {
  enum Treatment: Sendable, Hashable {
    case normal
    /// Not now.
    case later
    /// Stored without being looked at, and held.
    case unparsed
  }

  struct Crashes: Sendable, Hashable {
    var count: Int
    var last: Moment
    /// What was being done when it last happened.
    var stage: WorkStage?
  }

  /// After so long without a crash somebody is no suspect any more.
  static let memory = Duration.seconds(30 * 86_400)
  /// Suspects kept; the oldest go first.
  static let limit = 1000
  /// So many crashes are no accident.
  static let tooMany = 2

  private let crashes = Mutex<[String: Crashes]>([:])
  /// Almost always there is nobody to look for.
  private let hasSuspects = Atomic(false)
  private let opened = Mutex<CrashSlots?>(nil)

  /// `nil` until the process says that it takes mail in; a command that only looks at the store names no suspects.
  var slots: CrashSlots? {
    get { opened.withLock { $0 } }
    set { opened.withLock { $0 = newValue } }
  }

  /// Nobody is suspect of anything.
  var isEmpty: Bool { !hasSuspects.load(ordering: .acquiring) }

  /// Takes in what is known from before and who is suspect of the last end.
  func load(_ bytes: [UInt8], found: Set<CrashSlots.Found>, now: Moment) {
    crashes.withLock { crashes in
      crashes = Self.decode(bytes).filter { now - $0.value.last < Self.memory }
      // Several slots of one suspect are one crash.
      for (suspect, marks) in Dictionary(grouping: found, by: \.suspect) {
        let stage = marks.map(\.stage).max { $0.rawValue < $1.rawValue }
        crashes[suspect] = Crashes(count: (crashes[suspect]?.count ?? 0) + 1, last: now, stage: stage)
      }
      let excess = crashes.count - Self.limit
      if excess > 0 {
        for (key, _) in crashes.sorted(by: { $0.value.last < $1.value.last }).prefix(excess) { crashes[key] = nil }
      }
      hasSuspects.store(!crashes.isEmpty, ordering: .releasing)
    }
  }

  /// What is known of a suspect who has had too many crashes; `nil` for everybody else.
  func repeated(_ suspect: @autoclosure () -> Suspect) -> Crashes? {
    guard hasSuspects.load(ordering: .acquiring) else { return nil }
    let key = suspect().key
    guard let known = crashes.withLock({ $0[key] }), known.count >= Self.tooMany else { return nil }
    return known
  }

  func treatment(of suspect: @autoclosure () -> Suspect, at now: Moment) -> Treatment {
    guard let known = repeated(suspect()) else { return .normal }
    // A crash in the future: the clock was set back, and nobody waits for it to come.
    let age = now - known.last
    return age >= .zero && age < Self.pause(known.count) ? .later : .unparsed
  }

  private static func pause(_ count: Int) -> Duration {
    min(PlantedTrap.pause * (1 << min(count - tooMany, 10)), memory)
  }

  /// A person says that these are no suspects. Returns whether anything was known of them.
  func forget(where isMeant: (String) -> Bool) -> Bool {
    crashes.withLock { crashes in
      let before = crashes.count
      crashes = crashes.filter { !isMeant($0.key) }
      hasSuspects.store(!crashes.isEmpty, ordering: .releasing)
      return crashes.count != before
    }
  }

  /// One entry a suspect, for the store.
  var encoded: [UInt8] {
    crashes.withLock { crashes in
      var entries = Fields()
      for (key, value) in crashes {
        var fields = Fields()
        fields.add(1, key)
        fields.add(2, Int64(value.count))
        fields.add(3, value.last.microseconds)
        if let stage = value.stage { fields.add(4, Int64(stage.rawValue)) }
        entries.add(0, fields.bytes)
      }
      return entries.bytes
    }
  }

  private static func decode(_ bytes: [UInt8]) -> [String: Crashes] {
    var result: [String: Crashes] = [:]
    for entry in Fields.Reader.all(in: bytes) {
      let fields = Fields.Reader(entry.value)
      guard let key = fields.text(1), let count = fields.integer(2), let last = fields.integer(3) else { continue }
      result[key] = Crashes(
        count: Int(clamping: count), last: Moment(microseconds: last),
        stage: fields.integer(4).flatMap { WorkStage(rawValue: Int(clamping: $0)) })
    }
    return result
  }
}
