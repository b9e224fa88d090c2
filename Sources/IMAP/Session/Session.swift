internal import Accounts
internal import Logging
internal import Network
internal import Store

/// Why a session ends before its client has said LOGOUT.
enum SessionEnd: Error {
  /// Say BYE with this text and close.
  case bye(String, code: String? = nil)
  /// Close without another word: the client is gone, or nobody knows what is on disk (`StoreError.outcomeUnknown`).
  case silent
}

/// One client's session: reads commands, carries them out one after the other, and writes the responses.
///
/// It belongs to one task. What it knows of the protocol is in values (``SessionState``, ``MailboxView``,
/// ``CommandReader``); this class joins them to the connection and the store.
final class Session {
  let stream: any ClientStream
  let services: SessionServices
  var state = SessionState()
  var writer: ResponseWriter
  var log: Logger
  /// The account's name, after login.
  var account = ""
  var view: MailboxView?
  var signal: ChangeSignal
  /// The sequence number of the first unseen message at selection (RFC 3501 §7.1).
  var firstUnseen: Int?
  /// Keeps expunged messages readable while the client has them in view.
  var hold: MailboxHold?
  /// Whether messages came into view that count as recent to this session and that the store has not been told of.
  var owesRecent = false
  /// The tag of the command that is being carried out.
  private(set) var tag: [UInt8] = []

  /// Octets of responses that are gathered before they go to the connection.
  private static let gathered = 32_768

  init(_ stream: any ClientStream, _ services: SessionServices) {
    self.stream = stream
    self.services = services
    log = services.log
    writer = ResponseWriter(.modifiedUTF7)
    signal = ChangeSignal { [weak stream] in stream?.wake() }
  }

  // MARK: The life of a session

  /// Serves the client until it leaves. Never throws: whatever happens here concerns this client alone.
  func run() async {
    do {
      try await greetAndServe()
    } catch {
      await sayGoodbye(error)
    }
    await deselect()
  }

  private func greetAndServe() async throws {
    writer.untagged(.ok("Postroom is ready", code: capabilityCode))
    try await send()
    let deadline = ContinuousClock.now + services.limits.login
    while state.phase != .loggedOut {
      if state.phase == .notAuthenticated, ContinuousClock.now > deadline {
        throw SessionEnd.bye("You took too long to log in")
      }
      try requireActiveAccount()
      do {
        try await serveOne()
      } catch is AlreadyAnswered {}
      try await send()
    }
  }

  /// An account that leaves the configuration loses its sessions at their next command.
  func requireActiveAccount() throws {
    guard state.phase != .notAuthenticated, services.configuration().account(account) == nil else { return }
    throw SessionEnd.bye("The account is no longer active")
  }

  private func sayGoodbye(_ error: any Error) async {
    let goodbye: (text: String, code: String?)? =
      switch error {
      case SessionEnd.bye(let text, let code): (text, code)
      case SessionEnd.silent: nil
      case ConnectionError.timedOut: ("Nothing was heard for too long", nil)
      case ConnectionError.shuttingDown: ("The server is shutting down, connect again in a moment", "UNAVAILABLE")
      case ConnectionError.endlessLine: ("The command line is too long", nil)
      case is ConnectionError, is CancellationError: nil
      default: ("Something went wrong inside the server", "SERVERBUG")
      }
    if !(error is SessionEnd), !(error is ConnectionError), !(error is CancellationError) {
      log.error("A session ended because of an error: \(error)")
    }
    guard let goodbye else { return }
    writer.bye(goodbye.text, code: goodbye.code)
    // The client may be gone; then nobody needs to hear it.
    try? await send()
  }

  // MARK: Commands

  private enum Received {
    case command(CommandHead, Scanner)
    case append(CommandHead, AppendRequest)
    case refused(tag: [UInt8]?, Completion)
  }

  private func serveOne() async throws {
    let completion: Completion
    switch try await receive() {
    case .refused(let tag, let refusal):
      return try conclude(tag, refusal, entry: nil)
    case .append(let head, let request):
      tag = head.tag
      completion = try await attempt { try await self.append(request) }
      try await reportUpdates(expunging: true)
      try conclude(head.tag, completion, entry: head.entry)
    case .command(let head, var scanner):
      tag = head.tag
      let command: any SessionCommand
      do throws(SyntaxError) {
        command = try head.entry.parse(&scanner, state)
      } catch {
        return try conclude(head.tag, Completion(error), entry: nil)
      }
      completion = try await attempt { try await command.run(in: self) }
      try await reportUpdates(expunging: head.entry.allowsExpunge)
      try conclude(head.tag, completion, entry: head.entry)
    }
  }

