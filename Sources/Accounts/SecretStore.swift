public import Platform

/// Where secrets live. The store is one (``StoredSecrets``); tests have another.
public protocol SecretStore: Sendable {
  func verifier(account: String) async throws -> PasswordVerifier?
  /// Sets an account's verifier, or with `nil` takes it away.
  func setVerifier(_ verifier: PasswordVerifier?, account: String, at: Moment) async throws
  /// The addresses from which the account logged in before, the newest first.
  func loginAddresses(account: String) async throws -> [String]
  func recordLogin(account: String, address: String, at: Moment) async throws
  /// 32 random bytes that belong to this installation. Kept from the first call on.
  /// - Parameter fresh: what to keep if there is none yet.
  func installationKey(fresh: [UInt8]) async throws -> [UInt8]
}
