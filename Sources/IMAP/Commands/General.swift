/// CAPABILITY (RFC 9051 §6.1.1).
struct CapabilityCommand: SessionCommand {
  func run(in session: Session) async throws -> Completion {
    session.writer.raw("* CAPABILITY ")
    session.writer.text(session.capabilities.joined(separator: " "))
    session.writer.endLine()
    return .ok("That is all")
  }
}

/// NOOP, and CHECK, which IMAP4rev2 has no longer (RFC 9051 §6.1.2, RFC 3501 §6.4.1). What they are for is what follows
/// every command: the client hears what has changed.
struct NoopCommand: SessionCommand {
  func run(in session: Session) async throws -> Completion { .ok("Done") }
}

/// LOGOUT (RFC 9051 §6.1.3).
struct LogoutCommand: SessionCommand {
  func run(in session: Session) async throws -> Completion {
    await session.deselect()
    session.state.phase = .loggedOut
    session.writer.bye("Goodbye")
    return .ok("Logged out")
  }
}

/// ID (RFC 2971). What the client says of itself is read by the grammar and not kept: it may be anything.
struct IDCommand: SessionCommand {
  private static let maximumFields = 30

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    defer { _ = scanner }
    if !scanner.take(word: "NIL") {
      try scanner.expect("(", "a list of fields, or NIL")
      if !scanner.take(")") {
        var fields = 0
        repeat {
          _ = try scanner.string("the name of a field")
          try scanner.space()
          _ = try scanner.nstring()
          fields += 1
          guard fields <= Self.maximumFields else { throw .malformed("ID can have 30 fields") }
        } while scanner.take(" ")
        try scanner.expect(")", ") after the fields")
      }
    }
    try scanner.end()
  }

  func run(in session: Session) async throws -> Completion {
    session.writer.raw("* ID (\"name\" \"Postroom\")")
    session.writer.endLine()
    return .ok("Nice to meet you")
  }
}

/// ENABLE (RFC 9051 §6.3.1, RFC 5161).
struct EnableCommand: SessionCommand {
  private let names: [String]

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    var names: [String] = []
    repeat { names.append(try scanner.keyword("the name of a capability")) } while scanner.take(" ")
    try scanner.end()
    self.names = names
  }

  func run(in session: Session) async throws -> Completion {
    var enabled: [String] = []
    for name in names where !enabled.contains(where: { $0.uppercased() == name }) {
      switch name {
      case "CONDSTORE" where !session.state.enabled.contains(.condstore):
        session.enableCondstore()
        enabled.append("CONDSTORE")
      case "IMAP4REV2" where session.state.enabled.insert(.rev2).inserted: enabled.append("IMAP4rev2")
      case "UTF8=ACCEPT" where session.state.enabled.insert(.utf8).inserted: enabled.append("UTF8=ACCEPT")
      // Not an extension that needs enabling, or not one at all: ignored.
      default: break
      }
    }
    session.writer.raw("* ENABLED")
    for name in enabled { session.writer.text(" " + name) }
    session.writer.endLine()
    try await session.changeDialect()
    return .ok("Enabled")
  }
}

/// NAMESPACE (RFC 2342): everyone has mailboxes of their own, and nothing else.
struct NamespaceCommand: SessionCommand {
  func run(in session: Session) async throws -> Completion {
    session.writer.raw("* NAMESPACE ((\"\" \"/\")) NIL NIL")
    session.writer.endLine()
    return .ok("Done")
  }
}
