/// A SASL mechanism's server side as a value: it is told what the client sent and what its driver found out, and says
/// what to do next. Any bytes lead to an action; after ``SASLAction/fail(_:)`` or ``SASLAction/succeed`` it is used up.
///
///     receive(nil) ─▶ challenge "" ─▶ receive(bytes) ─▶ check / lookUp ─▶ answer(…) ─▶ … ─▶ succeed / fail
protocol SASLMachine: Sendable {
  /// The client's next bytes; `nil` at the beginning when it sent no initial response.
  mutating func receive(_ response: [UInt8]?) -> SASLAction
  /// The driver's answer to ``SASLAction/check(_:)`` or ``SASLAction/lookUp(user:)``.
  mutating func answer(_ answer: SASLAnswer) -> SASLAction
}

enum SASLAction: Equatable, Sendable {
  case challenge([UInt8])
  /// Find out whether the credentials are right.
  case check(Credentials)
  /// Find the verifier of a user, or one that looks as if there were that user.
  case lookUp(user: [UInt8])
  /// The client is who it says.
  case succeed
  case fail(LoginRefusal)
}

enum SASLAnswer: Sendable {
  case checked(Bool)
  /// - Parameter isReal: false for a verifier that stands in for an unknown user's; then no proof is right.
  case found(PasswordVerifier, isReal: Bool)
}

/// A name and a password, as they came.
struct Credentials: Equatable, Sendable {
  /// Whom to act as; empty: as the user.
  var authorization: [UInt8] = []
  var user: [UInt8]
  var password: [UInt8]

  /// The longest name or password that is looked at, in bytes; RFC 4616 §2 asks for 255 at least.
  static let longest = 1024

  var isTooLong: Bool {
    [authorization, user, password].contains { $0.count > Self.longest }
  }
}

/// The mechanisms in the order in which they are offered.
enum SASLMechanism: String, CaseIterable, Sendable {
  case scramSHA256 = "SCRAM-SHA-256"
  case plain = "PLAIN"
  case login = "LOGIN"

  /// - Parameter nonce: the server's part of a nonce; printable, without commas.
  func machine(nonce: [UInt8]) -> any SASLMachine {
    switch self {
    case .scramSHA256: ScramServer(nonce: nonce)
    case .plain: PlainServer()
    case .login: LoginServer()
    }
  }
}
