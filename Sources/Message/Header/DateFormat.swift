import Platform

/// Writes the forms of dates that mail has. Years stay within the four digits that the forms have.
enum DateFormat {
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  private static let earliest = CivilTime.seconds(year: 1, month: 1, day: 10)
  private static let latest = CivilTime.seconds(year: 9999, month: 12, day: 20)

  static func header(_ date: HeaderDate) -> String {
    let time = civil(date)
    // RFC 5322 §3.3: `-0000` where the local zone is not known.
    let zone = date.offsetMinutes.map(offset) ?? "-0000"
    return "\(weekdays[time.weekday]), \(time.day) \(months[time.month - 1]) \(digits(time.year, 4)) "
      + "\(clock(time)) \(zone)"
  }

  static func internalDate(_ date: HeaderDate) -> String {
    let time = civil(date)
    let day = time.day < 10 ? " \(time.day)" : "\(time.day)"
    return "\(day)-\(months[time.month - 1])-\(digits(time.year, 4)) \(clock(time)) \(offset(date.offsetMinutes ?? 0))"
  }

  private static func civil(_ date: HeaderDate) -> CivilTime {
    let seconds = min(max(date.moment.seconds, earliest), latest)
    return CivilTime(Moment(seconds: seconds), offsetMinutes: date.offsetMinutes ?? 0)
  }

  private static func clock(_ time: CivilTime) -> String {
    "\(digits(time.hour, 2)):\(digits(time.minute, 2)):\(digits(time.second, 2))"
  }

  private static func offset(_ minutes: Int) -> String {
    let size = abs(minutes)
    return (minutes < 0 ? "-" : "+") + digits(size / 60, 2) + digits(size % 60, 2)
  }

  private static func digits(_ value: Int, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }
}
