/// Writes numbers and strings for ``MIMEStructure/encoded()``.
struct CompactWriter {
  private(set) var bytes: [UInt8] = []

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  /// LEB128. Negative numbers do not occur.
  mutating func number(_ value: Int) {
    var rest = UInt64(max(value, 0))
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func string(_ value: [UInt8]) {
    number(value.count)
    bytes += value
  }

  /// nil as 0, else the length and one.
  mutating func optional(_ value: [UInt8]?) {
    number(value.map { $0.count + 1 } ?? 0)
    if let value { bytes += value }
  }

  mutating func range(_ value: Range<Int>) {
    number(value.lowerBound)
    number(value.count)
  }

  mutating func flags(_ values: [Bool]) {
    byte(values.reversed().reduce(0) { $0 << 1 | ($1 ? 1 : 0) })
  }

  mutating func parameters(_ values: [MIMEParameter]) {
    number(values.count)
    for value in values {
      string(Array(value.name.utf8))
      string(value.value)
    }
  }
}

/// Reads them again. Every answer is nil if the bytes do not have it.
struct CompactReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  mutating func byte() -> UInt8? {
    guard remaining > 0 else { return nil }
    position += 1
    return bytes[position - 1]
  }

  mutating func number() -> Int? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    // Nine groups of seven bits: what an Int has without its sign.
    while shift < 63, let next = byte() {
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 { return Int(exactly: value) }
      shift += 7
    }
    return nil
  }

  mutating func string() -> [UInt8]? {
    guard let length = number(), length <= remaining else { return nil }
    position += length
    return Array(bytes[(position - length)..<position])
  }

  mutating func text() -> String? { string().flatMap { String(validating: $0, as: UTF8.self) } }

  /// `.some(nil)` for a value that is nil; nil for bytes that end too early.
  mutating func optional() -> [UInt8]?? {
    guard let length = number() else { return nil }
    if length == 0 { return .some(nil) }
    guard length - 1 <= remaining else { return nil }
    position += length - 1
    return Array(bytes[(position - length + 1)..<position])
  }

  mutating func range(within limit: Int) -> Range<Int>? {
    guard let start = number(), let count = number(), start <= limit, count <= limit - start else { return nil }
    return start..<(start + count)
  }

  mutating func flags(_ count: Int) -> [Bool]? { byte().map { byte in (0..<count).map { byte >> $0 & 1 == 1 } } }

  mutating func parameters() -> [MIMEParameter]? {
    guard let count = number(), count <= remaining else { return nil }
    var result: [MIMEParameter] = []
    for _ in 0..<count {
      guard let name = text(), let value = string() else { return nil }
      result.append(MIMEParameter(name: name, value: value))
    }
    return result
  }
}
