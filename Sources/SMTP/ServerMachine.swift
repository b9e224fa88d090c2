internal import Message

/// The receiving side of an SMTP session, as a value: command lines in, ``Action``s out.
///
/// Where an action asks (``Action/hello(_:)``, ``Action/mail(_:)``, ``Action/recipient(_:)``, ``Action/data``,
/// ``Action/chunk(_:)``, ``Action/authenticate(mechanism:initial:)``), the driver finds the answer and hands it to
/// the function named at the case; what that returns is what the client hears. One question is open at a time.
public struct ServerMachine: Sendable {
  /// What the driver is to do next.
  public enum Action: Sendable, Equatable {
    case reply(Reply)
    /// Reply, then close the connection without reading on.
    case close(Reply)
    /// The client said who it is; answer with ``ServerMachine/helloAnswered(refusal:)``.
    case hello(HelloCommand)
    /// Send the reply, drop whatever has been read ahead, shake hands, then call ``ServerMachine/tlsStarted()``.
    case startTLS(Reply)
    /// Begin the mechanism; answer with one of ``ServerMachine/authenticationChallenge(_:)``,
    /// ``ServerMachine/authenticationAccepted()``, ``ServerMachine/authenticationRefused(_:)``.
    case authenticate(mechanism: String, initial: [UInt8]?)
    /// The client's next response within the exchange; answered in the same way.
    case continueAuthentication([UInt8])
    /// The client gave up, or could not be understood: forget the exchange, send the reply.
    case abandonAuthentication(Reply)
    /// Answer with ``ServerMachine/mailAnswered(refusal:)``.
    case mail(MailCommand)
    /// Answer with ``ServerMachine/recipientAnswered(_:)``.
    case recipient(RecipientCommand)
    /// Make ready for content; answer with ``ServerMachine/dataAnswered(refusal:)``, and after the content with
    /// ``ServerMachine/contentFinished(_:)``.
    case data
    /// Read the chunk, then ``ServerMachine/chunkFinished(refusal:)``, or after the last one
    /// ``ServerMachine/contentFinished(_:)``. A chunk with a refusal is read and dropped, and the refusal sent.
    case chunk(ChunkCommand)
    /// RSET: forget the transaction, send the reply.
    case reset(Reply)
  }

  /// What became of a recipient.
  public enum RecipientAnswer: Sendable {
    /// `nil`: the usual 250.
    case accepted(Reply?)
    case refused(Reply)
    /// Refused because there is no such recipient: this is counted.
    case unknown(Reply)
  }

  /// Where the session stands.
  enum Phase: Hashable, Sendable {
    /// Before EHLO or HELO, and again after STARTTLS.
    case start
    case greeted
    case authenticating
    /// After MAIL.
    case mail
    /// Between DATA and the reply to its content.
    case data
    /// After a first BDAT and before its last.
    case chunks
    /// After a BDAT that failed: only a reset helps (RFC 3030 §2).
    case chunksFailed
    case closed
  }

  public var settings: ServerSettings
  /// TLS is in use.
  public private(set) var isEncrypted: Bool
  public private(set) var isAuthenticated = false
  /// What the client called itself; `nil` before EHLO or HELO.
  public private(set) var hello: HelloCommand?
  /// The client sent SMTPUTF8 with the MAIL of this transaction.
  public private(set) var isInternationalized = false

  var phase = Phase.start
  /// Recipients accepted in this transaction, and whether any was named at all.
  var accepted = 0
  var named = false
  var transactions = 0
  private var unknownRecipients = 0
  private var errors = 0
  private var authenticationFailures = 0
  private var pendingHello: HelloCommand?

  /// - Parameter isEncrypted: TLS came first (port 465).
  public init(settings: ServerSettings, isEncrypted: Bool) {
    self.settings = settings
    self.isEncrypted = isEncrypted
  }

  /// The greeting. It has no enhanced code (RFC 2034 §4).
  public var banner: Reply { Reply(220, nil, "\(settings.hostname) ESMTP Postroom") }

