internal import Accounts
internal import Configuration
internal import Logging
internal import MailFlow
internal import Network
internal import Platform
internal import SMTP

/// One client's session: reads, asks the machine, carries its actions out.
///
/// A value that belongs to one task.
struct Session {
  let reception: Reception
  let connection: Connection
  var machine: ServerMachine
  var facts: ReceptionSession
  var terms: SessionTerms
  var transaction: Transaction?
  var exchange: SASLExchange?
  var replies: ReplyWatch
  let log: Logger

  init(_ reception: Reception, _ connection: Connection) {
    self.reception = reception
    self.connection = connection
    let configuration = reception.configuration()
    facts = ReceptionSession(
      service: reception.service, peer: connection.peer?.address, number: connection.number, tls: connection.tls,
      configuration: configuration)
    // Until the policy has spoken: nothing is allowed.
    terms = SessionTerms(
      origin: .mx, requiresAuthentication: true, discipline: .strict,
      replyDeadline: configuration.limits.replyDeadline)
    machine = ServerMachine(
      settings: ServerSettings(
        service: reception.service == .smtp ? .transfer : .submission, hostname: configuration.hostname,
        sizeLimit: configuration.limits.messageSize, recipientLimit: configuration.limits.recipients,
        offersTLS: reception.tls != nil),
      isEncrypted: connection.tls != nil)
    replies = ReplyWatch(reception.flow)
    var log = reception.log
    log[metadataKey: "connection"] = "\(connection.number)"
    log[metadataKey: "peer"] = "\(connection.peer?.address.description ?? "local")"
    self.log = log
  }

  /// From the greeting to the end.
  mutating func run() async {
    if connection.peer == nil, let user = await connection.peerCredentials()?.user {
      facts.localUser = Machine.userName(user) ?? "\(user)"
    }
    do {
      if try await greet() { try await obey() }
    } catch {
      await sayGoodbye(because: error)
    }
    transaction?.abandon()
    transaction = nil
    let ending = await connection.close()
    replies.connectionEnded(ending)
    log.debug("session ended")
  }

  // MARK: The loop

  /// - Returns: false if the client was turned away.
  private mutating func greet() async throws -> Bool {
    switch await reception.policy.connect(facts) {
    case .refuse(let answer):
      trace(.connect, Reply(answer))
      try await turnAway(Reply(answer).withoutEnhancedCode)
      return false
    case .accept(let terms):
      adopt(terms)
      try await say(machine.banner)
      return true
    }
  }

  /// Who is not served is told so, and may say QUIT; everything else is out of order (RFC 5321 §3.1).
  private func turnAway(_ reply: Reply) async throws {
    try await say(reply)
    guard reply.code != 421 else { return }
    for _ in 0..<Session.lastWords {
      guard let line = try await connection.line(limit: 512, within: reception.timeLimits.nextCommand) else { return }
      let verb = String(decoding: line.bytes.prefix(4), as: UTF8.self).uppercased()
      guard verb != "QUIT" else { return try await say(Reply(221, "2.0.0", "\(machine.settings.hostname) closing")) }
      try await say(Reply(503, "5.5.1", "No service for you here"))
    }
  }

  /// Commands that somebody who is not served may send before the connection is closed.
  private static let lastWords = 10

  private mutating func obey() async throws {
    while let line = try await nextLine() {
      let action: ServerMachine.Action
      switch line.ending {
      case .tooLong: action = machine.receiveOverlongLine()
      case .crlf: action = machine.receive(line.bytes[...])
      case .lf: action = machine.receive(line.bytes[...], endsWithCRLF: false)
      }
      guard try await carryOut(action) else { return }
    }
  }

  private mutating func nextLine() async throws -> Line? {
    let line = try await connection.line(limit: machine.lineLimit - 2, within: reception.timeLimits.nextCommand)
    if line != nil, replies.isWaiting { replies.wentOn(await connection.currentEnding()) }
    return line
  }

