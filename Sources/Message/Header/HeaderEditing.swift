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

  /// The section with this field behind its last one; see ``field(name:value:)``.
  public func appending(name: String, value: some StringProtocol) -> [UInt8] {
    replacing(at: nil, with: HeaderSection.field(name: name, value: value))
  }

  /// The section with the first field of this name replaced in its place, or appended if there is none.
  public func replacing(name: String, value: some StringProtocol) -> [UInt8] {
    guard let target = firstIndex(where: { $0.isNamed(name) }) else { return appending(name: name, value: value) }
    return replacing(at: target, with: HeaderSection.field(name: name, value: value))
  }

  /// The section with text for people put before what the first field of this name says: for tags such as `[Spam]` in
  /// Subject. What stood there stays byte for byte. The field is appended if there is none.
  public func tagging(name: String, with tag: some StringProtocol) -> [UInt8] {
    let text = HeaderSection.field(name: name, text: tag)
    guard let target = firstIndex(where: { $0.isNamed(name) }) else {
      return replacing(at: nil, with: text)
    }
    let rest = self[target].body.drop(while: ASCII.isBlank)
    return replacing(at: target, with: text.dropLast(2) + [ASCII.space] + rest + [ASCII.cr, ASCII.lf])
  }

  /// One field, ending in CRLF, folded at white space near 78 columns (RFC 5322 §2.1.1). The value is taken as it
  /// is, except that control characters become spaces, so that a value can never begin another field.
  public static func field(name: String, value: some StringProtocol) -> [UInt8] {
    HeaderWriter.field(name: name, value: String(value))
  }

  /// The same for text for people, such as a subject: what is not ASCII is written as encoded words.
  public static func field(name: String, text: some StringProtocol) -> [UInt8] {
    HeaderWriter.field(name: name, text: String(text))
  }

  private func replacing(at target: Int?, with field: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + field.count)
    for index in indices { result += index == target ? field[...] : self[index].bytes }
    if target == nil {
      if let last = result.last, last != ASCII.lf { result += [ASCII.cr, ASCII.lf] }
      result += field
    }
    return result + (terminatorLength == 0 && target == nil ? [ASCII.cr, ASCII.lf] : terminator)
  }

  private var terminator: ArraySlice<UInt8> { bytes.suffix(terminatorLength) }
}
