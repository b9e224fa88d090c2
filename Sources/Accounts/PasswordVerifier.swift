import Platform

/// What proves a password without holding it (RFC 5802 §3).
public struct PasswordVerifier: Sendable, Hashable {
  public var salt: [UInt8]
  public var iterations: Int
  /// 32 bytes.
  public var storedKey: [UInt8]
  /// 32 bytes.
  public var serverKey: [UInt8]

  public init(salt: [UInt8], iterations: Int, storedKey: [UInt8], serverKey: [UInt8]) {
    self.salt = salt
    self.iterations = iterations
    self.storedKey = storedKey
    self.serverKey = serverKey
  }

  /// Derives the keys of a prepared password (RFC 5802 §3). Slow on purpose: call it on a hashing thread only.
  static func derive(password: [UInt8], salt: [UInt8], iterations: Int) throws -> PasswordVerifier {
    let salted = try pbkdf2SHA256(password: password, salt: salt, iterations: iterations)
    let clientKey = hmacSHA256(key: salted, Array("Client Key".utf8))
    return PasswordVerifier(
      salt: salt, iterations: iterations, storedKey: SHA256.hash(clientKey),
      serverKey: hmacSHA256(key: salted, Array("Server Key".utf8)))
  }

  /// Whether a prepared password is the one that this was made of. As slow as ``derive(password:salt:iterations:)``.
  func proves(_ password: [UInt8]) throws -> Bool {
    let derived = try Self.derive(password: password, salt: salt, iterations: iterations)
    return constantTimeEqual(derived.storedKey, storedKey)
  }
}
