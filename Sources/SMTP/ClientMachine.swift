internal import Message

/// The sending side of an SMTP session, as a value: reply lines in, ``Action``s out, to be carried out in their order.
///
///     greeting ─▶ EHLO (HELO) ─▶ [STARTTLS ─▶ EHLO] ─▶ [AUTH] ─▶ ready ─▶ MAIL, RCPT…, DATA or BDAT ─▶ ready
///                                                                 └─▶ QUIT
///
/// The driver connects (through TLS or not), hands in each line that it reads, and waits no longer than ``timeLimit``.
public struct ClientMachine: Sendable {
  public enum TLSPolicy: Sendable, Equatable {
    /// STARTTLS is not used.
    case never
    /// STARTTLS is used where it is offered and works.
    case opportunistic
    /// No mail without TLS.
    case required
  }

  public struct Settings: Sendable {
    /// Our host name, for EHLO.
    public var name: String
    public var tls: TLSPolicy
    /// The session is of no use without REQUIRETLS (RFC 8689 §4.2.1).
    public var demandsRequireTLS = false
    /// `nil`: no authentication.
    public var credentials: Credentials?
    /// Credentials may be used without TLS. Only for a peer on this machine.
    public var allowsPlaintextAuthentication = false
    /// SCRAM's nonce: random, printable, without a comma. New for each session.
    public var nonce: [UInt8]
    /// BDAT where it is offered. Otherwise DATA, which every server has practised.
    public var prefersChunking = false
    public var timeLimits = TimeLimits.standard

    public init(name: String, tls: TLSPolicy, credentials: Credentials? = nil, nonce: [UInt8] = []) {
      self.name = name
      self.tls = tls
      self.credentials = credentials
      self.nonce = nonce
    }
  }

  /// Why a session cannot go on.
  public enum Failure: Sendable, Equatable, CustomStringConvertible {
    /// The server said no to the session: at the greeting, EHLO, STARTTLS or AUTH.
    case refused(Reply, to: String)
    /// The server does not offer what we insist on, as a sentence.
    case unsuitable(String)
    /// The server does not speak SMTP, as a sentence.
    case protocolViolation(String)

    public var description: String {
      switch self {
      case .refused(let reply, let command): "the server answered \(command) with \(reply)"
      case .unsuitable(let sentence), .protocolViolation(let sentence): sentence
      }
    }
  }

  public enum Action: Sendable, Equatable {
    case send([UInt8])
    /// Shake hands, dropping whatever was read ahead, then ``ClientMachine/tlsEstablished()``.
    case startTLS
    /// Do the derivation, then ``ClientMachine/keyDerived(_:)``.
    case derive(KeyDerivation)
    /// The session is open: ``ClientMachine/begin(_:)``, or ``ClientMachine/quit()``.
    case ready(Extensions)
    /// Send the content in the way that is named, its end included, then ``ClientMachine/contentSent()``.
    case sendContent(ContentTransfer)
    /// The transaction is over; ``ready(_:)`` or ``failed(_:)`` follows.
    case finished(TransactionOutcome)
    /// The session is over for a reason; close the connection.
    case failed(Failure)
    /// The session is over after QUIT; close the connection.
    case close
  }

  /// What the next reply answers.
  enum Expectation: Sendable, Equatable {
    case greeting, ehlo, helo, startTLS, authentication, mail, recipient(Int), data, content, chunk, reset, quit
  }

  public let settings: Settings
  public private(set) var isEncrypted: Bool
  public private(set) var isAuthenticated = false
  /// What the server announced last.
  public private(set) var extensions = Extensions()
  /// The end of the content has been sent and not been answered: a lost connection now is ``RecipientResult/uncertain(_:)``.
  public var isUncertain: Bool { expected.contains(.content) }
  /// What ends content that goes out as ``ContentTransfer/chunks``.
  public static let lastChunk = Array("BDAT 0 LAST\r\n".utf8)

