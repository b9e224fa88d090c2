#if canImport(Glibc)
  import Glibc
#endif

/// A point in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Rooms do not read the clock; they are handed a ``Clock``, so that tests say what time it is.
public struct Moment: Hashable, Comparable, Sendable {
  public var microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = microseconds }
  public init(seconds: Int64) { self.microseconds = seconds.multipliedReportingOverflow(by: 1_000_000).partialValue }

  /// Whole seconds since 1970, rounded down.
  public var seconds: Int64 {
    microseconds / 1_000_000 - (microseconds % 1_000_000 < 0 ? 1 : 0)
  }

  public static func < (a: Moment, b: Moment) -> Bool { a.microseconds < b.microseconds }
  public static func + (a: Moment, b: Duration) -> Moment {
    Moment(microseconds: a.microseconds &+ b.wholeMicroseconds)
  }
  public static func - (a: Moment, b: Duration) -> Moment {
    Moment(microseconds: a.microseconds &- b.wholeMicroseconds)
  }
  public static func - (a: Moment, b: Moment) -> Duration { .microseconds(a.microseconds &- b.microseconds) }

}

/// As a JSON value it is RFC 3339 in UTC, with microseconds: `2026-11-22T12:40:11.094186Z`.
extension Moment: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let moment = Moment(precise: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\(text) is not written as 2026-11-22T12:40:11.094186Z")
    }
    self = moment
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(precise)
  }

  private var precise: String {
    let fraction = String(microseconds - seconds * 1_000_000)
    return description.dropLast() + "." + String(repeating: "0", count: 6 - fraction.count) + fraction + "Z"
  }

  /// Exactly what ``precise`` writes.
  private init?(precise text: String) {
    let parts = text.dropLast().split(whereSeparator: { "-T:.".contains($0) }).map { Int($0) }
    let numbers = parts.compactMap { $0 }
    guard numbers.count == 7, parts.count == 7, numbers.allSatisfy({ (0...999_999).contains($0) }) else { return nil }
    self.init(
      seconds: CivilTime.seconds(
        year: numbers[0], month: numbers[1], day: numbers[2], hour: numbers[3], minute: numbers[4], second: numbers[5]))
    microseconds += Int64(numbers[6])
    guard precise == text else { return nil }
  }
}

extension Duration {
  /// Whole microseconds, rounded towards zero.
  public var wholeMicroseconds: Int64 {
    components.seconds &* 1_000_000 &+ components.attoseconds / 1_000_000_000_000
  }
}

/// The civil date and time of a moment in UTC, by the proleptic Gregorian calendar.
public struct CivilTime: Hashable, Sendable {
  public var year: Int
  public var month: Int
  public var day: Int
  public var hour: Int
  public var minute: Int
  public var second: Int
  /// 0 is Sunday.
  public var weekday: Int

  public init(_ moment: Moment, offsetMinutes: Int = 0) {
    let seconds = moment.seconds &+ Int64(offsetMinutes) * 60
    var days = seconds / 86_400
    var rest = Int(seconds % 86_400)
    if rest < 0 {
      rest += 86_400
      days -= 1
    }
    (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
    weekday = Int(((days % 7) + 11) % 7)
    // Days to civil date: eras of 400 years counted from 0000-03-01.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
    year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
  }

  /// Seconds since 1970 of a civil date and time in UTC. Fields out of range are carried over, not checked.
  public static func seconds(
    year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0
  ) -> Int64 {
    let y = Int64(month <= 2 ? year - 1 : year)
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return days * 86_400 + Int64(hour) * 3600 + Int64(minute) * 60 + Int64(second)
  }
}

extension Moment: CustomStringConvertible {
  /// RFC 3339 in UTC with whole seconds: `2026-11-22T12:40:11Z`.
  public var description: String {
    let t = CivilTime(self)
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    return "\(t.year)-\(two(t.month))-\(two(t.day))T\(two(t.hour)):\(two(t.minute)):\(two(t.second))Z"
  }
}

/// Where a room gets the time from. Tests hand in one that they turn by hand.
public struct Clock: Sendable {
  private let read: @Sendable () -> Moment

  public init(_ read: @escaping @Sendable () -> Moment) { self.read = read }

  /// The time of day. It may jump when an administrator sets it.
  public func now() -> Moment { read() }

  /// The system's real-time clock.
  public static let system = Clock {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Moment(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }
}
