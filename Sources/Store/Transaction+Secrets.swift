public import Platform

extension Transaction {
  /// Sets or takes away an account's password.
  public mutating func setVerifier(_ verifier: Verifier?, account: String) throws { throw StoreError.closed }

  /// Remembers that an account logged in from an address; of each account the 100 newest are kept.
  public mutating func recordLogin(account: String, address: String, at: Moment) throws { throw StoreError.closed }

  /// Sets or takes away a small value of the house's own.
  public mutating func setSetting(_ key: String, _ value: [UInt8]?) throws { throw StoreError.closed }

  public func setting(_ key: String) throws -> [UInt8]? { throw StoreError.closed }

  public func verifier(account: String) throws -> Verifier? { throw StoreError.closed }
}
