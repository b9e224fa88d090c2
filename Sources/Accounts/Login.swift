public import Platform

/// What a login attempt comes with.
public struct LoginSession: Sendable {
  public var peer: IPAddress
  /// TLS protects the connection.
  public var isEncrypted: Bool
  /// `submission`, `imap` …: for the log.
  public var service: String

  public init(peer: IPAddress, isEncrypted: Bool, service: String) {
    self.peer = peer
    self.isEncrypted = isEncrypted
    self.service = service
  }
}

/// Why a login was refused. The words are the same for an unknown user as for a wrong password.
public enum LoginRefusal: Error, Sendable, Hashable {
  /// User or password is wrong: 535 5.7.8, `NO [AUTHENTICATIONFAILED]`.
  case credentials
  /// Too much is being asked at the moment, or the store failed: 454 4.7.0, `NO [UNAVAILABLE]`. Nothing is said about
  /// the password.
  case busy
  /// A password may not come over this connection: 538 5.7.11, `NO [PRIVACYREQUIRED]`.
  case needsEncryption
  /// The client broke the mechanism's rules: 501 5.5.2, `BAD`.
  case malformed
  /// No such mechanism: 504 5.5.4, `NO`.
  case unknownMechanism

  /// A sentence for the client.
  public var text: String {
    switch self {
    case .credentials: "User name or password is wrong"
    case .busy: "Logging in is not possible at the moment, try again later"
    case .needsEncryption: "A password needs TLS: start it first"
    case .malformed: "This is not what the authentication mechanism asks for"
    case .unknownMechanism: "This authentication mechanism is not offered"
    }
  }
}

/// What a step of an exchange came to.
public enum SASLStep: Sendable, Hashable {
  /// Bytes for the client (before base64), which answers with the next response.
  case challenge([UInt8])
  /// The account's name in the configuration.
  case accepted(account: String)
  case refused(LoginRefusal)
}