  /// How long the next line may be, CRLF included.
  public var lineLimit: Int {
    settings.service == .submission && !isAuthenticated && phase != .mail
      ? ProtocolLimits.authenticationLine : ProtocolLimits.commandLine
  }

  /// Whether a mail transaction is open.
  public var isInTransaction: Bool { [.mail, .data, .chunks, .chunksFailed].contains(phase) }

  /// STARTTLS is offered now.
  var offersTLS: Bool { settings.offersTLS && !isEncrypted }

  /// AUTH may be used now: never on port 25, and not where a password would be readable on the wire.
  var offersAuthentication: Bool {
    settings.service == .submission && !settings.mechanisms.isEmpty
      && (isEncrypted || settings.allowsPlaintextPasswords)
  }

  // MARK: Input

  /// A command line, or a response within an authentication, without its line end.
  ///
  /// - Parameter endsWithCRLF: false if a bare LF ended it.
  public mutating func receive(_ line: ArraySlice<UInt8>, endsWithCRLF: Bool = true) -> Action {
    guard phase != .closed else { return .close(ServerMachine.closing(settings.hostname)) }
    guard endsWithCRLF || settings.isLenient, !line.contains(0x0a) else {
      return failure(Reply(500, "5.5.2", "A command line ends with CRLF, and only with CRLF"))
    }
    if phase == .authenticating { return receiveAuthentication(line) }
    return dispatch(line)
  }

  /// A line was longer than ``lineLimit``; it has been consumed (RFC 5321 §4.5.3.1.9).
  public mutating func receiveOverlongLine() -> Action {
    if phase == .authenticating {
      phase = .greeted
      // RFC 4954: an exchange that is too long.
      let action = failure(Reply(500, "5.5.6", "Authentication exchange line is too long"))
      if case .reply(let reply) = action { return .abandonAuthentication(reply) }
      return action
    }
    return failure(Reply(500, "5.5.2", "Line too long"))
  }

  // MARK: Answers of the driver

  /// - Parameter refusal: why the client may not go on; `nil` greets it.
  public mutating func helloAnswered(refusal: Reply?) -> Action {
    guard let said = pendingHello else { return .reply(ServerMachine.outOfOrder) }
    pendingHello = nil
    // A refused EHLO leaves the state as it was (RFC 5321 §4.1.4).
    if let refusal { return refusal.code == 421 ? close(refusal) : .reply(refusal) }
    hello = said
    phase = .greeted
    endTransaction()
    guard said.isExtended else { return .reply(Reply(250, nil, settings.hostname)) }
    return .reply(Reply(250, nil, ["\(settings.hostname) greets \(said.name)"] + keywords))
  }

  /// The handshake is done: everything the client said before is forgotten (RFC 3207 §4.2).
  public mutating func tlsStarted() {
    isEncrypted = true
    isAuthenticated = false
    hello = nil
    phase = .start
    endTransaction()
  }

  /// Sends the mechanism's challenge.
  public mutating func authenticationChallenge(_ challenge: [UInt8]) -> Reply {
    Reply(334, nil, String(decoding: Base64.encode(challenge), as: UTF8.self))
  }

  public mutating func authenticationAccepted() -> Reply {
    phase = .greeted
    isAuthenticated = true
    return Reply(235, "2.7.0", "Authentication succeeded")
  }

  /// - Parameter reply: `nil` says 535 (wrong name or password); otherwise such as 454 4.7.0.
  public mutating func authenticationRefused(_ reply: Reply? = nil) -> Action {
    phase = .greeted
    authenticationFailures += 1
    guard authenticationFailures < settings.authenticationFailureLimit else {
      return close(Reply(421, "4.7.0", "Too many failed authentications"))
    }
    let said = reply ?? Reply(535, "5.7.8", "Authentication credentials invalid")
    return said.code == 421 ? close(said) : .reply(said)
  }

