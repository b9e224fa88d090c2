internal import Message

/// What a SEARCH asks for (RFC 9051 §6.4.4, RFC 4731 §3.1, RFC 5182 §2.1, RFC 7162 §3.1.5).
struct SearchRequest: Equatable, Sendable {
  struct Returns: OptionSet, Sendable {
    let rawValue: UInt8
    static let min = Returns(rawValue: 1)
    static let max = Returns(rawValue: 2)
    static let all = Returns(rawValue: 4)
    static let count = Returns(rawValue: 8)
    static let save = Returns(rawValue: 16)
  }

  var isUID: Bool
  /// Nil where the command had no RETURN: then IMAP4rev1 has a SEARCH response, IMAP4rev2 an ESEARCH of ALL.
  var returns: Returns?
  /// The charset as it was written, if one was.
  var charset: String?
  var key: SearchKey

  /// Nesting of NOT, OR and parentheses.
  static let maximumDepth = 50
  /// Keys in one command. Many clients ask for long lists of headers joined by OR.
  static let maximumKeys = 1000
}

indirect enum SearchKey: Equatable, Sendable {
  case all
  case and([SearchKey])
  case or(SearchKey, SearchKey)
  case not(SearchKey)
  case flag(FlagList.System)
  case keyword(String)
  /// `\Recent` (RFC 3501 §6.4.4).
  case recent
  case internalDate(Comparison, CalendarDay)
  case sentDate(Comparison, CalendarDay)
  case larger(Int64)
  case smaller(Int64)
  case sequence(SequenceSet)
  case uid(SequenceSet)
  /// Mod-sequence at least this.
  case modSequence(Int64)
  /// A header field that contains the text, after the decoding of RFC 2047. An empty text asks for the field alone.
  case header(name: String, text: [UInt8])
  case body([UInt8])
  case text([UInt8])

  enum Comparison: Equatable, Sendable {
    case before, on, since
  }

  /// Whether MODSEQ is among the keys: then the answer has the highest mod-sequence (RFC 7162 §3.1.5).
  var mentionsModSequence: Bool {
    switch self {
    case .modSequence: true
    case .and(let keys): keys.contains(where: \.mentionsModSequence)
    case .or(let a, let b): a.mentionsModSequence || b.mentionsModSequence
    case .not(let key): key.mentionsModSequence
    default: false
    }
  }
}

extension Scanner {
  /// The options of `RETURN (…)` and the space after them; nil if there are none.
  mutating func searchReturnsIfAny() throws(SyntaxError) -> SearchRequest.Returns? {
    guard take(word: "RETURN") else { return nil }
    try space()
    let returns = try searchReturns()
    try space()
    return returns
  }

  /// What follows the result options.
  mutating func searchRequest(
    isUID: Bool, returns: SearchRequest.Returns?, allowsCharset: Bool
  ) throws(SyntaxError) -> SearchRequest {
    var request = SearchRequest(isUID: isUID, returns: returns, charset: nil, key: .all)
    if take(word: "CHARSET") {
      try space()
      let charset = String(decoding: try astring("the name of a charset"), as: UTF8.self)
      try space()
      guard allowsCharset else {
        // RFC 6855 §3
        throw .malformed("With UTF8=ACCEPT enabled, SEARCH cannot name a charset")
      }
      // RFC 9051 §6.4.4: NO and not BAD, whether or not there is text in it.
      guard Charset.isKnown(charset) else { throw .badCharset }
      request.charset = charset
    }
    var keys = SearchKeyParser(charset: request.charset ?? "UTF-8")
    request.key = try keys.list(&self, depth: 0)
    try end()
    return request
  }

  private mutating func searchReturns() throws(SyntaxError) -> SearchRequest.Returns {
    try expect("(", "( before the result options")
    var returns: SearchRequest.Returns = []
    if take(")") { return .all }
    repeat {
      switch try keyword("a result option") {
      case "MIN": returns.insert(.min)
      case "MAX": returns.insert(.max)
      case "ALL": returns.insert(.all)
      case "COUNT": returns.insert(.count)
      case "SAVE": returns.insert(.save)
      default: throw .malformed("There is no result option of that name")
      }
    } while take(" ")
    try expect(")", ") after the result options")
    return returns
  }
}

/// Reads search keys, with bounds on how many and how deep.
private struct SearchKeyParser {
  let charset: String
  var count = 0

  mutating func list(_ scanner: inout Scanner, depth: Int) throws(SyntaxError) -> SearchKey {
    var keys: [SearchKey] = []
    repeat { keys.append(try key(&scanner, depth: depth)) } while scanner.take(" ")
    return keys.count == 1 ? keys[0] : .and(keys)
  }

