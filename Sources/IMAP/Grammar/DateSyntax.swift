internal import Message

extension Scanner {
  /// `date`: `1-Feb-1994`, quoted or not.
  mutating func date() throws(SyntaxError) -> CalendarDay {
    let isQuoted = take("\"")
    let text = take(while: CharacterClass.isAtom)
    guard let day = CalendarDay(imapDate: text) else { throw .malformed("Expected a date such as 1-Feb-1994") }
    if isQuoted { try expect("\"", "\" after the date") }
    return day
  }

  /// `date-time`: `"17-Jul-1996 02:44:25 -0700"`, always quoted.
  mutating func dateTime() throws(SyntaxError) -> HeaderDate {
    try expect("\"", "a quoted date and time")
    let text = take { $0 != UInt8(ascii: "\"") }
    guard let date = HeaderDate(internalDate: text) else {
      throw .malformed("Expected a date and time such as 17-Jul-1996 02:44:25 -0700")
    }
    try expect("\"", "\" after the date and time")
    return date
  }
}
