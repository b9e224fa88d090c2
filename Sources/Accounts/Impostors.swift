import Configuration
import Platform
import Synchronization

/// What a name that is no account is given instead of a verifier: a salt that looks like any other and is always the same
/// for the name, so that asking twice tells nothing (RFC 5802 §5.1 `i`: a salt is expected to be stable).
final class Impostors: Sendable {
  private let secrets: any SecretStore
  private let fresh: [UInt8]
  private let key = Mutex<[UInt8]?>(nil)

  init(secrets: any SecretStore, fresh: [UInt8]) {
    self.secrets = secrets
    self.fresh = fresh
  }

  func verifier(of subject: String, iterations: Int) async throws -> PasswordVerifier {
    let key = try await installationKey()
    func derive(_ purpose: String) -> [UInt8] { hmacSHA256(key: key, Array("\(purpose) \(subject)".utf8)) }
    return PasswordVerifier(
      salt: Array(derive("salt").prefix(16)), iterations: iterations, storedKey: derive("stored"),
      serverKey: derive("server"))
  }

  private func installationKey() async throws -> [UInt8] {
    if let key = key.withLock({ $0 }) { return key }
    let stored = try await secrets.installationKey(fresh: fresh)
    key.withLock { $0 = stored }
    return stored
  }

  /// The name by which an unknown user is counted and salted. An account is the same by its name and by its address, so
  /// an unknown `zed` and `zed@` in a domain of ours are the same too.
  static func subject(of name: String, _ configuration: Configuration) -> String {
    guard let address = Configuration.Address(name), configuration.isLocal(domain: address.domain) else {
      return name.lowercased()
    }
    return address.localPart.lowercased()
  }

  /// An account whose iterations are used and whose rows are read for an unknown name; the same one for the same name.
  static func standIn(for name: String, _ configuration: Configuration) -> Configuration.Account? {
    guard !configuration.accounts.isEmpty else { return nil }
    let digest = SHA256.hash(Array(name.utf8))
    let number = digest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    return configuration.accounts[number % configuration.accounts.count]
  }
}
