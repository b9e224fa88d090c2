public import Configuration
public import Logging
import Message
public import Platform

/// Decides whether someone is who they say.
///
/// One is shared by all services of an appliance. It never blocks its caller's thread: passwords are hashed on a few
/// threads of its own behind a bounded queue (``HashingThreads``), and those who guess wait asleep (``GuessThrottle``).
/// A name that is no account goes the same way as one that is: it has a salt that is always the same, it costs the same
/// hash, and it hears the same words.
public final class Authenticator: Sendable {
  private let configuration: @Sendable () -> Configuration
  private let secrets: any SecretStore
  private let clock: Clock
  private let random: @Sendable (Int) -> [UInt8]
  private let sleep: @Sendable (Duration) async throws -> Void
  private let logger: Logger

  let threads: HashingThreads
  let throttle = GuessThrottle()
  private let cache: VerificationCache
  private let logins: LoginPlaces
  private let impostors: Impostors
  private let refusals = RefusalCount()

  /// - Parameters:
  ///   - configuration: gives the configuration in force.
  ///   - secrets: verifiers and earlier logins.
  ///   - random: bytes that nobody can guess.
  ///   - sleep: waits without holding a thread; throws when the task is cancelled.
  ///   - hashingThreads: how many passwords are hashed at once; two or more, so that one is left for those who logged
  ///     in from where they are before.
  public init(
    configuration: @escaping @Sendable () -> Configuration, secrets: any SecretStore, clock: Clock = .system,
    random: @escaping @Sendable (Int) -> [UInt8] = { randomBytes($0) },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    hashingThreads: Int = 2, logger: Logger = Logger(label: "postroom.accounts")
  ) {
    self.configuration = configuration
    self.secrets = secrets
    self.clock = clock
    self.random = random
    self.sleep = sleep
    self.logger = logger
    threads = HashingThreads(threads: hashingThreads, waiting: 128)
    cache = VerificationCache(key: random(32))
    logins = LoginPlaces(secrets: secrets)
    impostors = Impostors(secrets: secrets, fresh: random(32))
  }

  /// The mechanisms to offer on a connection, strongest first. Empty where passwords are not taken.
  public func mechanisms(for session: LoginSession) -> [String] {
    isOpen(to: session) ? SASLMechanism.allCases.map(\.rawValue) : []
  }

  /// Begins an exchange. A mechanism that is not offered gives an exchange that refuses at its first step.
  ///
  /// The caller does the transport: base64, `=` for an empty initial response, `*` for giving up.
  public func begin(mechanism: String, session: LoginSession) -> SASLExchange {
    let nonce = Base64.encode(random(24))
    guard let known = SASLMechanism(rawValue: mechanism.uppercased()) else {
      return SASLExchange(PlainServer(), self, session, refusing: .unknownMechanism)
    }
    guard isOpen(to: session) else { return SASLExchange(PlainServer(), self, session, refusing: .needsEncryption) }
    return SASLExchange(known.machine(nonce: nonce), self, session)
  }

  /// Checks a name and a password (IMAP LOGIN).
  /// - Returns: the account's name.
  public func verify(user: [UInt8], password: [UInt8], session: LoginSession) async -> Result<String, LoginRefusal> {
    guard isOpen(to: session) else { return .failure(.needsEncryption) }
    let credentials = Credentials(user: user, password: password)
    guard !user.isEmpty, !password.isEmpty, !credentials.isTooLong else { return .failure(.credentials) }
    return await check(credentials, session)
  }

  private func isOpen(to session: LoginSession) -> Bool {
    session.isEncrypted || configuration().allowsPlaintextPassword(from: session.peer)
  }

  // MARK: Passwords

  /// Gives an account a new password. Its former one is useless at once.
  ///
  /// Throws ``PasswordError``, or what the store throws.
  public func setPassword(_ password: [UInt8], account name: String) async throws {
    guard let account = configuration().account(name) else { throw PasswordError.noSuchAccount(name) }
    let iterations = configuration().passwordIterations
    let verifier = try await Self.verifier(of: password, iterations: iterations, salt: random(16), on: threads)
    try await secrets.setVerifier(verifier, account: account.name, at: clock.now())
    cache.forget(account: account.name)
  }

