/// Sizes and times as people write them: a number, a unit, and one blank between them if you like.
enum Quantity {
  private static let sizeUnits: [(name: String, bytes: Int)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("KB", 1000), ("B", 1),
  ]

  /// The first name of each is the one that is written back.
  private static let timeUnits: [(names: [String], milliseconds: Int64)] = [
    (["days", "day", "d"], 86_400_000), (["h", "hour", "hours"], 3_600_000),
    (["min", "minute", "minutes"], 60_000), (["s", "second", "seconds"], 1000), (["ms"], 1),
    (["weeks", "week", "w"], 604_800_000),
  ]

  /// `"50 MiB"`, `"1.5 GB"`; `nil` for anything else, also for what no `Int` can hold.
  static func size(_ text: String) -> Int? {
    guard let (number, unit) = split(text), let scale = sizeUnits.first(where: { $0.name == unit })?.bytes else {
      return nil
    }
    return scaled(number, by: Int64(scale)).flatMap { Int(exactly: $0) }
  }

  static func duration(_ text: String) -> Duration? {
    guard let (number, unit) = split(text),
      let scale = timeUnits.first(where: { $0.names.contains(unit) })?.milliseconds,
      let milliseconds = scaled(number, by: scale)
    else { return nil }
    return .milliseconds(milliseconds)
  }

  /// The text with the largest binary unit that divides the size.
  static func size(_ bytes: Int) -> String {
    let unit = sizeUnits.first { $0.name.hasSuffix("iB") && bytes >= $0.bytes && bytes % $0.bytes == 0 }
    return unit.map { "\(bytes / $0.bytes) \($0.name)" } ?? "\(bytes) B"
  }

  static func duration(_ time: Duration) -> String {
    let (seconds, attoseconds) = time.components
    let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    let unit = timeUnits.first { milliseconds >= $0.milliseconds && milliseconds % $0.milliseconds == 0 }
    guard let unit, let name = unit.names.first else { return "\(milliseconds) ms" }
    let count = milliseconds / unit.milliseconds
    return "\(count) \(count == 1 && name == "days" ? "day" : name)"
  }

  private static func split(_ text: String) -> (number: Substring, unit: String)? {
    let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    var unit = text[number.endIndex...]
    if unit.first == " " { unit = unit.dropFirst() }
    guard !number.isEmpty, number.utf8.count <= 18, !unit.isEmpty else { return nil }
    return (number, String(unit))
  }

  /// A decimal number times a scale, exact for whole numbers; `nil` past what 63 bits hold.
  private static func scaled(_ number: Substring, by scale: Int64) -> Int64? {
    if let whole = Int64(number) {
      let (value, overflow) = whole.multipliedReportingOverflow(by: scale)
      return overflow ? nil : value
    }
    guard number.first != ".", number.last != ".", let real = Double(number) else { return nil }
    return Int64(exactly: (real * Double(scale)).rounded())
  }
}

extension Configuration {
  /// Reads a time as the configuration file has it: `"30 min"`, `"4 h"`, `"2 days"`; `nil` for anything else.
  public static func duration(_ text: String) -> Duration? { Quantity.duration(text) }
}
