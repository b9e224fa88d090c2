/// What a LIST or LSUB asks for (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154 §5.2).
struct ListRequest: Equatable, Sendable {
  struct Selection: OptionSet, Sendable {
    let rawValue: UInt8
    static let subscribed = Selection(rawValue: 1)
    /// There are no remote mailboxes: the option is understood and changes nothing.
    static let remote = Selection(rawValue: 2)
    static let recursiveMatch = Selection(rawValue: 4)
    static let specialUse = Selection(rawValue: 8)
  }

  struct Returns: OptionSet, Sendable {
    let rawValue: UInt8
    static let subscribed = Returns(rawValue: 1)
    static let children = Returns(rawValue: 2)
    static let specialUse = Returns(rawValue: 4)
  }

  /// Whether the command used the extended syntax: then an empty pattern has no special meaning.
  var isExtended: Bool
  var isLSUB = false
  var selection: Selection
  /// As they came; what they encode depends on the session.
  var reference: [UInt8]
  var patterns: [[UInt8]]
  var returns: Returns
  /// The items of `RETURN (STATUS (…))`.
  var status: [StatusItem]

  static let maximumPatterns = 100
}

/// What STATUS tells (RFC 9051 §6.3.11, RFC 3501 §6.3.10, RFC 7162 §3.1.7, RFC 7889 §3.1).
enum StatusItem: String, CaseIterable, Sendable {
  case messages = "MESSAGES"
  case recent = "RECENT"
  case uidNext = "UIDNEXT"
  case uidValidity = "UIDVALIDITY"
  case unseen = "UNSEEN"
  case deleted = "DELETED"
  case size = "SIZE"
  case highestModSequence = "HIGHESTMODSEQ"
  case appendLimit = "APPENDLIMIT"
}

extension Scanner {
  mutating func listRequest() throws(SyntaxError) -> ListRequest {
    var request = ListRequest(
      isExtended: false, selection: [], reference: [], patterns: [], returns: [], status: [])
    if peek() == UInt8(ascii: "(") {
      request.isExtended = true
      request.selection = try listSelection()
      try space()
    }
    request.reference = try astring("a reference name")
    try space()
    if take("(") {
      request.isExtended = true
      // RFC 5258 §6: several patterns, as LIST-EXTENDED is advertised (RFC 9051 appendix C).
      repeat {
        request.patterns.append(try listMailbox())
        guard request.patterns.count <= ListRequest.maximumPatterns else { throw .malformed("Too many patterns") }
      } while take(" ")
      try expect(")", ") after the patterns")
    } else {
      request.patterns = [try listMailbox()]
    }
    if take(" ") {
      request.isExtended = true
      guard take(word: "RETURN") else { throw .malformed("Expected RETURN") }
      try space()
      try listReturns(&request)
    }
    // RFC 5258 §3.1, RFC 6154 §2: the selection implies the return option.
    if request.selection.contains(.subscribed) { request.returns.insert(.subscribed) }
    if request.selection.contains(.specialUse) { request.returns.insert(.specialUse) }
    try end()
    return request
  }

  mutating func lsubRequest() throws(SyntaxError) -> ListRequest {
    let reference = try astring("a reference name")
    try space()
    let pattern = try listMailbox()
    try end()
    return ListRequest(
      isExtended: false, isLSUB: true, selection: .subscribed, reference: reference, patterns: [pattern],
      returns: .subscribed, status: [])
  }

  private mutating func listSelection() throws(SyntaxError) -> ListRequest.Selection {
    try expect("(", "( before the selection options")
    var selection: ListRequest.Selection = []
    guard !take(")") else { return selection }
    repeat {
      switch try keyword("a selection option") {
      case "SUBSCRIBED": selection.insert(.subscribed)
      case "REMOTE": selection.insert(.remote)
      case "RECURSIVEMATCH": selection.insert(.recursiveMatch)
      case "SPECIAL-USE": selection.insert(.specialUse)
      default: throw .malformed("There is no selection option of that name")
      }
    } while take(" ")
    try expect(")", ") after the selection options")
    // RFC 9051 §6.3.9.1: alone, or with REMOTE only, it makes no sense. SPECIAL-USE is an independent option too
    // (RFC 6154 §6), but it selects, so that RECURSIVEMATCH has a meaning beside it.
    if selection.contains(.recursiveMatch), selection.isDisjoint(with: [.subscribed, .specialUse]) {
      throw .malformed("RECURSIVEMATCH needs another selection option beside it")
    }
    return selection
  }

  private mutating func listReturns(_ request: inout ListRequest) throws(SyntaxError) {
    try expect("(", "( before the return options")
    guard !take(")") else { return }
    repeat {
      switch try keyword("a return option") {
      case "SUBSCRIBED": request.returns.insert(.subscribed)
      case "CHILDREN": request.returns.insert(.children)
      case "SPECIAL-USE": request.returns.insert(.specialUse)
      case "STATUS":
        try space()
        request.status = try statusItems()
      default: throw .malformed("There is no return option of that name")
      }
    } while take(" ")
    try expect(")", ") after the return options")
  }

  mutating func statusItems() throws(SyntaxError) -> [StatusItem] {
    try expect("(", "( before the status items")
    var items: [StatusItem] = []
    repeat {
      guard let item = StatusItem(rawValue: try keyword("a status item")) else {
        throw .malformed("There is no status item of that name")
      }
      if !items.contains(item) { items.append(item) }
    } while take(" ")
    try expect(")", ") after the status items")
    return items
  }
}
