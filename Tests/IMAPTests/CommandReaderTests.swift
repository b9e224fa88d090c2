import Testing

@testable import IMAP

@Suite struct CommandReaderTests {
  private let limits = SessionLimits()
  private let loggedIn = SessionState(phase: .authenticated)

  /// Feeds octets to a reader as a connection would, and says what came of it: a transcript that must not depend on
  /// anything but the octets.
  private func transcript(_ octets: [UInt8], _ state: SessionState) -> [String] {
    var rest = octets[...]
    var result: [String] = []
    func line() -> [UInt8]? {
      guard let end = rest.firstIndex(of: 10) else { return nil }
      var line = Array(rest[..<end])
      rest = rest[(end + 1)...]
      if line.last == 13 { line.removeLast() }
      return line
    }
    var reader = CommandReader(state, limits)
    while let next = line() {
      switch reader.takeLine(next) {
      case .complete(let head, let scanner):
        result.append("\(text(head.tag)) \(head.entry.name)|\(text(scanner.rest))")
        reader = CommandReader(state, limits)
      case .literal(let literal):
        guard rest.count >= literal.size else { return result + ["waits for \(literal.size)"] }
        reader.takeLiteral(Array(rest.prefix(literal.size)))
        rest = rest.dropFirst(literal.size)
      case .message(let head, let request):
        result.append("\(text(head.tag)) message of \(request.literal.size) for \(text(request.mailbox))")
        rest = rest.dropFirst(request.literal.size)
        _ = line()
        reader = CommandReader(state, limits)
      case .refused(let tag, let completion, let discarding):
        result.append("\(tag.map { text($0) } ?? "*") \(completion.kind.rawValue)")
        var skipped = discarding
        while let literal = skipped {
          guard rest.count >= literal.size else { return result + ["discards \(literal.size)"] }
          rest = rest.dropFirst(literal.size)
          guard let next = line() else { return result }
          skipped = CommandReader.skips(next)
        }
        reader = CommandReader(state, limits)
      }
    }
    return result
  }

  private func text(_ octets: some Collection<UInt8>) -> String {
    String(decoding: octets, as: UTF8.self).replacing("\r\n", with: "/")
  }

  private func transcript(_ text: String, _ state: SessionState? = nil) -> [String] {
    transcript(Array(text.replacing("\n", with: "\r\n").utf8), state ?? loggedIn)
  }

