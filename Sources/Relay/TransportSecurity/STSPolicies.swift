internal import Logging
internal import Platform
internal import Resolver
internal import SMTP
internal import Store

/// Where policies are kept between two fetches; the database, or a table in tests.
protocol STSPolicyCache: Sendable {
  func policy(of domain: String) async throws -> StoredSTSPolicy?
  func keep(_ policy: StoredSTSPolicy) async throws
  /// Domains whose policy still holds and was fetched before a moment.
  func stale(fetchedBefore: Moment, at now: Moment) async throws -> [String]
}

/// Finds the MTA-STS policy of a domain (RFC 8461 §3, §5.1): kept ones as long as they hold, fetched anew when the TXT record has
/// another number, and once a day in any case, so that a policy seldom ends while nobody can reach its server.
///
///     TXT ── none ──▶ the kept one, if it holds
///      │
///      ├── number as kept, fetched today ──▶ the kept one
///      └── else fetch ──▶ the new one ── if that fails ──▶ the kept one, if it holds
actor STSPolicies {
  /// RFC 8461 §10.2 suggests once a day.
  static let refreshAfter = Duration.seconds(86_400)
  /// After a failed fetch; RFC 8461 §3.3 asks for at least five minutes.
  static let pauseAfterFailure = Duration.seconds(300)
  /// Failures remembered at a time.
  private static let failureLimit = 10_000

  typealias Fetch = @Sendable (DomainName) async -> Result<[UInt8], STSFailure>

  private let dns: any DNS
  private let fetch: Fetch
  private let cache: any STSPolicyCache
  private let clock: Clock
  private let log: Logger
  private var fetches: [DomainName: Task<STSFinding, Never>] = [:]
  private var failures: [DomainName: (at: Moment, failure: STSFailure)] = [:]

  init(dns: any DNS, fetch: @escaping Fetch, cache: any STSPolicyCache, clock: Clock, log: Logger) {
    self.dns = dns
    self.fetch = fetch
    self.cache = cache
    self.clock = clock
    self.log = log
  }

  func finding(for domain: DomainName) async -> STSFinding {
    let now = clock.now()
    let kept = await kept(domain, at: now)
    guard let record = await record(of: domain) else { return Self.finding(kept?.policy) }
    if let kept, kept.stored.id == record.id {
      // A clock that was set back must not keep a policy for ever.
      let age = now - kept.stored.fetched
      if age >= .zero, age < Self.refreshAfter { return Self.finding(kept.policy) }
      // It holds; the new one comes in its own time.
      _ = fetching(domain, record)
      return Self.finding(kept.policy)
    }
    let fetched = await fetching(domain, record).value
    if case .failed = fetched, let kept { return Self.finding(kept.policy) }
    return fetched
  }

  /// Fetches anew what was fetched more than a day ago and still holds, one after the other.
  func refresh() async {
    let now = clock.now()
    let domains = (try? await cache.stale(fetchedBefore: now - Self.refreshAfter, at: now)) ?? []
    for name in domains {
      guard !Task.isCancelled else { return }
      guard let domain = DomainName(name), let record = await record(of: domain) else { continue }
      _ = await fetching(domain, record).value
    }
  }

  private static func finding(_ policy: STSPolicy?) -> STSFinding {
    guard let policy, policy.mode != .none else { return .absent }
    return .policy(policy)
  }

  private func kept(_ domain: DomainName, at now: Moment) async -> (stored: StoredSTSPolicy, policy: STSPolicy)? {
    do {
      guard let stored = try await cache.policy(of: domain.ascii), now < stored.expires,
        let policy = try? STSPolicy(stored.document)
      else { return nil }
      return (stored, policy)
    } catch {
      log.warning("The MTA-STS policy of \(domain) cannot be read from the store: \(error)")
      return nil
    }
  }

  /// `nil`: there is none, or nobody knows; then what is kept holds (RFC 8461 §3.1 leaves no other word for a failed look-up).
  private func record(of domain: DomainName) async -> STSRecord? {
    guard let name = domain.prepending("_mta-sts"), let answer = try? await dns.txt(name) else { return nil }
    return STSRecord.only(of: answer.values)
  }

  /// One fetch for all who ask at the same time.
  private func fetching(_ domain: DomainName, _ record: STSRecord) -> Task<STSFinding, Never> {
    if let running = fetches[domain] { return running }
    let task = Task {
      let finding = await self.fetchAnew(domain, record)
      self.fetches[domain] = nil
      return finding
    }
    fetches[domain] = task
    return task
  }

  private func fetchAnew(_ domain: DomainName, _ record: STSRecord) async -> STSFinding {
    let now = clock.now()
    if let last = failures[domain], now >= last.at, now - last.at < Self.pauseAfterFailure {
      return .failed(last.failure)
    }
    do {
      let document = try await fetch(domain).get()
      let policy: STSPolicy
      do throws(STSPolicy.Mistake) {
        policy = try STSPolicy(document)
      } catch {
        throw STSFailure(kind: .invalid, reason: "its document is not well formed: \(error)")
      }
      failures[domain] = nil
      let stored = StoredSTSPolicy(
        domain: domain.ascii, id: record.id, document: document, fetched: now, expires: now + .seconds(policy.maxAge))
      do {
        try await cache.keep(stored)
      } catch {
        log.warning("The MTA-STS policy of \(domain) cannot be kept: \(error)")
      }
      return Self.finding(policy)
    } catch {
      let failure = error as? STSFailure ?? STSFailure(kind: .fetch, reason: "\(error)")
      log.notice("The MTA-STS policy of \(domain) cannot be had: \(failure.reason)")
      if failures.count >= Self.failureLimit {
        failures = failures.filter { now >= $0.value.at && now - $0.value.at < Self.pauseAfterFailure }
        if failures.count >= Self.failureLimit { failures = [:] }
      }
      failures[domain] = (now, failure)
      return .failed(failure)
    }
  }
}

/// The store keeps policies.
struct StoredSTSPolicies: STSPolicyCache {
  let store: Store

  func policy(of domain: String) async throws -> StoredSTSPolicy? {
    try await store.read { try $0.stsPolicy(domain: domain) }
  }

  func keep(_ policy: StoredSTSPolicy) async throws {
    try await store.write { try $0.setSTSPolicy(policy) }
  }

  func stale(fetchedBefore: Moment, at now: Moment) async throws -> [String] {
    try await store.read { try $0.stsDomains(fetchedBefore: fetchedBefore, validAt: now) }
  }
}
