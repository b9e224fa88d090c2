internal import Platform
internal import Synchronization

/// During whose work this process has ended before its time, and what follows from it.
///
///     1 crash: a chance │ 2 crashes: 451 for an hour │ then: taken unparsed, and held for a person
///
/// The same input cannot end the process a third time.
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
  }

  /// After so long without a crash somebody is no suspect any more.
  static let memory = Duration.seconds(30 * 86_400)
  static let pause = Duration.seconds(3600)
  /// Suspects kept; the oldest go first.
  static let limit = 1000

  private let crashes = Mutex<[String: Crashes]>([:])
  private let opened = Mutex<CrashSlots?>(nil)

  /// `nil` until the process says that it takes mail in; a command that only looks at the store names no suspects.
  var slots: CrashSlots? {
    get { opened.withLock { $0 } }
    set { opened.withLock { $0 = newValue } }
  }

  /// Takes in what is known from before and who is suspect of the last end.
  func load(_ bytes: [UInt8], suspects: [String], now: Moment) {
    crashes.withLock { crashes in
      crashes = Self.decode(bytes).filter { now - $0.value.last < Self.memory }
      // Several slots of one suspect are one crash.
      for suspect in Set(suspects) {
        crashes[suspect] = Crashes(count: (crashes[suspect]?.count ?? 0) + 1, last: now)
      }
      let tooMany = crashes.count - Self.limit
      if tooMany > 0 {
        for (key, _) in crashes.sorted(by: { $0.value.last < $1.value.last }).prefix(tooMany) { crashes[key] = nil }
      }
    }
  }

  func treatment(of key: String, at now: Moment) -> Treatment {
    guard let known = crashes.withLock({ $0[key] }), known.count >= 2 else { return .normal }
    // A crash in the future: the clock was set back, and nobody waits for it to come.
    let age = now - known.last
    return age >= .zero && age < Self.pause ? .later : .unparsed
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
      result[key] = Crashes(count: Int(clamping: count), last: Moment(microseconds: last))
    }
    return result
  }
}
