import Platform
import Synchronization

/// The addresses from which accounts logged in before, as the store has them, kept in memory once they were read.
final class LoginPlaces: Sendable {
  /// A place that was seen within this time is not written again.
  static let freshness = Duration.seconds(86_400)
  /// Of each account that many are kept, as in the store.
  static let limit = 100

  private let secrets: any SecretStore
  private let known = Mutex(BoundedTable<String, [String: Moment?]>(limit: 10_000))

  init(secrets: any SecretStore) { self.secrets = secrets }

  func has(account: String, place: String, at now: Moment) async throws -> Bool {
    try await places(account, at: now)[place] != nil
  }

  /// Remembers a login. Writes only what is new, or was not written for a day.
  func record(account: String, place: String, at now: Moment) async throws {
    if let seen = try await places(account, at: now)[place], let seen, now - seen < Self.freshness { return }
    try await secrets.recordLogin(account: account, address: place, at: now)
    known.withLock { table in
      table.change(account) { places in
        places[place] = .some(now)
        while places.count > Self.limit, let oldest = places.min(by: { Self.older($0.value, $1.value) }) {
          places[oldest.key] = nil
        }
      }
    }
  }

  private static func older(_ a: Moment?, _ b: Moment?) -> Bool {
    (a?.microseconds ?? .min) < (b?.microseconds ?? .min)
  }

  /// The value is when the place was last written by this process, if it was.
  private func places(_ account: String, at now: Moment) async throws -> [String: Moment?] {
    if let places = known.withLock({ $0[account] }) { return places }
    let stored = try await secrets.loginAddresses(account: account)
    let places = Dictionary(stored.map { ($0, Moment?.none) }, uniquingKeysWith: { first, _ in first })
    known.withLock { table in
      if table[account] == nil { table.set(account, places, at: now) }
    }
    return places
  }
}