  /// Takes an account's password away: nobody can log in to it any more. The account may have left the configuration.
  public func removePassword(account name: String) async throws {
    try await secrets.setVerifier(nil, account: name.lowercased(), at: clock.now())
    cache.forget(account: name.lowercased())
  }

  /// Derives what is kept of a new password.
  private static func verifier(of password: [UInt8], iterations: Int, salt: [UInt8], on threads: HashingThreads)
    async throws -> PasswordVerifier
  {
    guard password.count <= Credentials.longest else { throw PasswordError.tooLong }
    let prepared: [UInt8]
    do {
      prepared = try SASLprep.prepare(password, isStored: true)
    } catch {
      throw PasswordError(error)
    }
    let made = try await threads.run(.known) {
      try PasswordVerifier.derive(password: prepared, salt: salt, iterations: iterations)
    }
    guard let made else { throw PasswordError.busy }
    return made
  }

  // MARK: Checking

  /// Who somebody claims to be: an account, or a name that is treated like one.
  struct Claim: Sendable {
    /// What attempts are counted by.
    let subject: String
    /// The account, or the one that stands in for it so that the same work is done.
    let account: Configuration.Account?
    let isReal: Bool
  }

  func claim(_ user: [UInt8]) -> Claim {
    let directory = Directory(configuration())
    let prepared = (try? SASLprep.prepare(user, isStored: false)).map { String(decoding: $0, as: UTF8.self) }
    if let prepared, let account = directory.account(login: prepared) {
      return Claim(subject: account.name, account: account, isReal: true)
    }
    let name = Impostors.subject(of: prepared ?? "", directory.configuration)
    return Claim(
      subject: "?" + name, account: Impostors.standIn(for: name, directory.configuration), isReal: false)
  }

  /// The verifier of a claim; for an unknown name, and for an account without a password, one that no password fits.
  func verifier(of claim: Claim) async throws -> (verifier: PasswordVerifier, isReal: Bool) {
    let stored: PasswordVerifier?
    if let account = claim.account { stored = try await secrets.verifier(account: account.name) } else { stored = nil }
    if claim.isReal, let stored { return (stored, true) }
    let iterations = stored?.iterations ?? configuration().passwordIterations
    return (try await impostors.verifier(of: claim.subject, iterations: iterations), false)
  }

  /// Waits until an attempt is due.
  /// - Returns: `nil` when it may not be made now.
  func admit(_ claim: Claim, _ session: LoginSession) async throws -> (ticket: GuessThrottle.Ticket, isKnown: Bool)? {
    let place = GuessThrottle.place(of: session.peer)
    var isKnown = false
    if let account = claim.account {
      let hasBeenHere = try await logins.has(account: account.name, place: place, at: clock.now())
      isKnown = hasBeenHere && claim.isReal
    }
    guard
      let ticket = throttle.admit(subject: claim.subject, peer: session.peer, isKnown: isKnown, at: clock.now())
    else {
      if let count = refusals.add(at: clock.now()) {
        logger.notice(
          "somebody is guessing passwords: \(count) attempts were refused unseen since the last such line",
          metadata: metadata(claim, session))
      }
      return nil
    }
    if ticket.wait > .zero {
      do {
        try await sleep(ticket.wait)
      } catch {
        throttle.giveBack(ticket)
        return nil
      }
    }
    return (ticket, isKnown)
  }

  /// Takes note of a login.
  func succeeded(_ claim: Claim, _ ticket: GuessThrottle.Ticket, _ session: LoginSession) async {
    throttle.giveBack(ticket)
    guard let account = claim.account else { return }
    do {
      try await logins.record(account: account.name, place: GuessThrottle.place(of: session.peer), at: clock.now())
    } catch {
      logger.warning("the place of a login could not be remembered: \(error)", metadata: metadata(claim, session))
    }
  }