  /// - Returns: false when the session is over.
  mutating func carryOut(_ action: ServerMachine.Action) async throws -> Bool {
    switch action {
    case .reply(let reply):
      try await say(reply)
    case .close(let reply):
      log.debug("closing with \(reply)")
      if reply.code != 221 { trace(.session, reply) }
      try await say(reply)
      return false
    case .reset(let reply):
      forgetTransaction()
      try await say(reply)
    case .hello(let command):
      return try await hello(command)
    case .startTLS(let reply):
      try await startTLS(reply)
    case .authenticate(let mechanism, let initial):
      return try await beginAuthentication(mechanism, initial)
    case .continueAuthentication(let response):
      return try await continueAuthentication(response)
    case .abandonAuthentication(let reply):
      exchange = nil
      try await say(reply)
    case .mail(let command):
      return try await mail(command)
    case .recipient(let command):
      return try await recipient(command)
    case .data:
      return try await data()
    case .chunk(let command):
      return try await chunk(command)
    }
    return true
  }

  func say(_ reply: Reply) async throws {
    try await connection.write(reply.encoded())
  }

  // MARK: EHLO and STARTTLS

  private mutating func hello(_ command: HelloCommand) async throws -> Bool {
    forgetTransaction()
    let before = facts.helo
    facts.helo = command.name
    let refusal = await reception.policy.hello(facts).map { Reply($0) }
    if let refusal {
      facts.helo = before
      trace(.hello, refusal)
    }
    return try await carryOut(machine.helloAnswered(refusal: refusal))
  }

  /// The reply and the handshake go together: whatever the client sent in between is dropped by the connection.
  private mutating func startTLS(_ reply: Reply) async throws {
    guard let contexts = reception.tls else { return try await say(Reply(454, "4.7.0", "TLS is not available")) }
    forgetTransaction()
    let started = try await connection.startTLS(contexts, goAhead: reply.encoded())
    if started.injected > 0 {
      log.notice("\(started.injected) octets came in plain text behind STARTTLS and were dropped")
    }
    machine.tlsStarted()
    facts.tls = started.session
    facts.helo = ""
    // Nothing learned in plain text counts (RFC 3207 §4.2); a device stays the device that it is by its address.
    facts.isAuthenticated = false
    facts.account = terms.account
    adopt(terms)
  }

  // MARK: Terms

  /// Makes the machine enforce what the policy granted.
  mutating func adopt(_ terms: SessionTerms) {
    self.terms = terms
    facts.device = terms.device
    if !facts.isAuthenticated { facts.account = terms.account }
    machine.settings.requiresAuthentication = terms.requiresAuthentication && !facts.isAuthenticated
    machine.settings.isLenient = terms.isLenient
    machine.settings.mechanisms = loginSession.flatMap { reception.authenticator?.mechanisms(for: $0) } ?? []
    machine.settings.allowsPlaintextPasswords =
      facts.peer.map { facts.configuration.allowsPlaintextPassword(from: $0) } ?? false
  }

  /// `nil` for a local socket: guesses could not be counted by address, so nobody authenticates there.
  var loginSession: LoginSession? {
    facts.peer.map {
      LoginSession(peer: $0, isEncrypted: machine.isEncrypted, service: reception.service.rawValue)
    }
  }

  mutating func forgetTransaction() {
    transaction?.abandon()
    transaction = nil
  }

  // MARK: The end

  /// What can still be said is said; a connection that is gone hears nothing.
  private mutating func sayGoodbye(because error: any Error) async {
    let reply: Reply?
    switch error {
    case ConnectionError.timedOut: reply = Reply(421, "4.4.2", "\(machine.settings.hostname) You took too long")
    case ConnectionError.shuttingDown:
      reply = Reply(421, "4.3.2", "\(machine.settings.hostname) Service is shutting down, try again later")
    case is CancellationError: reply = Reply(421, "4.3.2", "\(machine.settings.hostname) Service is shutting down")
    case ConnectionError.endlessLine: reply = Reply(421, "4.7.0", "\(machine.settings.hostname) Line too long")
    case SessionError.silent: reply = nil
    default: reply = nil
    }
    log.debug("session ends: \(error)")
    guard let reply else { return }
    // The client is still there, only silent: what it has acknowledged counts as read.
    if replies.isWaiting { replies.wentOn(await connection.currentEnding()) }
    try? await say(reply)
  }
}

/// Why a session ends in the middle of something, beside the connection's own reasons.
enum SessionError: Error, CustomStringConvertible {
  /// The connection must be closed without a word: nobody knows what is on disk.
  case silent
  /// The client ended its side in the middle of content.
  case contentBroken

  var description: String {
    switch self {
    case .silent: "the outcome of a message is unknown"
    case .contentBroken: "the client ended its side within a message"
    }
  }
}
