import Platform
import Testing

@testable import Message

@Suite struct HeaderDateTests {
  @Test(
    arguments: [
      ("Fri, 21 Nov 1997 09:55:06 -0600", 880_127_706, -360),
      ("Tue, 1 Jul 2003 10:52:37 +0200", 1_057_049_557, 120),
      ("21 Nov 97 09:55:06 GMT", 880_106_106, 0),
      ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880_127_706, -360),
      (
        "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
        -27_723_480, -210
      ),
      ("21 nov 1997 09:55 est", 880_124_100, -300),
      ("1 Jan 00 00:00:00 +0000", 946_684_800, 0),
      ("1 Jan 49 00:00:00 +0000", 2_493_072_000, 0),
      ("1 Jan 50 00:00:00 +0000", -631_152_000, 0),
      ("1 Jan 102 00:00:00 +0000", 1_009_843_200, 0),
      ("Mon, 31 Dec 2012 23:59:60 +0000", 1_356_998_399, 0),
      ("Sat Sep 21 08:18:08 2002", 1_032_596_288, nil),
      ("Fri, 21 Nov 1997 09:55:06 -0000", 880_106_106, nil),
      ("Fri, 21 Nov 1997 09:55:06 Z", 880_106_106, nil),
      ("Fri, 21 Nov 1997 09:55:06", 880_106_106, nil),
      ("Fri, 21 November 1997 09:55:06 CEST", 880_106_106, nil),
    ] as [(String, Int64, Int?)])
  func header(_ text: String, _ seconds: Int64, _ offset: Int?) throws {
    let date = try #require(HeaderDate(text.bytes))
    #expect(date.moment.seconds == seconds)
    #expect(date.offsetMinutes == offset)
    #expect(HeaderDate(date.text.bytes) == date)
  }

  @Test(arguments: [
    "", "garbage", "Fri", "Fri,", "32 Jan 2000 00:00:00 +0000", "29 Feb 2001 00:00:00 +0000", "1 Foo 2000 00:00:00",
    "1 Jan 20000 00:00:00", "1 Jan 2000 24:00:00", "1 Jan 2000 00:60:00", "1 Jan 2000", "99999999999999999999 Jan 2000",
    "1 Jan 2000 99999999999999999999:00:00", "1 Jan 0000 00:00:00 +0000", "1 Jan 1 00:00:00 +0000", "\0\u{FF}",
  ])
  func garbage(_ text: String) { #expect(HeaderDate(text.bytes) == nil) }

  @Test func formats() {
    let date = HeaderDate(Moment(seconds: 880_127_706), offsetMinutes: -360)
    #expect(date.text == "Fri, 21 Nov 1997 09:55:06 -0600")
    #expect(date.internalDateText == "21-Nov-1997 09:55:06 -0600")
    #expect(HeaderDate(Moment(seconds: 0), offsetMinutes: nil).text == "Thu, 1 Jan 1970 00:00:00 -0000")
    #expect(HeaderDate(Moment(seconds: 0)).internalDateText == " 1-Jan-1970 00:00:00 +0000")
  }

  @Test(arguments: [Int64.min, Int64.max, -62_135_596_800_000_000, 253_402_300_800_000_000])
  func extremeMomentsKeepTheForm(_ microseconds: Int64) {
    for offset in [-5999, 0, 5999, Int.max, Int.min] {
      let date = HeaderDate(Moment(microseconds: microseconds), offsetMinutes: offset)
      #expect(date.internalDateText.utf8.count == 26)
      #expect(HeaderDate(internalDate: date.internalDateText.bytes) != nil)
      #expect(HeaderDate(date.text.bytes) != nil)
    }
  }

  @Test func internalDates() throws {
    let date = try #require(HeaderDate(internalDate: "17-Jul-1996 02:44:25 -0700".bytes))
    #expect(date.moment.seconds == 837_596_665)
    #expect(date.offsetMinutes == -420)
    #expect(
      HeaderDate(internalDate: " 7-jul-1996 02:44:25 +0000".bytes)?.internalDateText == " 7-Jul-1996 02:44:25 +0000")
    for bad in [
      "", "17-Jul-1996", "17-Jul-1996 02:44:25", "17-Jul-96 02:44:25 -0700", "31-Jun-1996 02:44:25 -0700",
      "17-Jul-1996 02:44:25 -0700 ", "17-Jul-1996 2:44:25 -0700", "17-Jul-1996 02:44:25 -0760",
    ] {
      #expect(HeaderDate(internalDate: bad.bytes) == nil, "\(bad)")
    }
  }

  @Test func searchDays() throws {
    let day = try #require(CalendarDay(imapDate: "1-Feb-1994".bytes))
    #expect(day == CalendarDay(year: 1994, month: 2, day: 1))
    #expect(CalendarDay(imapDate: "30-Feb-1994".bytes) == nil)
    #expect(CalendarDay(imapDate: "1-Feb-1994x".bytes) == nil)
    // The day is the writer's, whatever day it was here.
    #expect(HeaderDate("Tue, 1 Feb 1994 23:30:00 -0800".bytes)?.day == day)
    let next = try #require(CalendarDay(imapDate: "2-Feb-1994".bytes))
    #expect(day < next)
  }
}
