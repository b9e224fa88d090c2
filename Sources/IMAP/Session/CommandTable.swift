/// A command with its arguments, ready to be carried out.
protocol SessionCommand: Sendable {
  func run(in session: Session) async throws -> Completion
}

/// A row of the command table.
struct CommandEntry: Sendable {
  let name: String
  let phases: SessionState.Phases
  /// Whether EXPUNGE may be reported while it runs: not for FETCH, STORE and SEARCH with sequence numbers
  /// (RFC 9051 §7.5.1).
  var allowsExpunge = true
  /// Reads the arguments, from the space before them to the end of the command.
  let parse: @Sendable (inout Scanner, SessionState) throws(SyntaxError) -> any SessionCommand
}

/// All commands by name. A `UID` command has both its words as its name.
///
/// Each command is one line here: its name, the phases in which it is possible, and the type that knows its arguments and
/// carries it out. Whether a password may come without TLS is asked by LOGIN and AUTHENTICATE themselves, as their
/// refusal has its own response code.
enum CommandTable {
  static let entries: [String: CommandEntry] = Dictionary(
    uniqueKeysWithValues: all.map { ($0.name, $0) })

  private static let all: [CommandEntry] = [
    CommandEntry(name: "CAPABILITY", phases: .any, parse: without(CapabilityCommand.init)),
    CommandEntry(name: "NOOP", phases: .any, parse: without(NoopCommand.init)),
    CommandEntry(name: "LOGOUT", phases: .any, parse: without(LogoutCommand.init)),
    CommandEntry(name: "ID", phases: .any, parse: with { s, _ throws(SyntaxError) in try IDCommand(&s) }),

    CommandEntry(name: "STARTTLS", phases: .notAuthenticated, parse: without(StartTLSCommand.init)),
    CommandEntry(
      name: "AUTHENTICATE", phases: .notAuthenticated,
      parse: with { s, _ throws(SyntaxError) in try AuthenticateCommand(&s) }),
    CommandEntry(
      name: "LOGIN", phases: .notAuthenticated, parse: with { s, _ throws(SyntaxError) in try LoginCommand(&s) }),

    CommandEntry(name: "ENABLE", phases: .loggedIn, parse: with { s, _ throws(SyntaxError) in try EnableCommand(&s) }),
    CommandEntry(
      name: "SELECT", phases: .loggedIn,
      parse: with { s, _ throws(SyntaxError) in try SelectCommand(&s, isReadOnly: false) }),
    CommandEntry(
      name: "EXAMINE", phases: .loggedIn,
      parse: with { s, _ throws(SyntaxError) in try SelectCommand(&s, isReadOnly: true) }),
    CommandEntry(name: "CREATE", phases: .loggedIn, parse: with { s, _ throws(SyntaxError) in try CreateCommand(&s) }),
    CommandEntry(name: "DELETE", phases: .loggedIn, parse: with { s, _ throws(SyntaxError) in try DeleteCommand(&s) }),
    CommandEntry(name: "RENAME", phases: .loggedIn, parse: with { s, _ throws(SyntaxError) in try RenameCommand(&s) }),
    CommandEntry(
      name: "SUBSCRIBE", phases: .loggedIn,
      parse: with { s, _ throws(SyntaxError) in try SubscribeCommand(&s, isSubscribing: true) }),
    CommandEntry(
      name: "UNSUBSCRIBE", phases: .loggedIn,
      parse: with { s, _ throws(SyntaxError) in try SubscribeCommand(&s, isSubscribing: false) }),
    CommandEntry(
      name: "LIST", phases: .loggedIn,
      parse: with { s, _ throws(SyntaxError) in ListCommand(request: try s.listRequest()) }),
    CommandEntry(
      name: "LSUB", phases: .loggedIn,
      parse: with { s, _ throws(SyntaxError) in ListCommand(request: try s.lsubRequest()) }),
    CommandEntry(name: "NAMESPACE", phases: .loggedIn, parse: without(NamespaceCommand.init)),
    CommandEntry(name: "STATUS", phases: .loggedIn, parse: with { s, _ throws(SyntaxError) in try StatusCommand(&s) }),
    CommandEntry(
      name: "APPEND", phases: .loggedIn,
      parse: { _, _ throws(SyntaxError) in throw .malformed("APPEND ends with a literal, which is the message") }),
    CommandEntry(name: "IDLE", phases: .loggedIn, parse: without(IdleCommand.init)),

    CommandEntry(name: "CHECK", phases: .selected, parse: without(NoopCommand.init)),
    CommandEntry(name: "CLOSE", phases: .selected, parse: without { CloseCommand(isExpunging: true) }),
    CommandEntry(name: "UNSELECT", phases: .selected, parse: without { CloseCommand(isExpunging: false) }),
    CommandEntry(name: "EXPUNGE", phases: .selected, parse: without { ExpungeCommand(set: nil) }),
    CommandEntry(
      name: "UID EXPUNGE", phases: .selected,
      parse: with { s, _ throws(SyntaxError) in try ExpungeCommand(&s) }),
    CommandEntry(
      name: "SEARCH", phases: .selected, allowsExpunge: false,
      parse: with { s, state throws(SyntaxError) in try SearchCommand(&s, isUID: false, state) }),
    CommandEntry(
      name: "UID SEARCH", phases: .selected,
      parse: with { s, state throws(SyntaxError) in try SearchCommand(&s, isUID: true, state) }),
    CommandEntry(
      name: "FETCH", phases: .selected, allowsExpunge: false,
      parse: with { s, _ throws(SyntaxError) in FetchCommand(request: try s.fetchRequest(isUID: false)) }),
    CommandEntry(
      name: "UID FETCH", phases: .selected,
      parse: with { s, _ throws(SyntaxError) in FetchCommand(request: try s.fetchRequest(isUID: true)) }),
    CommandEntry(
      name: "STORE", phases: .selected, allowsExpunge: false,
      parse: with { s, _ throws(SyntaxError) in StoreCommand(request: try s.storeRequest(isUID: false)) }),
    CommandEntry(
      name: "UID STORE", phases: .selected,
      parse: with { s, _ throws(SyntaxError) in StoreCommand(request: try s.storeRequest(isUID: true)) }),
    CommandEntry(
      name: "COPY", phases: .selected,
      parse: with { s, _ throws(SyntaxError) in try CopyCommand(&s, isUID: false, isMoving: false) }),
    CommandEntry(
      name: "UID COPY", phases: .selected,
      parse: with { s, _ throws(SyntaxError) in try CopyCommand(&s, isUID: true, isMoving: false) }),
    CommandEntry(
      name: "MOVE", phases: .selected,
      parse: with { s, _ throws(SyntaxError) in try CopyCommand(&s, isUID: false, isMoving: true) }),
    CommandEntry(
      name: "UID MOVE", phases: .selected,
      parse: with { s, _ throws(SyntaxError) in try CopyCommand(&s, isUID: true, isMoving: true) }),
  ]

