/// A `flag-list` of a STORE or an APPEND (RFC 9051 §9).
struct FlagList: Equatable, Sendable {
  /// The system flags (RFC 9051 §2.3.2).
  enum System: String, CaseIterable, Sendable {
    case answered = "\\Answered"
    case flagged = "\\Flagged"
    case deleted = "\\Deleted"
    case seen = "\\Seen"
    case draft = "\\Draft"
  }

  var system: Set<System> = []
  /// As the client wrote them, each once however its letters are written.
  var keywords: [String] = []

  /// Keywords in one command: more than any client has, few enough to compare them all.
  static let maximumKeywords = 256
  /// Octets of a keyword.
  static let maximumKeywordLength = 255

  mutating func insert(keyword: String) throws(SyntaxError) {
    guard !keywords.contains(where: { equalIgnoringCase($0.utf8, keyword.utf8) }) else { return }
    guard keywords.count < Self.maximumKeywords, keyword.utf8.count <= Self.maximumKeywordLength else {
      throw .refused(code: "LIMIT", "At most \(Self.maximumKeywords) keywords of 255 characters are possible")
    }
    keywords.append(keyword)
  }
}

extension Scanner {
  /// `flag-list`: `(\Seen $Forwarded)`.
  mutating func flagList() throws(SyntaxError) -> FlagList {
    try expect("(", "a list of flags")
    var list = FlagList()
    guard !take(")") else { return list }
    repeat { try flag(into: &list) } while take(" ")
    try expect(")", ") after the flags")
    return list
  }

  /// `flag-list / (flag *(SP flag))`, as STORE has it.
  mutating func storeFlags() throws(SyntaxError) -> FlagList {
    if peek() == UInt8(ascii: "(") { return try flagList() }
    var list = FlagList()
    repeat { try flag(into: &list) } while take(" ")
    return list
  }

  private mutating func flag(into list: inout FlagList) throws(SyntaxError) {
    guard take("\\") else {
      return try list.insert(keyword: String(decoding: try atom("a flag"), as: UTF8.self))
    }
    let name = "\\" + String(decoding: try atom("the name of a flag"), as: UTF8.self)
    if let flag = FlagList.System.allCases.first(where: { equalIgnoringCase($0.rawValue.utf8, name.utf8) }) {
      list.system.insert(flag)
    }
    // RFC 9051 §7.1, PERMANENTFLAGS: a flag that is not in that list is ignored; so are \Recent, which only the server
    // sets (RFC 3501 §2.3.2), and extension flags.
  }
}
