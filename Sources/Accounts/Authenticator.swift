public import Configuration
public import Platform

/// Decides whether someone is who they say.
///
/// One is shared by all services of an appliance. It never blocks its caller's thread: passwords are hashed on a few
/// threads of its own behind a bounded queue, and those who guess wait asleep.
public final class Authenticator: Sendable {
  /// - Parameters:
  ///   - configuration: gives the configuration in force.
  ///   - secrets: verifiers and earlier logins.
  ///   - sleep: waits without holding a thread; throws when the task is cancelled.
  public init(
    configuration: @escaping @Sendable () -> Configuration, secrets: any SecretStore, clock: Clock = .system,
    random: @escaping @Sendable (Int) -> [UInt8] = { randomBytes($0) },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
  }

  /// The mechanisms to offer on a connection, strongest first. Empty where passwords are not taken.
  public func mechanisms(for session: LoginSession) -> [String] { [] }

  /// Begins an exchange. A mechanism that is not offered gives an exchange that refuses at its first step.
  ///
  /// The caller does the transport: base64, `=` for an empty initial response, `*` for giving up.
  public func begin(mechanism: String, session: LoginSession) -> SASLExchange { SASLExchange() }

  /// Checks a name and a password (IMAP LOGIN).
  /// - Returns: the account's name.
  public func verify(user: [UInt8], password: [UInt8], session: LoginSession) async -> Result<String, LoginRefusal> {
    .failure(.busy)
  }

  /// Gives an account a new password. Its former one is useless at once.
  public func setPassword(_ password: [UInt8], account: String) async throws {}
}

/// One authentication exchange; belongs to one session.
public final class SASLExchange: Sendable {
  /// The client's next bytes (after base64); `nil` where it sent no initial response.
  public func step(_ response: [UInt8]?) async -> SASLStep { .refused(.busy) }
}