  public mutating func mailAnswered(refusal: Reply?) -> Action {
    if let refusal {
      endTransaction()
      if phase == .mail { phase = .greeted }
      return refusal.code == 421 ? close(refusal) : .reply(refusal)
    }
    transactions += 1
    return .reply(Reply(250, "2.1.0", "Sender OK"))
  }

  public mutating func recipientAnswered(_ answer: RecipientAnswer) -> Action {
    switch answer {
    case .accepted(let reply):
      accepted += 1
      return .reply(reply ?? Reply(250, "2.1.5", "Recipient OK"))
    case .refused(let reply):
      return reply.code == 421 ? close(reply) : .reply(reply)
    case .unknown(let reply):
      unknownRecipients += 1
      guard unknownRecipients < settings.unknownRecipientLimit else {
        return close(Reply(421, "4.7.0", "Too many recipients that do not exist"))
      }
      return .reply(reply)
    }
  }

  /// - Parameter refusal: why no content can be taken now; the transaction is over then.
  public mutating func dataAnswered(refusal: Reply?) -> Action {
    if let refusal {
      endTransaction()
      return refusal.code == 421 ? close(refusal) : .reply(refusal)
    }
    return .reply(Reply(354, nil, "Start mail input; end with <CRLF>.<CRLF>"))
  }

  /// A chunk that was not the last has been read.
  public mutating func chunkFinished(_ chunk: ChunkCommand, refusal: Reply? = nil) -> Action {
    if let refusal {
      if phase == .chunks { phase = .chunksFailed }
      return refusal.code == 421 ? close(refusal) : .reply(refusal)
    }
    return .reply(Reply(250, "2.0.0", "\(chunk.size) octets received"))
  }

  /// The content has been dealt with: the transaction is over (RFC 5321 §4.1.1.4).
  ///
  /// - Parameter thenClose: nothing that the client pipelined behind this content may be obeyed.
  public mutating func contentFinished(_ reply: Reply, thenClose: Bool = false) -> Action {
    endTransaction()
    return thenClose || reply.code == 421 ? close(reply) : .reply(reply)
  }

  /// The service is shutting down, or the client was silent for too long.
  public mutating func close(_ reply: Reply) -> Action {
    phase = .closed
    return .close(reply)
  }

  // MARK: Common to the commands

  static let outOfOrder = Reply(503, "5.5.1", "Bad sequence of commands")

  static func closing(_ hostname: String) -> Reply {
    Reply(221, "2.0.0", "\(hostname) closing connection")
  }

  /// A mistake of the client: counted, and after too many the session ends.
  mutating func failure(_ reply: Reply) -> Action {
    errors += 1
    guard errors < settings.errorLimit else { return close(Reply(421, "4.7.0", "Too many errors")) }
    return .reply(reply)
  }

  mutating func greet(_ said: HelloCommand) -> Action {
    pendingHello = said
    return .hello(said)
  }

  mutating func begin(_ mail: MailCommand) -> Action {
    phase = .mail
    accepted = 0
    named = false
    isInternationalized = mail.smtputf8
    return .mail(mail)
  }

  mutating func endTransaction() {
    if isInTransaction { phase = .greeted }
    accepted = 0
    named = false
    isInternationalized = false
  }

  /// The reply to EHLO: what this server does, here and now, for this client (RFC 5321 §4.1.1.1).
  private var keywords: [String] {
    var lines = ["PIPELINING", "SIZE \(settings.sizeLimit)", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN"]
    lines += ["ENHANCEDSTATUSCODES", "LIMITS RCPTMAX=\(settings.recipientLimit) MAILMAX=\(settings.transactionLimit)"]
    if offersTLS { lines.append("STARTTLS") }
    // RFC 8689 §2: what it promises begins with this session.
    if isEncrypted { lines.append("REQUIRETLS") }
    if offersAuthentication, !isAuthenticated {
      lines.append("AUTH " + settings.mechanisms.joined(separator: " "))
    }
    lines.append("HELP")
    return lines
  }
}