  var expected: [Expectation] = [.greeting]
  var transaction: ClientTransaction?
  /// What is settled about each recipient; acceptance at RCPT settles nothing.
  var results: [RecipientResult?] = []
  /// The recipients that were accepted at RCPT.
  var accepted: Set<Int> = []
  /// The next recipient to be named.
  var nextRecipient = 0
  /// The refusal of MAIL or of a chunk: it holds for the whole message.
  var refusal: Reply?
  private var parser = ReplyParser()
  private var authentication: ClientAuthentication?
  private var isOver = false
  private var isExtended = false

  /// - Parameter isEncrypted: the connection began with TLS.
  public init(settings: Settings, isEncrypted: Bool = false) {
    self.settings = settings
    self.isEncrypted = isEncrypted
  }

  /// How long to wait for the next reply (RFC 5321 §4.5.3.2).
  public var timeLimit: Duration {
    switch expected.first {
    case .greeting: settings.timeLimits.greeting
    case .mail: settings.timeLimits.mail
    case .recipient: settings.timeLimits.recipient
    case .data: settings.timeLimits.dataStart
    case .content, .chunk: settings.timeLimits.dataEnd
    case .quit: settings.timeLimits.quit
    default: settings.timeLimits.command
    }
  }

  // MARK: Events

  /// A line of the server without its line end.
  public mutating func receive(_ line: ArraySlice<UInt8>) -> [Action] {
    guard !isOver else { return [] }
    do throws(ReplyError) {
      guard let reply = try parser.receive(line) else { return [] }
      return receive(reply)
    } catch {
      return fail(.protocolViolation(error.description))
    }
  }

  /// The handshake of ``Action/startTLS`` succeeded: what was announced before counts no more (RFC 3207 §4.2).
  public mutating func tlsEstablished() -> [Action] {
    isEncrypted = true
    extensions = Extensions()
    parser = ReplyParser()
    return sayHello()
  }

  public mutating func keyDerived(_ saltedPassword: [UInt8]) -> [Action] {
    guard var exchange = authentication else { return [] }
    let step = exchange.derived(saltedPassword)
    authentication = exchange
    return authenticate(step)
  }

  /// Ends an open session politely.
  public mutating func quit() -> [Action] {
    guard !isOver else { return [.close] }
    expected.append(.quit)
    return [.send(Array("QUIT\r\n".utf8))]
  }

  /// The connection ended. What became of the transaction that was open, if any.
  ///
  /// - Parameter reason: as a phrase: `the connection was reset`, `no reply within 10 minutes`.
  public mutating func connectionLost(_ reason: String) -> TransactionOutcome? {
    isOver = true
    guard let transaction else { return nil }
    let unanswered: RecipientResult = isUncertain ? .uncertain(reason) : .lost(reason)
    self.transaction = nil
    return TransactionOutcome(
      results: transaction.recipients.indices.map { results[$0] ?? unanswered }, serverHasDSN: extensions.dsn)
  }

  // MARK: Replies

  private mutating func receive(_ reply: Reply) -> [Action] {
    guard let expectation = expected.first else {
      // Only 421 may come unasked (RFC 5321 §3.8).
      return fail(
        reply.code == 421 ? .refused(reply, to: "nothing") : .protocolViolation("the server sent a reply to nothing"))
    }
    expected.removeFirst()
    switch expectation {
    case .greeting: return greeted(reply)
    case .ehlo: return helloAnswered(reply)
    case .helo:
      guard reply.isPositive else { return fail(.refused(reply, to: "HELO")) }
      return opened()
    case .startTLS: return startTLSAnswered(reply)
    case .authentication: return authenticationAnswered(reply)
    case .quit:
      isOver = true
      return [.close]
    default:
      return transactionAnswered(expectation, reply)
    }
  }

  private mutating func greeted(_ reply: Reply) -> [Action] {
    guard reply.code == 220 else { return fail(.refused(reply, to: "the connection")) }
    return sayHello()
  }

  private mutating func sayHello() -> [Action] {
    expected.append(.ehlo)
    return [.send(Array("EHLO \(settings.name)\r\n".utf8))]
  }

