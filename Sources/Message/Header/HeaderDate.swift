public import Platform

/// A date as mail writes it: a moment, and the offset of the zone in which it was written.
public struct HeaderDate: Hashable, Sendable {
  public var moment: Moment
  /// Minutes east of UTC; nil for `-0000`, which says that the local zone is unknown (RFC 5322 §3.3).
  public var offsetMinutes: Int?

  public init(_ moment: Moment, offsetMinutes: Int? = 0) {
    self.moment = moment
    self.offsetMinutes = offsetMinutes.map { Swift.min(Swift.max($0, -5999), 5999) }
  }

  /// Reads the date of a Date or Received field: RFC 5322 §3.3 with the obsolete zones, two-digit years and comments of
  /// §4.3, in any case. nil if it is none.
  public init?(_ text: some Collection<UInt8>) {
    guard let date = DateParser.header(text) else { return nil }
    self = date
  }

  /// RFC 5322 §3.3: `Fri, 21 Nov 1997 09:55:06 -0600`.
  public var text: String { DateFormat.header(self) }

  /// Reads IMAP's date-time without its quotes: `17-Jul-1996 02:44:25 -0700` (RFC 9051 §9 `date-time`).
  public init?(internalDate: some Collection<UInt8>) {
    guard let date = DateParser.internalDate(internalDate) else { return nil }
    self = date
  }

  /// IMAP's date-time without quotes, 26 octets.
  public var internalDateText: String { DateFormat.internalDate(self) }

  /// The day on which it was written, by the writer's own calendar: what SEARCH SENTON compares, which disregards
  /// time and zone (RFC 9051 §6.4.4).
  public var day: CalendarDay { CalendarDay(moment, offsetMinutes: offsetMinutes ?? 0) }
}

/// A day of the calendar, ordered.
public struct CalendarDay: Hashable, Comparable, Sendable {
  public var year: Int
  public var month: Int
  public var day: Int

  /// nil if there is no such day.
  public init?(year: Int, month: Int, day: Int) {
    guard DateParser.isDay(year: year, month: month, day: day) else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  public init(_ moment: Moment, offsetMinutes: Int = 0) {
    let time = CivilTime(moment, offsetMinutes: offsetMinutes)
    (year, month, day) = (time.year, time.month, time.day)
  }

  /// Reads IMAP's `date` of SEARCH without quotes: `1-Feb-1994`.
  public init?(imapDate: some Collection<UInt8>) {
    guard let day = DateParser.searchDay(imapDate) else { return nil }
    self = day
  }

  public static func < (a: CalendarDay, b: CalendarDay) -> Bool {
    (a.year, a.month, a.day) < (b.year, b.month, b.day)
  }
}
