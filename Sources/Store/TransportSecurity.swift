public import Platform

/// A domain's MTA-STS policy as it was fetched (RFC 8461 §3.3), kept until it ends.
public struct StoredSTSPolicy: Hashable, Sendable {
  /// In lower case.
  public var domain: String
  /// The number in the domain's TXT record at the time.
  public var id: String
  /// The document.
  public var document: [UInt8]
  public var fetched: Moment
  /// `fetched` and its max_age: from then on it says nothing.
  public var expires: Moment

  public init(domain: String, id: String, document: [UInt8], fetched: Moment, expires: Moment) {
    self.domain = domain
    self.id = id
    self.document = document
    self.fetched = fetched
    self.expires = expires
  }
}

/// How often on one day sessions with one policy domain ended in one way (RFC 8460 §4).
public struct TLSSessionCount: Hashable, Sendable {
  /// Days since 1970-01-01, in UTC.
  public var day: Int
  public var domain: String
  /// `tlsa`, `sts` or `no-policy-found`.
  public var policyType: String
  /// The policy's lines, with LF between them.
  public var policy: String
  /// A result type of RFC 8460 §4.3; empty for success.
  public var result: String
  /// The server's name; empty where it never came to one.
  public var host: String
  public var address: String
  /// What the server called itself.
  public var helo: String
  /// More about a failure.
  public var reason: String
  public var sessions: Int

  public init(
    day: Int, domain: String, policyType: String, policy: String = "", result: String = "", host: String = "",
    address: String = "", helo: String = "", reason: String = "", sessions: Int = 1
  ) {
    self.day = day
    self.domain = domain
    self.policyType = policyType
    self.policy = policy
    self.result = result
    self.host = host
    self.address = address
    self.helo = helo
    self.reason = reason
    self.sessions = sessions
  }

  /// The day of a moment.
  public static func day(of moment: Moment) -> Int {
    let seconds = moment.seconds
    return Int(seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400)
  }
}

extension Store {
  /// Counts a session with the next commit, or within two seconds.
  public func countLazily(_ session: TLSSessionCount) { later(.session(session)) }
}

extension Transaction {
  /// Rows for one domain and day; what does not fit is counted without its details.
  static var sessionRows: Int { 200 }

  public mutating func count(_ session: TLSSessionCount) throws {
    var row = session
    let isKnown = try database.number(
      """
      SELECT count(*) FROM tls_session WHERE day = ? AND domain = ? AND type = ? AND policy = ? AND result = ?
      AND host = ? AND address = ? AND helo = ? AND reason = ?
      """, .int(row.day), .text(row.domain), .text(row.policyType), .text(row.policy), .text(row.result),
      .text(row.host), .text(row.address), .text(row.helo), .text(row.reason))
    if isKnown == 0 {
      let rows = try database.number(
        "SELECT count(*) FROM tls_session WHERE day = ? AND domain = ?", .int(row.day), .text(row.domain))
      // A stranger writes the policy too.
      if rows >= Self.sessionRows {
        (row.policy, row.host, row.address, row.helo, row.reason) = ("", "", "", "", "")
      }
    }
    try database.run(
      """
      INSERT INTO tls_session(day, domain, type, policy, result, host, address, helo, reason, sessions)
      VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions
      """, .int(row.day), .text(row.domain), .text(row.policyType), .text(row.policy), .text(row.result),
      .text(row.host), .text(row.address), .text(row.helo), .text(row.reason), .int(row.sessions))
  }

  public mutating func setSTSPolicy(_ policy: StoredSTSPolicy) throws {
    try database.run(
      "INSERT OR REPLACE INTO sts_policy(domain, id, document, fetched, expires) VALUES(?, ?, ?, ?, ?)",
      .text(policy.domain), .text(policy.id), .blob(policy.document), .int(policy.fetched.microseconds),
      .int(policy.expires.microseconds))
  }

  /// What is kept of transport security from before a moment goes.
  mutating func retireTransportSecurity(before: Moment) throws {
    try database.run("DELETE FROM tls_session WHERE day < ?", .int(TLSSessionCount.day(of: before)))
    try database.run("DELETE FROM sts_policy WHERE expires < ?", .int(before.microseconds))
  }
}

extension Reader {
  public func stsPolicy(domain: String) throws -> StoredSTSPolicy? {
    try database.first(
      "SELECT domain, id, document, fetched, expires FROM sts_policy WHERE domain = ?", .text(domain)
    ) { row in
      StoredSTSPolicy(
        domain: row.text(0), id: row.text(1), document: row.blob(2), fetched: Moment(microseconds: row.int64(3)),
        expires: Moment(microseconds: row.int64(4)))
    }
  }

  /// Domains whose policy was fetched before a moment and has not ended at another.
  public func stsDomains(fetchedBefore: Moment, validAt: Moment) throws -> [String] {
    try database.all(
      "SELECT domain FROM sts_policy WHERE fetched < ? AND expires > ? ORDER BY fetched LIMIT 1000",
      .int(fetchedBefore.microseconds), .int(validAt.microseconds)
    ) { $0.text(0) }
  }

  /// Sessions of a range of days, by day and domain.
  /// - Parameter domain: `nil` for all.
  public func tlsSessions(days: ClosedRange<Int>, domain: String?) throws -> [TLSSessionCount] {
    try database.all(
      """
      SELECT day, domain, type, policy, result, host, address, helo, reason, sessions FROM tls_session
      WHERE day BETWEEN ?1 AND ?2 AND (?3 = '' OR domain = ?3)
      ORDER BY day, domain, type, policy, result, host, address, helo, reason
      """, .int(days.lowerBound), .int(days.upperBound), .text(domain ?? "")
    ) { row in
      TLSSessionCount(
        day: row.int(0), domain: row.text(1), policyType: row.text(2), policy: row.text(3), result: row.text(4),
        host: row.text(5), address: row.text(6), helo: row.text(7), reason: row.text(8), sessions: row.int(9))
    }
  }
}
