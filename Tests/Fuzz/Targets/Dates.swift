import Message

extension FuzzTarget {
  /// Dates of header fields, of IMAP's APPEND and of its SEARCH.
  static let dates = FuzzTarget(
    "dates",
    covers: ["Message/Header/DateParser.swift", "Message/Header/HeaderDate.swift", "Message/Header/DateFormat.swift"],
    words: [
      "Mon, ", "Tue, ", "1 ", "31 ", "29 ", "Jan ", "Feb ", "December ", "2024 ", "1999 ", "99 ", "104 ", "23:59",
      ":60",
      " +0000", " -0830", " GMT", " EST", " PDT", "(", ")", "\\", "1-Feb-1994", " 1-Jul-1996 02:44:25 -0700",
      "Jul 16 12:00:00 2024",
    ],
    seeds: [
      "Fri, 21 Nov 1997 09:55:06 -0600", "21 Nov 97 09:55 GMT", "Thu Jul 16 12:00:00 PDT 2024",
      "17-Jul-1996 02:44:25 -0700",
      " 1-Feb-1994 00:00:00 +0000", "1-Feb-1994",
    ]
  ) { bytes in
    if let date = HeaderDate(bytes) {
      let again = HeaderDate(Array(date.text.utf8))
      try require(again?.moment.seconds == date.moment.seconds, "\(date.text) is another time when it is read again")
      try require(again?.offsetMinutes == date.offsetMinutes, "\(date.text) has another zone when it is read again")
      try Planted.bug(where: date.offsetMinutes == -510 && bytes.contains(UInt8(ascii: "(")))
    }
    if let date = HeaderDate(internalDate: bytes) {
      let again = HeaderDate(internalDate: Array(date.internalDateText.utf8))
      try require(again == date, "\(date.internalDateText) is another date when it is read again")
      _ = date.day
    }
    if let day = CalendarDay(imapDate: bytes) {
      try require(CalendarDay(year: day.year, month: day.month, day: day.day) == day, "\(day) is no day")
    }
  }
}
