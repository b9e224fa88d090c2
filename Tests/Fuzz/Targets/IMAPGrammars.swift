@testable import IMAP
@testable import Store

extension FuzzTarget {
  /// Commands of IMAP put together from lines and literals, and their arguments, without a store behind them. The first byte
  /// chooses the state.
  static let imapCommands = FuzzTarget(
    "imap-commands",
    covers: [
      "IMAP/Session/CommandReader.swift", "IMAP/Session/CommandTable.swift", "IMAP/Session/SessionState.swift",
      "IMAP/Grammar/Scanner.swift",
      "IMAP/Grammar/AppendSyntax.swift", "IMAP/Grammar/CharacterClass.swift", "IMAP/Grammar/DateSyntax.swift",
      "IMAP/Grammar/FetchSyntax.swift",
      "IMAP/Grammar/FlagSyntax.swift", "IMAP/Grammar/ListSyntax.swift", "IMAP/Grammar/LiteralAnnouncement.swift",
      "IMAP/Grammar/SearchSyntax.swift",
      "IMAP/Grammar/SequenceSet.swift", "IMAP/Grammar/StoreSyntax.swift",
    ],
    words: imapWords,
    seeds: [
      "\u{0}a LOGIN {3}\r\nbob \"x\\\"y\"\r\na AUTHENTICATE PLAIN =\r\na ID (\"a\" NIL)\r\na STARTTLS\r\n",
      "\u{1}a APPEND {5+}\r\nINBOX (\\Seen k) \"17-Jul-1996 02:44:25 -0700\" {3}\r\nabc\r\nb APPEND x UTF8 (~{3+}\r\nabc)\r\n",
      "\u{1}a LIST (SUBSCRIBED) \"\" (\"%\" x*) RETURN (CHILDREN STATUS (MESSAGES UNSEEN))\r\na LSUB \"\" *\r\na STATUS x (UIDNEXT)\r\n",
      "\u{2}a UID FETCH 1:*,5 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (a b)]<0.10> BINARY[1] BINARY.SIZE[2]) (CHANGEDSINCE 5)\r\n",
      "\u{2}a SEARCH RETURN (MIN COUNT SAVE) CHARSET UTF-8 OR (FROM a NOT SEEN) HEADER x {1}\r\ny SINCE 1-Feb-1994 LARGER 5 $ MODSEQ \"/flags/x\" all 3\r\n",
      "\u{2}a STORE 2:4 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Deleted k)\r\na COPY 1 x\r\na UID MOVE 1 x\r\na UID EXPUNGE 1:2\r\n",
      "\u{1}a SELECT x (CONDSTORE)\r\na ENABLE UTF8=ACCEPT\r\na RENAME a b\r\na IDLE\r\nx\r\n",
    ]
  ) { bytes in
    guard let choice = bytes.first else { return }
    let phases: [SessionState.Phase] = [.notAuthenticated, .authenticated, .selected]
    var state = SessionState(phase: phases[Int(choice & 3) % 3])
    if choice & 4 != 0 { state.enabled = [.utf8, .rev2] }
    var limits = SessionLimits()
    if choice & 8 != 0 {
      (limits.line, limits.command, limits.lineBeforeLogin) = (60, 90, 40)
      (limits.commandBeforeLogin, limits.literalBeforeLogin) = (70, 20)
    }
    var rest = bytes.dropFirst()
    func line() -> [UInt8]? {
      guard let end = rest.firstIndex(of: 10) else { return nil }
      defer { rest = rest[(end + 1)...] }
      return rest[..<end].last == 13 ? Array(rest[..<(end - 1)]) : Array(rest[..<end])
    }
    /// Takes the octets of a literal; nil if they have not all come.
    func octets(_ literal: LiteralAnnouncement) -> [UInt8]? {
      guard literal.size <= rest.count else { return nil }
      defer { rest = rest.dropFirst(literal.size) }
      return Array(rest.prefix(literal.size))
    }
    var reader = CommandReader(state, limits)
    while let next = line(), next.count <= reader.nextLineLimit {
      switch reader.takeLine(next) {
      case .complete(let head, var scanner):
        try require(!head.tag.isEmpty && head.tag.allSatisfy(CharacterClass.isTag), "a tag that is none")
        try require(
          state.objection(to: head.entry.phases) == nil, "\(head.entry.name) is obeyed in a state that does not have it"
        )
        if let command = try? head.entry.parse(&scanner, state) {
          try checkRequest(command)
          // A SEARCH that is answered by NO is a command all the same.
          try require(scanner.isAtEnd || command is SearchCommand, "\(head.entry.name) was understood before its end")
        }
        reader = CommandReader(state, limits)
      case .literal(let literal):
        try require(literal.size <= limits.command, "a literal of \(literal.size) is read")
        guard let octets = octets(literal) else { return }
        reader.takeLiteral(octets)
      case .message(_, let request):
        try require(request.literal.size >= 0, "a message of less than nothing")
        try Planted.bug(where: request.isUTF8 && request.internalDate != nil && request.flags.keywords.count == 1)
        guard octets(request.literal) != nil, line() != nil else { return }
        reader = CommandReader(state, limits)
      case .refused(_, let completion, let discarding):
        try require(completion.kind != .ok, "a refusal that is none")
        var skipped = discarding
        while let literal = skipped {
          guard octets(literal) != nil, let next = line() else { return }
          skipped = CommandReader.skips(next)
        }
        reader = CommandReader(state, limits)
      }
    }
  }

