/// Editing gives new bytes; a ``HeaderSection`` itself never changes.
extension HeaderSection {
  /// The section without the fields for which `matches` is true. A line that is no field has an empty name.
  public func removing(where matches: (HeaderField) -> Bool) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for field in self where !matches(field) { result += field.bytes }
    return result + terminator
  }

  /// The section without all fields of these names, in any case.
  public func removing(names: [String]) -> [UInt8] {
    removing { field in names.contains { field.isNamed($0) } }
  }

  /// The section with these ready fields (each ending in CRLF) before its first one, where trace fields belong
  /// (RFC 5321 §4.4).
  public func prepending(_ fields: some Collection<UInt8>) -> [UInt8] { Array(fields) + bytes }

  /// The section with this field behind its last one. The value is taken as it is; line breaks in it become spaces, so that
  /// a value can never begin another field.
  public func appending(name: String, value: some StringProtocol) -> [UInt8] {
    var result = Array(bytes.dropLast(terminatorLength))
    if let last = result.last, last != ASCII.lf { result += [ASCII.cr, ASCII.lf] }
    result += HeaderSection.field(name: name, value: value)
    return result + (terminatorLength == 0 ? [ASCII.cr, ASCII.lf] : terminator)
  }

  /// The section with the first field of this name replaced by `value` in its place, or appended if there is none.
  public func replacing(name: String, value: some StringProtocol) -> [UInt8] {
    guard let target = firstIndex(where: { $0.isNamed(name) }) else { return appending(name: name, value: value) }
    var result: [UInt8] = []
    for index in indices {
      result += index == target ? HeaderSection.field(name: name, value: value)[...] : self[index].bytes
    }
    return result + terminator
  }

  /// One field, ending in CRLF, folded at white space near 78 columns (RFC 5322 §2.1.1). A value that is not ASCII is
  /// written as encoded words; use this for text such as Subject. Line breaks and control characters become spaces.
  public static func field(name: String, value: some StringProtocol) -> [UInt8] {
    HeaderWriter.field(name: name, text: String(value))
  }

  private var terminator: ArraySlice<UInt8> { bytes.suffix(terminatorLength) }
}
