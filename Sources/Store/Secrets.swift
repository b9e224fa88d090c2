public import Platform

/// What is kept of a password: SCRAM-SHA-256's keys (RFC 5802 §3), from which the password cannot be read.
public struct Verifier: Hashable, Sendable {
  public var salt: [UInt8]
  public var iterations: Int
  public var storedKey: [UInt8]
  public var serverKey: [UInt8]
  public var changed: Moment

  public init(salt: [UInt8], iterations: Int, storedKey: [UInt8], serverKey: [UInt8], changed: Moment) {
    self.salt = salt
    self.iterations = iterations
    self.storedKey = storedKey
    self.serverKey = serverKey
    self.changed = changed
  }
}

/// A network from which an account has logged in.
public struct LoginAddress: Hashable, Sendable {
  /// As the caller wrote it: an address or a network.
  public let address: String
  public let at: Moment
}