  private static func checkRequest(_ command: any SessionCommand) throws {
    guard let fetch = command as? FetchCommand else { return }
    try require(fetch.request.items.count <= FetchRequest.maximumItems + 2, "\(fetch.request.items.count) items")
    for largest: UInt32 in [0, 1, 7, .max] {
      let ranges = fetch.request.set.resolved(largest: largest)
      for (range, next) in zip(ranges, ranges.dropFirst()) {
        try require(UInt64(range.upperBound) + 1 < UInt64(next.lowerBound), "ranges overlap or touch")
      }
      let highest = fetch.request.set.highest(largest: largest)
      try require(highest == ranges.last?.upperBound, "the highest is \(String(describing: highest)) in \(ranges)")
    }
  }

  static let imapWords = [
    "a ", "b ", "\r\n", " ", "(", ")", "{3}\r\n", "{3+}\r\n", "~{3+}\r\n", "{0}\r\n", "\"", "\\", "NIL", "INBOX", "*",
    "%", "$", "1:*", "1,3:2",
    "CAPABILITY", "NOOP", "LOGOUT", "ID ", "STARTTLS\r\n", "AUTHENTICATE ", "PLAIN ", "LOGIN ", "alice secret\r\n",
    "ENABLE ", "CONDSTORE", "UTF8=ACCEPT",
    "IMAP4rev2", "SELECT ", "EXAMINE ", "CREATE ", "DELETE ", "RENAME ", "SUBSCRIBE ", "UNSUBSCRIBE ", "LIST ", "LSUB ",
    "NAMESPACE", "STATUS ",
    "APPEND ", "IDLE\r\n", "DONE\r\n", "CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "UID ", "SEARCH ", "FETCH ", "STORE ",
    "COPY ", "MOVE ", "RETURN (",
    "MIN", "MAX", "ALL", "COUNT", "SAVE", "CHARSET UTF-8 ", "CHARSET ISO-8859-1 ", "OR ", "NOT ", "FROM ", "HEADER ",
    "BODY ", "TEXT ", "SUBJECT ", "BEFORE ",
    "SENTSINCE ", "1-Feb-1994", "KEYWORD ", "UNSEEN", "NEW", "LARGER ", "MODSEQ ", "\"/flags/x\" all ", "FLAGS",
    "+FLAGS.SILENT ", "-FLAGS ",
    "(\\Seen \\Deleted k)", "ENVELOPE", "BODYSTRUCTURE", "BODY[", "BODY.PEEK[", "HEADER]", "1.MIME]", "TEXT]",
    "HEADER.FIELDS (a b)]", "<0.10>", "BINARY[1]",
    "BINARY.SIZE[1]", "RFC822", "RFC822.SIZE", "INTERNALDATE", "FULL", "FAST", " (CHANGEDSINCE 1)",
    "(UNCHANGEDSINCE 1) ", "(CONDSTORE)",
    "\"17-Jul-1996 02:44:25 -0700\" ", "UTF8 (", "(SUBSCRIBED RECURSIVEMATCH) ", "CHILDREN", "SPECIAL-USE",
    "STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE RECENT HIGHESTMODSEQ)",
  ]

