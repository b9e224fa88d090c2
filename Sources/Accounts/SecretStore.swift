public import Platform

/// What proves a password without holding it (RFC 5802 §3).
public struct PasswordVerifier: Sendable, Hashable {
  public var salt: [UInt8]
  public var iterations: Int
  /// 32 bytes.
  public var storedKey: [UInt8]
  /// 32 bytes.
  public var serverKey: [UInt8]

  public init(salt: [UInt8], iterations: Int, storedKey: [UInt8], serverKey: [UInt8]) {
    self.salt = salt
    self.iterations = iterations
    self.storedKey = storedKey
    self.serverKey = serverKey
  }
}

/// Where secrets live. The store is one; tests have another.
public protocol SecretStore: Sendable {
  func verifier(account: String) async throws -> PasswordVerifier?
  func setVerifier(_ verifier: PasswordVerifier, account: String) async throws
  /// The networks from which the account logged in before, newest first.
  func loginNetworks(account: String) async throws -> [IPNetwork]
  func rememberLogin(account: String, from network: IPNetwork, at: Moment) async throws
  /// 32 random bytes that belong to this installation, made when first asked for.
  func installationKey() async throws -> [UInt8]
}
