public import Platform

/// A private key with which mail of a domain is signed, and when.
public struct StoredSigningKey: Hashable, Sendable {
  /// In lower case.
  public var domain: String
  public var selector: String
  /// `rsa-sha256`, `ed25519-sha256`.
  public var algorithm: String
  /// The key itself, in DER.
  public var secret: [UInt8]
  public var made: Moment
  /// From then on it signs.
  public var begins: Moment
  /// Until then it signs; `nil`: nothing is to replace it yet.
  public var ends: Moment?

  public init(
    domain: String, selector: String, algorithm: String, secret: [UInt8], made: Moment, begins: Moment,
    ends: Moment? = nil
  ) {
    self.domain = domain
    self.selector = selector
    self.algorithm = algorithm
    self.secret = secret
    self.made = made
    self.begins = begins
    self.ends = ends
  }

  /// Whether it signs at a time.
  public func signs(at now: Moment) -> Bool { begins <= now && ends.map { now < $0 } ?? true }
}

extension Reader {
  /// The keys of one domain or, without one, of all, the oldest first.
  public func signingKeys(domain: String? = nil) throws -> [StoredSigningKey] {
    try database.all(
      """
      SELECT domain, selector, algorithm, secret, made, begins, ends FROM signing_key
      WHERE domain = ?1 OR ?1 IS NULL ORDER BY domain, made, selector
      """, .optional(domain)
    ) {
      StoredSigningKey(
        domain: $0.text(0), selector: $0.text(1), algorithm: $0.text(2), secret: $0.blob(3),
        made: Moment(microseconds: $0.int64(4)), begins: Moment(microseconds: $0.int64(5)),
        ends: $0.optionalInt64(6).map { Moment(microseconds: $0) })
    }
  }
}

extension Transaction {
  public func signingKeys(domain: String? = nil) throws -> [StoredSigningKey] { try rows.signingKeys(domain: domain) }

  /// Adds a key, or changes when it signs.
  public mutating func setSigningKey(_ key: StoredSigningKey) throws {
    try database.run(
      "INSERT OR REPLACE INTO signing_key VALUES(?, ?, ?, ?, ?, ?, ?)", .text(key.domain), .text(key.selector),
      .text(key.algorithm), .blob(key.secret), .int(key.made.microseconds), .int(key.begins.microseconds),
      .optional(key.ends?.microseconds))
  }

  public mutating func removeSigningKey(domain: String, selector: String) throws {
    try database.run(
      "DELETE FROM signing_key WHERE domain = ? AND selector = ?", .text(domain), .text(selector))
  }
}
