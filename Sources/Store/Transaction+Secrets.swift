public import Platform

extension Transaction {
  /// Sets or takes away an account's password.
  public mutating func setVerifier(_ verifier: Verifier?, account: String) throws {
    guard let verifier else {
      try database.run("DELETE FROM verifier WHERE account = ?", .text(account))
      return
    }
    try database.run(
      "INSERT OR REPLACE INTO verifier VALUES(?, ?, ?, ?, ?, ?)", .text(account), .blob(verifier.salt),
      .int(verifier.iterations), .blob(verifier.storedKey), .blob(verifier.serverKey),
      .int(verifier.changed.microseconds))
  }

  /// Remembers that an account logged in from an address; of each account the 100 newest are kept.
  public mutating func recordLogin(account: String, address: String, at: Moment) throws {
    try database.run(
      "INSERT OR REPLACE INTO login VALUES(?, ?, ?)", .text(account), .text(address), .int(at.microseconds))
    try database.run(
      """
      DELETE FROM login WHERE account = ?1 AND address NOT IN
      (SELECT address FROM login WHERE account = ?1 ORDER BY at DESC LIMIT 100)
      """, .text(account))
  }

  /// Sets or takes away a small value of the house's own.
  public mutating func setSetting(_ key: String, _ value: [UInt8]?) throws {
    if let value {
      try database.run("INSERT OR REPLACE INTO setting VALUES(?, ?)", .text(key), .blob(value))
    } else {
      try database.run("DELETE FROM setting WHERE key = ?", .text(key))
    }
  }

  public func setting(_ key: String) throws -> [UInt8]? { try rows.setting(key) }

  public func verifier(account: String) throws -> Verifier? { try rows.verifier(account: account) }
}
