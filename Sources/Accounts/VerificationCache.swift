import Platform
import Synchronization

/// Remembers for a few minutes that a password was right, so that a mail program that logs in again and again costs one
/// slow hash only. Holds no passwords: an HMAC under a key that dies with the process, bound to the stored keys, so that
/// a changed password is never found here.
final class VerificationCache: Sendable {
  private struct Entry: Sendable {
    let digest: [UInt8]
    let until: Moment
  }

  private let key: [UInt8]
  private let lifetime: Duration
  private let entries: Mutex<BoundedTable<String, Entry>>

  init(key: [UInt8], lifetime: Duration = .seconds(600), limit: Int = 10_000) {
    self.key = key
    self.lifetime = lifetime
    entries = Mutex(BoundedTable(limit: limit))
  }

  func holds(_ password: [UInt8], account: String, _ verifier: PasswordVerifier, at now: Moment) -> Bool {
    guard let entry = entries.withLock({ $0[account] }), now < entry.until, now >= entry.until - lifetime else {
      return false
    }
    return constantTimeEqual(digest(password, account, verifier), entry.digest)
  }

  func remember(_ password: [UInt8], account: String, _ verifier: PasswordVerifier, at now: Moment) {
    let entry = Entry(digest: digest(password, account, verifier), until: now + lifetime)
    entries.withLock { $0.set(account, entry, at: now) }
  }

  func forget(account: String) { entries.withLock { $0.remove(account) } }

  private func digest(_ password: [UInt8], _ account: String, _ verifier: PasswordVerifier) -> [UInt8] {
    hmacSHA256(key: key, verifier.storedKey + Array(account.utf8) + [0] + password)
  }
}
