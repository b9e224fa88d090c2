/// Cuts fields out of header sections by their names: `HEADER.FIELDS` and `HEADER.FIELDS.NOT` (RFC 9051 §6.4.5.1).
///
/// Made once for many messages. It reads the bytes as they are stored: a mail program asks ten thousand messages for four
/// fields each, and taking every section apart first would be most of the work.
public struct HeaderFieldFilter: Sendable {
  /// In lower case.
  private let names: [[UInt8]]
  private let isListed: Bool

  /// - Parameter listed: whether the fields of these names are wanted, or all others.
  public init(_ names: some Sequence<[UInt8]>, listed: Bool) {
    self.names = names.map { ASCII.lowercased($0) }
    isListed = listed
  }

  /// Whether what this filter lets through can be cut out of what another one has let through.
  public func isWithin(_ other: HeaderFieldFilter) -> Bool {
    isListed && other.isListed && names.allSatisfy { other.names.contains($0) }
  }

  /// The wanted fields as they came, in the order received, and an empty line.
  /// - Parameter section: a header section up to and including its empty line; bytes behind it are not looked at.
  public func fields(of section: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    section.withUnsafeBytes { append(from: $0, to: &result) }
    return result
  }

  /// Appends them to something else.
  public func append(from section: UnsafeRawBufferPointer, to result: inout [UInt8]) {
    let before = result.count
    var position = 0
    var isFirst = true
    var isWanted = false
    var hasEnd = false
    // Wanted lines that follow each other are copied in one go.
    var start = 0
    while position < section.count {
      let line = LineScan.line(in: section, from: position)
      if line.contentEnd == position {
        hasEnd = true
        break
      }
      if isFirst || !ASCII.isBlank(section[position]) {
        isFirst = false
        let wants = takes(HeaderSection.name(of: line, from: position, in: section))
        if wants, !isWanted { start = position }
        if !wants, isWanted { result.append(contentsOf: section[start..<position]) }
        isWanted = wants
      }
      position = line.end
    }
    if isWanted { result.append(contentsOf: section[start..<position]) }
    if result.count > before, result.last != ASCII.lf { result += [ASCII.cr, ASCII.lf] }
    // RFC 3501 §6.4.5: the blank line is always included, except for a message that has neither a body nor a blank
    // line.
    if hasEnd { result += [ASCII.cr, ASCII.lf] }
  }

  /// Whether a field of this name is wanted.
  func takes(_ name: some Collection<UInt8>) -> Bool {
    names.contains { $0.count == name.count && ASCII.equalIgnoringCase($0, name) } == isListed
  }
}

extension HeaderSection {
  /// `HEADER.FIELDS`: the fields of these names.
  public func fields(_ names: [[UInt8]]) -> [UInt8] { HeaderFieldFilter(names, listed: true).fields(of: bytes) }

  /// `HEADER.FIELDS.NOT`: all other fields.
  public func fieldsNot(_ names: [[UInt8]]) -> [UInt8] { HeaderFieldFilter(names, listed: false).fields(of: bytes) }
}
