internal import Platform

extension Reader {
  public func verifier(account: String) throws -> Verifier? {
    try database.first(
      "SELECT salt, iterations, stored_key, server_key, changed FROM verifier WHERE account = ?", .text(account)
    ) {
      Verifier(
        salt: $0.blob(0), iterations: $0.int(1), storedKey: $0.blob(2), serverKey: $0.blob(3),
        changed: Moment(microseconds: $0.int64(4)))
    }
  }

  /// Accounts that have a password.
  public func verifiedAccounts() throws -> Set<String> {
    Set(try database.all("SELECT account FROM verifier") { $0.text(0) })
  }

  /// Addresses an account logged in from, the newest first.
  public func loginAddresses(account: String) throws -> [LoginAddress] {
    try database.all("SELECT address, at FROM login WHERE account = ? ORDER BY at DESC", .text(account)) {
      LoginAddress(address: $0.text(0), at: Moment(microseconds: $0.int64(1)))
    }
  }

  public func setting(_ key: String) throws -> [UInt8]? {
    try database.first("SELECT value FROM setting WHERE key = ?", .text(key)) { $0.blob(0) }
  }
}