  private mutating func key(_ scanner: inout Scanner, depth: Int) throws(SyntaxError) -> SearchKey {
    count += 1
    guard count <= SearchRequest.maximumKeys, depth <= SearchRequest.maximumDepth else {
      throw .refused(code: "LIMIT", "The search has too many keys, or they are nested too deeply")
    }
    if scanner.take("(") {
      let inner = try list(&scanner, depth: depth + 1)
      try scanner.expect(")", ") after the search keys")
      return inner
    }
    if let next = scanner.peek(),
      CharacterClass.isDigit(next) || next == UInt8(ascii: "*") || next == UInt8(ascii: "$")
    {
      return .sequence(try scanner.sequenceSet())
    }
    return try named(try scanner.keyword("a search key"), &scanner, depth: depth)
  }

  private mutating func named(_ name: String, _ scanner: inout Scanner, depth: Int) throws(SyntaxError) -> SearchKey {
    if let simple = Self.simple[name] { return simple }
    switch name {
    case "NOT":
      try scanner.space()
      return .not(try key(&scanner, depth: depth + 1))
    case "OR":
      try scanner.space()
      let first = try key(&scanner, depth: depth + 1)
      try scanner.space()
      return .or(first, try key(&scanner, depth: depth + 1))
    case "BCC", "CC", "FROM", "SUBJECT", "TO": return .header(name: name, text: try text(&scanner))
    case "BODY": return .body(try text(&scanner))
    case "TEXT": return .text(try text(&scanner))
    case "HEADER":
      try scanner.space()
      let field = try scanner.astring("the name of a header field")
      return .header(name: String(decoding: field, as: UTF8.self), text: try text(&scanner))
    case "BEFORE": return .internalDate(.before, try day(&scanner))
    case "ON": return .internalDate(.on, try day(&scanner))
    case "SINCE": return .internalDate(.since, try day(&scanner))
    case "SENTBEFORE": return .sentDate(.before, try day(&scanner))
    case "SENTON": return .sentDate(.on, try day(&scanner))
    case "SENTSINCE": return .sentDate(.since, try day(&scanner))
    case "KEYWORD", "UNKEYWORD":
      try scanner.space()
      let keyword = String(decoding: try scanner.atom("a keyword"), as: UTF8.self)
      return name == "KEYWORD" ? .keyword(keyword) : .not(.keyword(keyword))
    case "LARGER", "SMALLER":
      try scanner.space()
      let size = try scanner.number64("a size")
      return name == "LARGER" ? .larger(size) : .smaller(size)
    case "UID":
      try scanner.space()
      return .uid(try scanner.sequenceSet())
    case "MODSEQ": return try modSequence(&scanner)
    default: throw .malformed("There is no search key of that name")
    }
  }

  private static let simple: [String: SearchKey] = [
    "ALL": .all,
    "ANSWERED": .flag(.answered), "UNANSWERED": .not(.flag(.answered)),
    "DELETED": .flag(.deleted), "UNDELETED": .not(.flag(.deleted)),
    "DRAFT": .flag(.draft), "UNDRAFT": .not(.flag(.draft)),
    "FLAGGED": .flag(.flagged), "UNFLAGGED": .not(.flag(.flagged)),
    "SEEN": .flag(.seen), "UNSEEN": .not(.flag(.seen)),
    // RFC 3501 §6.4.4: NEW is RECENT UNSEEN, OLD is NOT RECENT.
    "RECENT": .recent, "OLD": .not(.recent), "NEW": .and([.recent, .not(.flag(.seen))]),
  ]

  private func text(_ scanner: inout Scanner) throws(SyntaxError) -> [UInt8] {
    try scanner.space()
    let string = try scanner.astring("the text to search for")
    guard let text = Self.toUTF8(string, from: charset) else { throw .badCharset }
    return text
  }

  /// The string in UTF-8; nil if it is not in that charset.
  private static func toUTF8(_ string: [UInt8], from charset: String) -> [UInt8]? {
    switch charset.uppercased() {
    case "UTF-8", "US-ASCII": return isUTF8(string) ? string : nil
    default:
      let text = Charset.decode(string, as: charset)
      return text.unicodeScalars.contains("\u{FFFD}") ? nil : Array(text.utf8)
    }
  }

  private func day(_ scanner: inout Scanner) throws(SyntaxError) -> CalendarDay {
    try scanner.space()
    return try scanner.date()
  }

  /// `MODSEQ ["/flags/name" priv|shared|all] n`. There is one mod-sequence a message, so that the entry is read and
  /// ignored (RFC 7162 §3.1.5).
  private func modSequence(_ scanner: inout Scanner) throws(SyntaxError) -> SearchKey {
    try scanner.space()
    if scanner.peek() == UInt8(ascii: "\"") {
      _ = try scanner.string()
      try scanner.space()
      switch try scanner.keyword("priv, shared or all") {
      case "PRIV", "SHARED", "ALL": break
      default: throw .malformed("Expected priv, shared or all")
      }
      try scanner.space()
    }
    return .modSequence(try scanner.number64("a mod-sequence"))
  }
}

extension SyntaxError {
  fileprivate static let badCharset = SyntaxError.refused(
    code: "BADCHARSET (US-ASCII UTF-8)", "That charset, or text in it, is not understood")
}
