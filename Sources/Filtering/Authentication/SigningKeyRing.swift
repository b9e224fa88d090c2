internal import Logging
internal import MailAuthentication
internal import Platform
internal import Store
internal import Synchronization

/// The keys of the database, ready to sign. Reading one takes time, so they are kept; which of them sign is asked anew each
/// time, so that a rotation needs nothing here.
final class SigningKeyRing: Sendable {
  private struct Name: Hashable {
    var domain: String
    var selector: String
  }

  private let store: Store
  private let clock: Clock
  private let log: Logger
  private let keys = Mutex<[Name: SigningKey]>([:])

  init(store: Store, clock: Clock, log: Logger) {
    self.store = store
    self.clock = clock
    self.log = log
  }

  /// The identities that sign for a domain now; none if it has no key.
  func identities(for domain: String) async throws -> [SigningIdentity] {
    identities(try await store.read { try $0.signingKeys(domain: domain) })
  }

  /// The identities of the first of these domains that has any.
  func identities(forFirstOf domains: [String]) async throws -> [SigningIdentity] {
    for domain in domains {
      let found = try await identities(for: domain)
      if !found.isEmpty { return found }
    }
    return []
  }

  private func identities(_ stored: [StoredSigningKey]) -> [SigningIdentity] {
    let now = clock.now()
    return stored.filter { $0.signs(at: now) }.compactMap { row in
      let name = Name(domain: row.domain, selector: row.selector)
      if let known = keys.withLock({ $0[name] }) {
        return SigningIdentity(domain: row.domain, selector: row.selector, key: known)
      }
      do {
        let key = try SigningKey(secret: row.secret)
        keys.withLock { $0[name] = key }
        return SigningIdentity(domain: row.domain, selector: row.selector, key: key)
      } catch {
        // The domain's other keys sign without it.
        log.error(
          "the signing key \(row.selector) of \(row.domain) cannot be read (\(error)): rotate the domain's keys")
        return nil
      }
    }
  }
}