  private func conclude(_ tag: [UInt8]?, _ completion: Completion, entry: CommandEntry?) throws {
    if let tag { writer.tagged(tag, completion) } else { writer.untagged(completion) }
    guard completion.kind == .bad else {
      state.badCommands = 0
      return
    }
    state.badCommands += 1
    let limit =
      state.phase == .notAuthenticated ? services.limits.badCommandsBeforeLogin : services.limits.badCommands
    if state.badCommands >= limit { throw SessionEnd.bye("Too many commands could not be understood") }
  }

  /// Carries something out and turns what the store and the mail flow refuse into a reply.
  private func attempt(_ work: () async throws -> Completion) async throws -> Completion {
    do {
      return try await work()
    } catch let completion as Refusal {
      return completion.completion
    } catch {
      guard let completion = Completion(refusing: error) else { throw error }
      if completion.code == "SERVERBUG" { log.error("A command failed: \(error)") }
      return completion
    }
  }

  // MARK: Reading

  private func receive() async throws -> Received {
    let limits = services.limits
    let isLoggedIn = state.phase != .notAuthenticated
    var reader = CommandReader(state, limits)
    while true {
      let line = try await nextLine(
        limit: reader.nextLineLimit, within: isLoggedIn ? limits.inactivity : limits.inactivityBeforeLogin)
      switch reader.takeLine(line) {
      case .complete(let head, let scanner): return .command(head, scanner)
      case .message(let head, let request): return .append(head, request)
      case .literal(let literal):
        if literal.isSynchronising { try await sendContinuation("Ready for the literal") }
        reader.takeLiteral(try await literalOctets(literal.size))
      case .refused(let tag, let completion, let discarding):
        try await discard(discarding)
        return .refused(tag: tag, completion)
      }
    }
  }

  /// The next line. A line that is too long ends the session: what it announced at its end is not known, and must not
  /// be taken for commands.
  func nextLine(limit: Int, within: Duration) async throws -> [UInt8] {
    guard let line = try await stream.line(limit: limit, within: within) else { throw SessionEnd.silent }
    guard line.ending != .tooLong else { throw SessionEnd.bye("The command line is too long", code: "TOOBIG") }
    return line.bytes
  }

  func literalOctets(_ size: Int) async throws -> [UInt8] {
    var octets: [UInt8] = []
    octets.reserveCapacity(size)
    while octets.count < size {
      let count = try await stream.content(upTo: size - octets.count, within: services.limits.literalPause) {
        octets.append(contentsOf: $0)
      }
      guard count > 0 else { throw SessionEnd.silent }
    }
    return octets
  }

  /// Throws away the rest of a refused command (RFC 7888 §4).
  func discard(_ announcement: LiteralAnnouncement?) async throws {
    var next = announcement
    var left = services.limits.discardedLiteral
    while let literal = next {
      guard literal.size <= left else { throw SessionEnd.bye("The literal is too long", code: "TOOBIG") }
      left -= literal.size
      try await skip(literal.size)
      let line = try await nextLine(limit: services.limits.line, within: services.limits.literalPause)
      next = CommandReader.skips(line)
    }
  }

  func skip(_ size: Int) async throws {
    var rest = size
    while rest > 0 {
      let count = try await stream.content(upTo: min(rest, 65_536), within: services.limits.literalPause) { _ in }
      guard count > 0 else { throw SessionEnd.silent }
      rest -= count
    }
  }

  // MARK: Writing

  func sendContinuation(_ text: String) async throws {
    writer.raw("+ ")
    writer.text(text)
    writer.endLine()
    try await send()
  }

  /// Hands what was written to the connection, which sends it when the session waits for the client.
  func send() async throws {
    guard !writer.octets.isEmpty else { return }
    let octets = writer.octets
    writer = ResponseWriter(state.dialect)
    try await stream.write(octets)
  }

  /// The same for octets that were written elsewhere, behind what was written here.
  func send(_ octets: [UInt8]) async throws {
    try await send()
    try await stream.write(octets)
  }

  /// Goes on in the dialect that the client has enabled.
  func changeDialect() async throws {
    try await send()
    writer = ResponseWriter(state.dialect)
  }

  /// The same once enough has come together. Waits when the client does not take it.
  func sendIfMuch() async throws {
    if writer.octets.count >= Self.gathered { try await send() }
  }

  // MARK: Capabilities

  var loginSession: LoginSession {
    LoginSession(
      peer: stream.peerAddress, isEncrypted: stream.isEncrypted, service: "imap")
  }

  var capabilities: [String] {
    let isAuthenticated = state.phase != .notAuthenticated
    return Capabilities.list(
      isAuthenticated: isAuthenticated,
      mechanisms: isAuthenticated ? [] : services.authenticator.mechanisms(for: loginSession),
      offersTLS: stream.canStartTLS, appendLimit: services.appendLimit)
  }

  var capabilityCode: String { "CAPABILITY " + capabilities.joined(separator: " ") }
}

/// A reply thrown from the depth of a command.
struct Refusal: Error {
  let completion: Completion
  init(_ completion: Completion) { self.completion = completion }
}