  @Test func plainCommands() {
    #expect(transcript("a NOOP\nb uid  fetch\nc UID fetch 1 FLAGS\n") == ["a NOOP|", "b BAD", "c BAD"])
    #expect(
      transcript("c UID fetch 1 FLAGS\n", SessionState(phase: .selected)) == ["c UID FETCH| 1 FLAGS"])
  }

  @Test func literalsBecomePartOfTheCommand() {
    let octets = Array("a SELECT {5}\r\nINBOX\r\nb NOOP\r\n".utf8)
    #expect(transcript(octets, loggedIn) == ["a SELECT| {5}/INBOX", "b NOOP|"])
    let two = Array("a RENAME {1+}\r\nx {1}\r\ny\r\n".utf8)
    #expect(transcript(two, loggedIn) == ["a RENAME| {1+}/x {1}/y"])
  }

  @Test func theMessageOfAnAppendIsLeftToTheSession() {
    let octets = Array("a APPEND {5}\r\nINBOX (\\Seen) {12+}\r\nb LOGOUT\r\nx\r\nc NOOP\r\n".utf8)
    #expect(transcript(octets, loggedIn) == ["a message of 12 for INBOX", "c NOOP|"])
  }

  /// What is announced belongs to the command, even if the command is nonsense: RFC 7888 §3.
  @Test func octetsOfARefusedCommandAreNeverObeyed() {
    let nonsense = Array("a NONSENSE {13+}\r\nb DELETE Sent {10+}\r\n0123456789\r\nc NOOP\r\n".utf8)
    #expect(transcript(nonsense, loggedIn) == ["a BAD", "c NOOP|"])
    let empty = Array("{9+}\r\nx LOGOUT\r \r\nc NOOP\r\n".utf8)
    #expect(transcript(empty, loggedIn).first == "* BAD")
    let early = Array("a SELECT {4+}\r\nx NO {3+}\r\nOP!\r\nb NOOP\r\n".utf8)
    #expect(transcript(early, SessionState()) == ["a BAD", "b NOOP|"])
    let append = Array("a APPEND x) {10+}\r\nb LOGOUT\r\n\r\nc NOOP\r\n".utf8)
    #expect(transcript(append, loggedIn) == ["a BAD", "c NOOP|"])
  }

  /// A synchronising literal is not sent by a client that was refused before it was asked for it.
  @Test func aSynchronisingLiteralOfARefusedCommandNeverComes() {
    let octets = Array("a NONSENSE {13}\r\nb NOOP\r\n".utf8)
    #expect(transcript(octets, loggedIn) == ["a BAD", "b NOOP|"])
  }

  @Test func literalsHaveTheirLimits() {
    #expect(transcript("a SELECT {2000000}\nb NOOP\n") == ["a BAD", "b NOOP|"])
    #expect(transcript("a SELECT {99999999999999999999999+}\nb LOGOUT\n") == ["a BAD", "discards \(Int.max)"])
    // LITERAL- before login (RFC 7888 §5).
    let state = SessionState()
    #expect(transcript("a LOGIN {4097+}\n", state) == ["a BAD", "discards 4097"])
    #expect(transcript("a LOGIN {4096+}\n", state) == ["waits for 4096"])
    var reader = CommandReader(loggedIn, SessionLimits(line: 100, command: 50))
    #expect(reader.nextLineLimit == 50)
    if case .literal = reader.takeLine(Array("a SELECT {20}".utf8)) {
      reader.takeLiteral([UInt8](repeating: 65, count: 20))
      #expect(reader.nextLineLimit == 15)
    } else {
      Issue.record("The literal is small enough")
    }
  }

  @Test func headsThatAreNone() {
    #expect(transcript("\n") == ["* BAD"])
    #expect(transcript("NOOP\n") == ["* BAD"])
    #expect(transcript("+ NOOP\n") == ["* BAD"])
    #expect(transcript(" a NOOP\n") == ["* BAD"])
    #expect(transcript("a \n") == ["a BAD"])
    #expect(transcript("a UID NOOP\n") == ["a BAD"])
    #expect(transcript("GET / HTTP/1.1\n") == ["GET BAD"])
    #expect(transcript(String(repeating: "t", count: 256) + " NOOP\n") == ["* BAD"])
  }

  @Test func anyOctetsGiveAnAnswer() {
    var generator = SplitMix(seed: 11)
    let words = [
      "a ", "b ", "UID ", "FETCH ", "SEARCH ", "STORE ", "APPEND ", "LOGIN ", "LIST ", "SELECT ", "{3}\r\nabc",
      "{2+}\r\nxy",
      "~{1}", "\r\n", "(", ")", "\"", "\\", "1:*", "$", "BODY[", "]", "<0.5>", "HEADER.FIELDS", "\u{0}", "\u{80}",
      "NIL", " ",
      "RETURN", "MODSEQ", "OR", "NOT", "1-Feb-1994", "{", "}", "*", "%", "\n", "9999999999",
    ].map { Array($0.utf8) }
    for phase in [SessionState.Phase.notAuthenticated, .authenticated, .selected] {
      let state = SessionState(phase: phase)
      for _ in 0..<1000 {
        var octets: [UInt8] = []
        for _ in 0..<Int.random(in: 1..<20, using: &generator) {
          if Int.random(in: 0..<10, using: &generator) == 0 {
            octets.append(UInt8.random(in: 0...255, using: &generator))
          } else {
            octets += words.randomElement(using: &generator) ?? []
          }
        }
        octets += [13, 10]
        _ = transcript(octets, state)
        parseEverything(octets, state)
      }
    }
  }

  /// Hands arguments to the parsers of all commands, whether they are meant for them or not.
  private func parseEverything(_ octets: [UInt8], _ state: SessionState) {
    for entry in CommandTable.entries.values {
      var scanner = Scanner([UInt8(ascii: " ")] + octets.filter { $0 != 13 && $0 != 10 })
      _ = try? entry.parse(&scanner, state)
    }
    var scanner = Scanner(octets)
    _ = try? scanner.appendRequest()
  }

  /// Every beginning of a good command is refused or awaited, and none is taken for the whole.
  @Test func everyBeginningOfACommandIsNoCommand() {
    let commands = [
      "1:* (FLAGS BODY.PEEK[1.HEADER.FIELDS (Date \"From\")]<0.5>)",
      "1,2 (UNCHANGEDSINCE 7) +FLAGS.SILENT (\\Seen a)",
    ]
    for command in commands {
      let octets = Array(command.utf8)
      for end in 0..<octets.count {
        var first = Scanner(Array(octets[..<end]))
        #expect(throws: SyntaxError.self) { try first.fetchRequest(isUID: false) }
        var second = Scanner(Array(octets[..<end]))
        #expect(throws: SyntaxError.self) { try second.storeRequest(isUID: false) }
      }
    }
  }
}

@Suite struct CommandTableTests {
  static let anywhere = ["CAPABILITY", "NOOP", "LOGOUT", "ID"]
  static let before = ["STARTTLS", "AUTHENTICATE", "LOGIN"]
  static let authenticated = [
    "ENABLE", "SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "LIST", "LSUB",
    "NAMESPACE",
    "STATUS", "APPEND", "IDLE",
  ]
  static let selected = [
    "CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "UID EXPUNGE", "SEARCH", "UID SEARCH", "FETCH", "UID FETCH", "STORE",
    "UID STORE", "COPY", "UID COPY", "MOVE", "UID MOVE",
  ]

  @Test func theTableHasTheseCommandsAndNoOthers() {
    #expect(Set(CommandTable.entries.keys) == Set(Self.anywhere + Self.before + Self.authenticated + Self.selected))
  }

  @Test(arguments: [SessionState.Phase.notAuthenticated, .authenticated, .selected, .loggedOut])
  func eachIsPossibleWhereTheStandardSaysSo(_ phase: SessionState.Phase) {
    let allowed: [String] =
      switch phase {
      case .notAuthenticated: Self.anywhere + Self.before
      case .authenticated: Self.anywhere + Self.authenticated
      case .selected: Self.anywhere + Self.authenticated + Self.selected
      case .loggedOut: []
      }
    let state = SessionState(phase: phase)
    for (name, entry) in CommandTable.entries {
      #expect((state.objection(to: entry.phases) == nil) == allowed.contains(name), "\(name)")
    }
  }

  /// RFC 9051 §7.5.1
  @Test func expungeIsNotReportedWhileSequenceNumbersAreInUse() {
    let silent = CommandTable.entries.values.filter { !$0.allowsExpunge }.map(\.name)
    #expect(Set(silent) == ["FETCH", "STORE", "SEARCH"])
  }
}