  private typealias Parse = @Sendable (inout Scanner, SessionState) throws(SyntaxError) -> any SessionCommand

  /// A command without arguments.
  private static func without(_ make: @escaping @Sendable () -> any SessionCommand) -> Parse {
    { scanner, _ throws(SyntaxError) in
      try scanner.end()
      return make()
    }
  }

  /// A command whose arguments follow one space.
  private static func with(_ make: @escaping Parse) -> Parse {
    { scanner, state throws(SyntaxError) in
      try scanner.space()
      return try make(&scanner, state)
    }
  }
}

/// Tag and name of a command: enough to know whether it is possible, before its literals have come.
struct CommandHead: Sendable {
  let tag: [UInt8]
  let entry: CommandEntry
  /// Where the arguments begin.
  let position: Int

  /// Reads the head. On failure the tag is nil if not even that could be read.
  static func read(_ octets: [UInt8]) -> Result<CommandHead, HeadError> {
    var scanner = Scanner(octets)
    let tag = Array(scanner.take(while: CharacterClass.isTag))
    guard !tag.isEmpty, tag.count <= 255, scanner.take(" ") else {
      return .failure(HeadError(tag: nil, completion: .bad("Expected a tag, one space and a command")))
    }
    func failure(_ text: String) -> Result<CommandHead, HeadError> {
      .failure(HeadError(tag: tag, completion: .bad(text)))
    }
    do throws(SyntaxError) {
      var name = try scanner.keyword("a command")
      if name == "UID" {
        try scanner.space()
        name += " " + (try scanner.keyword("a command after UID"))
      }
      guard let entry = CommandTable.entries[name] else { return failure("There is no command of that name") }
      return .success(CommandHead(tag: tag, entry: entry, position: scanner.position))
    } catch .malformed(let text) {
      return failure(text)
    } catch {
      return failure("Expected a command")
    }
  }
}

struct HeadError: Error {
  let tag: [UInt8]?
  let completion: Completion
}