  private mutating func helloAnswered(_ reply: Reply) -> [Action] {
    if reply.isPositive {
      isExtended = true
      extensions = Extensions(reply)
      return opened()
    }
    // RFC 5321 §3.2: an old server does not know EHLO.
    guard reply.isPermanentFailure else { return fail(.refused(reply, to: "EHLO")) }
    extensions = Extensions()
    expected.append(.helo)
    return [.send(Array("HELO \(settings.name)\r\n".utf8))]
  }

  /// After EHLO or HELO: TLS first, then authentication, then mail.
  private mutating func opened() -> [Action] {
    if !isEncrypted, settings.tls != .never {
      if extensions.startTLS {
        expected.append(.startTLS)
        return [.send(Array("STARTTLS\r\n".utf8))]
      }
      if settings.tls == .required { return fail(.unsuitable("the server does not offer STARTTLS, which is required")) }
    }
    return secured()
  }

  private mutating func startTLSAnswered(_ reply: Reply) -> [Action] {
    if reply.code == 220 { return [.startTLS] }
    guard settings.tls == .opportunistic, reply.code != 421 else { return fail(.refused(reply, to: "STARTTLS")) }
    return secured()
  }

  private mutating func secured() -> [Action] {
    guard !settings.demandsRequireTLS || (isEncrypted && extensions.requireTLS) else {
      return fail(.unsuitable("the server does not offer REQUIRETLS, which is required"))
    }
    guard let credentials = settings.credentials, !isAuthenticated else { return [.ready(extensions)] }
    guard isEncrypted || settings.allowsPlaintextAuthentication else {
      return fail(.unsuitable("the password may not be sent without TLS"))
    }
    guard
      let exchange = ClientAuthentication(
        offered: extensions.mechanisms, credentials: credentials, nonce: settings.nonce)
    else {
      return fail(.unsuitable("the server offers none of SCRAM-SHA-256, PLAIN and LOGIN"))
    }
    authentication = exchange
    expected.append(.authentication)
    var line = Array("AUTH \(exchange.mechanism)".utf8)
    if let initial = exchange.initialResponse { line += [0x20] + (initial.isEmpty ? [0x3d] : Base64.encode(initial)) }
    return [.send(line + [0x0d, 0x0a])]
  }

  private mutating func authenticationAnswered(_ reply: Reply) -> [Action] {
    guard var exchange = authentication else { return fail(.protocolViolation("the server sent a reply to nothing")) }
    if reply.code == 334 {
      guard let challenge = Base64.decode(Array((reply.lines.first ?? "").utf8)) else {
        return cancelAuthentication("the server's challenge is not base64")
      }
      let step = exchange.receive(challenge)
      authentication = exchange
      return authenticate(step)
    }
    authentication = nil
    guard reply.isPositive else { return fail(.refused(reply, to: "AUTH")) }
    guard exchange.isComplete else {
      return fail(.protocolViolation("the server accepted the password without proving that it knows it"))
    }
    isAuthenticated = true
    return [.ready(extensions)]
  }

  private mutating func authenticate(_ step: ClientAuthentication.Step) -> [Action] {
    switch step {
    case .respond(let bytes):
      expected.append(.authentication)
      return [.send(Base64.encode(bytes) + [0x0d, 0x0a])]
    case .derive(let derivation):
      return [.derive(derivation)]
    case .fail(let sentence):
      return cancelAuthentication(sentence)
    }
  }

  private mutating func cancelAuthentication(_ sentence: String) -> [Action] {
    [.send(Array("*\r\n".utf8))] + fail(.protocolViolation(sentence))
  }

  /// Ends the session; what was under way gets its outcome first.
  mutating func fail(_ failure: Failure) -> [Action] {
    var actions: [Action] = []
    if let outcome = outcomeAtEnd(failure) { actions.append(.finished(outcome)) }
    isOver = true
    return actions + [.failed(failure)]
  }

  private mutating func outcomeAtEnd(_ failure: Failure) -> TransactionOutcome? {
    guard case .refused(let reply, _) = failure, transaction != nil else {
      return connectionLost(failure.description)
    }
    for index in results.indices where results[index] == nil { results[index] = .refused(reply) }
    return connectionLost(failure.description)
  }
}
