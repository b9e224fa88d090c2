extension HeaderSection {
  /// `HEADER.FIELDS`: the fields of these names as they came, in the order received, and an empty line
  /// (RFC 9051 §6.4.5.1).
  public func fields(_ names: [[UInt8]]) -> [UInt8] { subset(names, listed: true) }

  /// `HEADER.FIELDS.NOT`: all other fields, and an empty line.
  public func fieldsNot(_ names: [[UInt8]]) -> [UInt8] { subset(names, listed: false) }

  private func subset(_ names: [[UInt8]], listed: Bool) -> [UInt8] {
    let wanted = Set(names.map { ASCII.lowercased($0) })
    var result: [UInt8] = []
    for field in self where wanted.contains(ASCII.lowercased(field.name)) == listed { result += field.bytes }
    if let last = result.last, last != ASCII.lf { result += [ASCII.cr, ASCII.lf] }
    // RFC 3501 §6.4.5: the blank line is always included, except for a message that has neither a body nor a blank
    // line.
    return terminatorLength == 0 ? result : result + [ASCII.cr, ASCII.lf]
  }
}
