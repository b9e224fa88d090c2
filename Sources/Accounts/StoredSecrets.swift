public import Platform
public import Store

/// The secrets in the appliance's database.
public struct StoredSecrets: SecretStore {
  private let store: Store
  private static let keySetting = "accounts.installation-key"

  public init(_ store: Store) { self.store = store }

  public func verifier(account: String) async throws -> PasswordVerifier? {
    try await store.read { reader in try reader.verifier(account: account) }.map {
      PasswordVerifier(
        salt: $0.salt, iterations: $0.iterations, storedKey: $0.storedKey, serverKey: $0.serverKey)
    }
  }

  public func setVerifier(_ verifier: PasswordVerifier?, account: String, at now: Moment) async throws {
    let row = verifier.map {
      Verifier(
        salt: $0.salt, iterations: $0.iterations, storedKey: $0.storedKey, serverKey: $0.serverKey, changed: now)
    }
    try await store.write { transaction in try transaction.setVerifier(row, account: account) }
  }

  public func loginAddresses(account: String) async throws -> [String] {
    try await store.read { reader in try reader.loginAddresses(account: account) }.map(\.address)
  }

  public func recordLogin(account: String, address: String, at: Moment) async throws {
    try await store.write { transaction in
      try transaction.recordLogin(account: account, address: address, at: at)
    }
  }

  public func installationKey(fresh: [UInt8]) async throws -> [UInt8] {
    if let key = try await store.read({ reader in try reader.setting(Self.keySetting) }) { return key }
    return try await store.write { transaction in
      if let key = try transaction.setting(Self.keySetting) { return key }
      try transaction.setSetting(Self.keySetting, fresh)
      return fresh
    }
  }
}
