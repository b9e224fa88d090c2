/// `name=value; name=value` as DKIM, ARC and DMARC write it (RFC 6376 §3.2).
///
/// Names and values are as they came, case and all; white space around them is gone.
struct TagList: Sendable {
  struct Tag: Sendable {
    var name: Octets
    var value: Octets
    /// All between `=` and `;`, white space included.
    var written: Range<Int>
  }

  /// A list with more tags is none.
  static let limit = 100

  private(set) var tags: [Tag] = []

  /// `nil`: it is no tag-list, or has a name twice, which makes it void (RFC 6376 §3.2).
  init?(_ text: Octets) {
    var rest = text
    while true {
      let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
      let part = rest[rest.startIndex..<end]
      let isLast = end == rest.endIndex
      if part.allSatisfy(\.isFoldingSpace) {
        // One semicolon may stand at the end, and nowhere else.
        guard isLast, !tags.isEmpty else { return nil }
        return
      }
      guard let equals = part.firstIndex(of: UInt8(ascii: "=")), tags.count < Self.limit else { return nil }
      let name = part[..<equals].trimmed
      guard let first = name.first, first.isLetter, name.allSatisfy({ $0.isAlphanumeric || $0 == 95 }),
        self[name] == nil
      else { return nil }
      let written = part[(equals + 1)...]
      guard written.allSatisfy({ $0 >= 0x21 && $0 != 0x7f || $0.isFoldingSpace }) else { return nil }
      tags.append(Tag(name: name, value: written.trimmed, written: written.startIndex..<written.endIndex))
      if isLast { return }
      rest = rest[(end + 1)...]
    }
  }

  private subscript(name: Octets) -> Tag? { tags.first { $0.name.elementsEqual(name) } }

  func tag(_ name: String) -> Tag? { tags.first { $0.name.equals(name) } }

  /// `nil`: there is no such tag. An empty value is a value.
  subscript(name: String) -> Octets? { tag(name)?.value }

  /// The parts of a value that colons separate, without white space around them.
  static func colonList(_ value: Octets) -> [Octets] {
    value.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(\.trimmed)
  }
}
