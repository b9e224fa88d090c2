import Platform

/// Reads the three forms of dates that mail has.
enum DateParser {
  static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

  /// RFC 5322 §4.3: minutes east of UTC. All other names of zones are unknown, which is `-0000`.
  private static let zones: [String: Int] = [
    "ut": 0, "utc": 0, "gmt": 0, "edt": -240, "est": -300, "cdt": -300, "cst": -360, "mdt": -360, "mst": -420,
    "pdt": -420, "pst": -480,
  ]

  /// What a form of date is made of.
  private struct Fields {
    var year = 0
    var month = 0
    var day = 0
    var hour = 0
    var minute = 0
    var second = 0
    var offset: Int?

    var date: HeaderDate? {
      guard isDay(year: year, month: month, day: day), hour < 24, minute < 60, second <= 60 else { return nil }
      let seconds = CivilTime.seconds(
        year: year, month: month, day: day, hour: hour, minute: minute, second: min(second, 59))
      return HeaderDate(Moment(seconds: seconds - Int64(offset ?? 0) * 60), offsetMinutes: offset)
    }
  }

  static func isDay(year: Int, month: Int, day: Int) -> Bool {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return day <= lengths[month - 1]
  }

  // MARK: RFC 5322

  static func header(_ body: some Collection<UInt8>) -> HeaderDate? {
    // No date is longer than this, comments included, unless it is meant to hurt.
    var text = StructuredText(Array(body.prefix(1000)))
    var fields = Fields()
    text.skipBlanksAndComments()
    if let byte = text.next, ASCII.isLetter(byte) {
      _ = word(&text)
      _ = text.take(UInt8(ascii: ","))
      text.skipBlanksAndComments()
    }
    if let byte = text.next, ASCII.isLetter(byte) { return unixDate(&text) }
    guard let day = number(&text, digits: 1...2) else { return nil }
    text.skipBlanksAndComments()
    guard let month = month(word(&text)) else { return nil }
    text.skipBlanksAndComments()
    guard let year = year(&text) else { return nil }
    (fields.day, fields.month, fields.year) = (day, month, year)
    text.skipBlanksAndComments()
    guard time(&text, into: &fields) else { return nil }
    text.skipBlanksAndComments()
    fields.offset = zone(&text)
    return fields.date
  }

  /// `Sep 21 08:18:08 2002`, perhaps with a zone before the year: what programs write that take C's `ctime` for a
  /// mail date.
  private static func unixDate(_ text: inout StructuredText) -> HeaderDate? {
    var fields = Fields()
    guard let month = month(word(&text)) else { return nil }
    text.skipBlanksAndComments()
    guard let day = number(&text, digits: 1...2) else { return nil }
    (fields.day, fields.month) = (day, month)
    text.skipBlanksAndComments()
    guard time(&text, into: &fields) else { return nil }
    text.skipBlanksAndComments()
    if let byte = text.next, !ASCII.isDigit(byte) {
      fields.offset = zone(&text)
      text.skipBlanksAndComments()
    }
    guard let year = number(&text, digits: 4...4) else { return nil }
    fields.year = year
    return fields.date
  }

  private static func time(_ text: inout StructuredText, into fields: inout Fields) -> Bool {
    guard let hour = number(&text, digits: 1...2), colon(&text), let minute = number(&text, digits: 1...2) else {
      return false
    }
    (fields.hour, fields.minute) = (hour, minute)
    guard colon(&text) else { return true }
    guard let second = number(&text, digits: 1...2) else { return false }
    fields.second = second
    return true
  }

  private static func colon(_ text: inout StructuredText) -> Bool {
    text.skipBlanksAndComments()
    guard text.take(UInt8(ascii: ":")) else { return false }
    text.skipBlanksAndComments()
    return true
  }

  private static func year(_ text: inout StructuredText) -> Int? {
    let start = text.position
    guard let value = number(&text, digits: 2...4) else { return nil }
    switch text.position - start {
    case 2: return value < 50 ? value + 2000 : value + 1900
    case 3: return value + 1900
    default: return value
    }
  }

  /// Minutes east of UTC; nil if unknown, or `-0000`.
  private static func zone(_ text: inout StructuredText) -> Int? {
    guard let byte = text.next else { return nil }
    guard byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") else {
      return zones[String(decoding: ASCII.lowercased(word(&text)), as: UTF8.self)]
    }
    text.advance()
    guard let value = number(&text, digits: 4...4), value % 100 < 60 else { return nil }
    if byte == UInt8(ascii: "-") { return value == 0 ? nil : -(value / 100 * 60 + value % 100) }
    return value / 100 * 60 + value % 100
  }

  // MARK: IMAP

  static func internalDate(_ body: some Collection<UInt8>) -> HeaderDate? {
    var text = StructuredText(Array(body.prefix(40)))
    // RFC 9051 §9 `date-day-fixed`: the day takes two places, the first of which may be a space.
    _ = text.take(ASCII.space)
    guard var fields = day(&text), text.take(ASCII.space) else { return nil }
    guard let hour = number(&text, digits: 2...2), text.take(UInt8(ascii: ":")),
      let minute = number(&text, digits: 2...2), text.take(UInt8(ascii: ":")),
      let second = number(&text, digits: 2...2), text.take(ASCII.space), let sign = text.next,
      sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-")
    else { return nil }
    (fields.hour, fields.minute, fields.second) = (hour, minute, second)
    text.advance()
    guard let value = number(&text, digits: 4...4), value % 100 < 60, text.isAtEnd else { return nil }
    let minutes = value / 100 * 60 + value % 100
    fields.offset = sign == UInt8(ascii: "-") ? -minutes : minutes
    return fields.date
  }

  static func searchDay(_ body: some Collection<UInt8>) -> CalendarDay? {
    var text = StructuredText(Array(body.prefix(20)))
    guard let fields = day(&text), text.isAtEnd else { return nil }
    return CalendarDay(year: fields.year, month: fields.month, day: fields.day)
  }

  /// `17-Jul-1996`
  private static func day(_ text: inout StructuredText) -> Fields? {
    var fields = Fields()
    guard let day = number(&text, digits: 1...2), text.take(UInt8(ascii: "-")), let month = month(word(&text)),
      text.take(UInt8(ascii: "-")), let year = number(&text, digits: 4...4)
    else { return nil }
    (fields.day, fields.month, fields.year) = (day, month, year)
    return fields
  }

  // MARK: Pieces

  private static func word(_ text: inout StructuredText) -> ArraySlice<UInt8> { text.take(while: ASCII.isLetter) }

  private static func month(_ word: ArraySlice<UInt8>) -> Int? {
    guard word.count >= 3 else { return nil }
    return months.firstIndex { ASCII.equalIgnoringCase(word.prefix(3), $0.utf8) }.map { $0 + 1 }
  }

  /// A number of so many digits, no more of which may follow.
  private static func number(_ text: inout StructuredText, digits: ClosedRange<Int>) -> Int? {
    let found = text.take(while: ASCII.isDigit)
    guard digits.contains(found.count) else { return nil }
    return found.reduce(0) { $0 * 10 + Int($1 - 48) }
  }
}