  /// Names of mailboxes and the patterns of LIST: up to the first line feed a name, behind it a pattern.
  static let imapNames = FuzzTarget(
    "imap-names",
    covers: ["IMAP/Grammar/ModifiedUTF7.swift", "IMAP/Grammar/MailboxName.swift", "IMAP/Grammar/ListPattern.swift"],
    words: [
      "&", "-", "&AOk-", "&2D3cqQ-", "&-", "/", "INBOX", "inbox/", "*", "%", "\n", "é", "e\u{301}", "\u{2028}", "a",
    ],
    seeds: ["&AOk-x&-/b\n&AOk-*/b", "INBOX/a/b\ninbox/%", "e\u{301}\n*\u{e9}%", "&2D3cqQ-/\n%/", "a\u{1}\n", "*a\nb"]
  ) { bytes in
    let parts = bytes.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
    guard parts.count == 2 else { return }
    if let decoded = ModifiedUTF7.decode(parts[0]) {
      try require(ModifiedUTF7.encode(decoded) == parts[0], "a name has two forms in modified UTF-7")
    }
    for encoding in [MailboxName.Encoding.modifiedUTF7, .utf8] {
      guard let name = MailboxName(parts[0], encoding: encoding) else { continue }
      for other in [MailboxName.Encoding.modifiedUTF7, .utf8] {
        // A name with a control character has no form on the wire; it cannot be made either.
        guard name.objection == nil else { continue }
        try require(
          MailboxName(name.encoded(other), encoding: other) == name,
          "\(name.text) is another name when it is read again")
      }
      try require(MailboxName.canonical(name.text) == name.text, "\(name.text) is not canonical")
      if let parent = name.parent, name.objection == nil {
        try require(name.isBelow(parent), "\(name.text) is not below its parent")
      }
      try require(!name.isBelow(name), "\(name.text) is below itself")
      _ = name.withoutTrailingDelimiter
      guard let pattern = MailboxName.decode(parts[1], encoding), pattern.utf8.count + name.text.utf8.count < 60 else {
        continue
      }
      let list = ListPattern(reference: "", pattern: pattern)
      let scalars = Array(name.text.unicodeScalars)
      let wanted = Array(MailboxName.canonical(pattern).unicodeScalars)
      try require(
        list.matches(name) == matches(scalars[...], wanted[...]),
        "\(pattern) and \(name.text) do not match as they should")
      if list.isPlain { try require(list.matches(name) == (wanted == scalars), "a plain pattern matches another name") }
      try Planted.bug(
        where: list.matches(name) && list.endsInPercent && !name.text.utf8.allSatisfy { $0 < 128 } && name.parent != nil
      )
    }
  }

  /// What RFC 9051 §6.3.9 says, without a thought for time.
  private static func matches(_ name: ArraySlice<Unicode.Scalar>, _ pattern: ArraySlice<Unicode.Scalar>) -> Bool {
    var reachable: Set<Int> = [0]
    for element in pattern {
      var next: Set<Int> = []
      for start in reachable {
        let rest = name.dropFirst(start)
        switch element {
        case "*": next.formUnion(start...name.count)
        case "%": next.formUnion(start...(start + rest.prefix { $0 != "/" }.count))
        default: if rest.first == element { next.insert(start + 1) }
        }
      }
      reachable = next
    }
    return reachable.contains(name.count)
  }

  /// Sets of UIDs: each four bytes are a range and what to do with it; beside them a plain `Set`. Then the stored form.
  static let uidSets = FuzzTarget(
    "uid-sets", covers: ["Store/UIDSet.swift"], words: ["\u{0}", "\u{1}", "\u{7f}", "\u{3}\u{5}\u{2}"],
    seeds: ["\u{0}\u{5}\u{3}\u{1}\u{9}\u{2}\u{2}\u{6}\u{1}\u{3}\u{1}\u{1}", "\u{4}\u{7f}\u{7f}\u{7f}\u{7f}\u{f}"]
  ) { bytes in
    if let stored = UIDSet(encoded: bytes) {
      try require(UIDSet(encoded: stored.encoded()) == stored, "a set is another one out of the store")
      try require(UIDSet(ranges: stored.ranges) == stored, "a set has two forms")
      _ = (stored.count, stored.description, stored.first, stored.last)
    }
    var (set, model): (UIDSet, Set<UID>) = ([], [])
    for step in bytes.split(every: 3) {
      let low = UID(step[1] % 64) + 1
      let range = low...(low + UID(step[2] % 16))
      let other = UIDSet(range)
      switch step[0] % 5 {
      case 0:
        set.insert(range)
        model.formUnion(range)
      case 1: (set, model) = (set.union(other), model.union(range))
      case 2: (set, model) = (set.subtracting(other), model.subtracting(range))
      case 3 where step[2] % 3 == 0: (set, model) = (set.intersection(other), model.intersection(range))
      default:
        set.insert(low)
        model.insert(low)
      }
    }
    try require(Array(set.uids) == model.sorted() && set.count == model.count, "the set is not what was put in: \(set)")
    try require(set.isEmpty == model.isEmpty && UIDSet(model) == set, "the same set has two forms")
    for uid in UID(1)...80 { try require(set.contains(uid) == model.contains(uid), "\(uid) is in \(set) and is not") }
    for (range, next) in zip(set.ranges, set.ranges.dropFirst()) {
      try require(range.upperBound + 1 < next.lowerBound, "ranges overlap or touch: \(set)")
    }
    try require(UIDSet(encoded: set.encoded()) == set, "a set is another one out of the store")
    try require(UIDSet.all.subtracting(set).intersection(set).isEmpty, "a set and the rest have something in common")
    try require(UIDSet.all.subtracting(set).union(set) == .all, "a set and the rest are not all")
    try Planted.bug(where: set.ranges.count == 4 && set.ranges[1].count == 1 && set.ranges[2].lowerBound == 40)
  }
}

extension [UInt8] {
  /// Whole groups of so many.
  fileprivate func split(every size: Int) -> [[UInt8]] {
    stride(from: 0, to: count - count % size, by: size).map { Array(self[$0..<($0 + size)]) }
  }
}
