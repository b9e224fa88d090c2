internal import Accounts
internal import Message

/// STARTTLS (RFC 9051 §6.2.1).
struct StartTLSCommand: SessionCommand {
  func run(in session: Session) async throws -> Completion {
    guard session.stream.canStartTLS else { return .bad("TLS is established already, or not possible here") }
    try await session.startTLS()
    // The tagged reply has gone out in plain text before the handshake.
    throw Session.AlreadyAnswered()
  }
}

/// LOGIN (RFC 9051 §6.2.3).
struct LoginCommand: SessionCommand {
  private let user: [UInt8]
  private let password: [UInt8]

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    user = try scanner.astring("a user name")
    try scanner.space()
    password = try scanner.astring("a password")
    try scanner.end()
  }

  func run(in session: Session) async throws -> Completion {
    let authenticator = session.services.authenticator
    let login = session.loginSession
    guard !authenticator.mechanisms(for: login).isEmpty else {
      return .no("A password needs TLS: start it first", code: "PRIVACYREQUIRED")
    }
    switch await authenticator.verify(user: user, password: password, session: login) {
    case .success(let account): return try await session.admit(account)
    case .failure(let refusal): return try session.turnAway(refusal)
    }
  }
}

/// AUTHENTICATE (RFC 9051 §6.2.2), with an initial response if the client sends one (RFC 4959).
struct AuthenticateCommand: SessionCommand {
  private let mechanism: String
  /// As it came: base64, or `=` for an empty response.
  private let initial: [UInt8]?

  init(_ scanner: inout Scanner) throws(SyntaxError) {
    mechanism = try scanner.keyword("a mechanism")
    initial = scanner.take(" ") ? try scanner.atom("the initial response in base64") : nil
    try scanner.end()
  }

  func run(in session: Session) async throws -> Completion {
    let exchange = session.services.authenticator.begin(mechanism: mechanism, session: session.loginSession)
    var response: [UInt8]?
    if let initial {
      guard let decoded = Self.decode(initial, emptyIs: "=") else { return .bad("This is not base64") }
      response = decoded
    }
    while true {
      switch await exchange.step(response) {
      case .accepted(let account): return try await session.admit(account)
      case .refused(let refusal): return try session.turnAway(refusal)
      case .challenge(let challenge):
        session.writer.raw("+ ")
        session.writer.raw(Base64.encode(challenge))
        session.writer.endLine()
        try await session.send()
        let limits = session.services.limits
        let line = try await session.nextLine(limit: limits.commandBeforeLogin, within: limits.inactivityBeforeLogin)
        guard line != Array("*".utf8) else { return .bad("Given up, as you wish") }
        guard let decoded = Self.decode(line, emptyIs: "") else { return .bad("This is not base64") }
        response = decoded
      }
    }
  }

  private static func decode(_ text: [UInt8], emptyIs empty: StaticString) -> [UInt8]? {
    text == Array("\(empty)".utf8) ? [] : Base64.decode(text)
  }
}

extension Session {
  /// Thrown by a command whose tagged reply has been sent.
  struct AlreadyAnswered: Error {}

  /// The client is who it says.
  func admit(_ account: String) async throws -> Completion {
    try await services.flow.mailboxes.prepare(account: account)
    self.account = account
    state.phase = .authenticated
    state.badCommands = 0
    log[metadataKey: "account"] = "\(account)"
    log.info("Logged in")
    return .ok("Logged in", code: capabilityCode)
  }

  func turnAway(_ refusal: LoginRefusal) throws -> Completion {
    switch refusal {
    case .credentials:
      state.failedLogins += 1
      log.notice("A login failed")
      if state.failedLogins >= services.limits.failedLogins {
        writer.tagged(tag, .no(refusal.text, code: "AUTHENTICATIONFAILED"))
        throw SessionEnd.bye("Too many logins failed")
      }
      return .no(refusal.text, code: "AUTHENTICATIONFAILED")
    case .busy: return .no(refusal.text, code: "UNAVAILABLE")
    case .needsEncryption: return .no(refusal.text, code: "PRIVACYREQUIRED")
    case .malformed: return .bad(refusal.text)
    case .unknownMechanism: return .no(refusal.text)
    }
  }

  func startTLS() async throws {
    writer.tagged(tag, .ok("Begin TLS now"))
    let goAhead = writer.octets
    writer = ResponseWriter(state.dialect)
    try await stream.startTLS(goAhead: goAhead)
    // What was said in plain text may have been somebody else's words.
    state = SessionState()
  }
}