  func failed(_ claim: Claim, _ session: LoginSession) {
    logger.info("a login failed: the name or the password is wrong", metadata: metadata(claim, session))
  }

  /// The ticket is given back: nobody looked at the password.
  func broken(_ error: any Error, _ ticket: GuessThrottle.Ticket?, _ session: LoginSession) -> LoginRefusal {
    if let ticket { throttle.giveBack(ticket) }
    logger.error("a login could not be checked: \(error)", metadata: ["peer": "\(session.peer)"])
    return .busy
  }

  func check(_ credentials: Credentials, _ session: LoginSession) async -> Result<String, LoginRefusal> {
    let claim = claim(credentials.user)
    var ticket: GuessThrottle.Ticket?
    do {
      guard let admitted = try await admit(claim, session) else { return .failure(.busy) }
      ticket = admitted.ticket
      let found = try await verifier(of: claim)
      let priority: HashingThreads.Priority = admitted.isKnown ? .known : .stranger
      guard let isRight = try await proves(credentials.password, claim, found, priority) else {
        throttle.giveBack(admitted.ticket)
        return .failure(.busy)
      }
      guard isRight, let account = claim.account, mayAct(account, as: credentials.authorization) else {
        failed(claim, session)
        return .failure(.credentials)
      }
      await succeeded(claim, admitted.ticket, session)
      return .success(account.name)
    } catch {
      return .failure(broken(error, ticket, session))
    }
  }

  /// - Returns: `nil` when too many passwords wait to be hashed.
  private func proves(
    _ password: [UInt8], _ claim: Claim, _ found: (verifier: PasswordVerifier, isReal: Bool),
    _ priority: HashingThreads.Priority
  ) async throws -> Bool? {
    // What cannot be prepared is hashed as it is, and fits nothing.
    let prepared = (try? SASLprep.prepare(password, isStored: false)) ?? [0] + password
    if found.isReal, cache.holds(prepared, account: claim.subject, found.verifier, at: clock.now()) { return true }
    guard let fits = try await threads.run(priority, { try found.verifier.proves(prepared) }) else { return nil }
    guard fits, found.isReal else { return false }
    cache.remember(prepared, account: claim.subject, found.verifier, at: clock.now())
    return true
  }

  /// RFC 4616 §2: whom to act as may be given, if it is oneself.
  private func mayAct(_ account: Configuration.Account, as authorization: [UInt8]) -> Bool {
    authorization.isEmpty
      || Directory(configuration()).account(login: String(decoding: authorization, as: UTF8.self))?.name == account.name
  }

  private func metadata(_ claim: Claim, _ session: LoginSession) -> Logger.Metadata {
    [
      "account": "\(displayable(claim.subject, limit: 100))", "peer": "\(session.peer)",
      "service": "\(session.service)",
    ]
  }
}

/// Why an account did not get a password.
public enum PasswordError: Error, Sendable, Hashable, CustomStringConvertible {
  case noSuchAccount(String)
  case empty
  case tooLong
  case busy
  /// It has a character that mail programs do not all send alike.
  case unsuitable(String)

  init(_ failure: SASLprep.Failure) {
    switch failure {
    case .empty: self = .empty
    case .notUTF8: self = .unsuitable("it is not UTF-8")
    case .mixedDirections: self = .unsuitable("it mixes letters of both directions")
    case .forbidden(let scalar):
      let code = String(scalar.value, radix: 16, uppercase: true)
      self = .unsuitable("it has the character U+\(String(repeating: "0", count: max(0, 4 - code.count)))\(code)")
    }
  }

  public var description: String {
    switch self {
    case .noSuchAccount(let name):
      "there is no account \(displayable(name, limit: 100)): write an [[account]] into the configuration first"
    case .empty: "the password is empty: give one with at least one character"
    case .tooLong: "the password is too long: give one of at most \(Credentials.longest) bytes"
    case .busy: "too many passwords are being checked: try again in a minute"
    case .unsuitable(let why):
      "the password cannot be used, because \(why), which mail programs do not all send alike: choose another"
    }
  }
}
