internal import COpenSSL

#if canImport(Glibc)
  import Glibc
#endif

/// What OpenSSL refused to do, in its own words.
public struct CryptographyError: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// SHA-256 over bytes that come in pieces.
///
/// A class, because OpenSSL's context is a resource with an end; one digest belongs to one task.
public final class SHA256 {
  private let context: OpaquePointer?

  public init() {
    context = EVP_MD_CTX_new()
    EVP_DigestInit_ex(context, EVP_sha256(), nil)
  }

  deinit { EVP_MD_CTX_free(context) }

  public func update(_ bytes: UnsafeRawBufferPointer) {
    if let base = bytes.baseAddress, bytes.count > 0 { EVP_DigestUpdate(context, base, bytes.count) }
  }

  public func update(_ bytes: some Sequence<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
      update(Array(bytes))
    }
  }

  /// The 32 bytes of the digest. The object is used up.
  public func finish() -> [UInt8] {
    var result = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &result, nil)
    return result
  }

  public static func hash(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let digest = SHA256()
    digest.update(bytes)
    return digest.finish()
  }
}

/// HMAC-SHA-256 (RFC 2104).
public func hmacSHA256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
  var result = [UInt8](repeating: 0, count: 32)
  var length: UInt32 = 32
  HMAC(EVP_sha256(), key, Int32(clamping: key.count), message, message.count, &result, &length)
  return result
}

/// PBKDF2 with HMAC-SHA-256, 32 bytes long (RFC 8018 §5.2; `Hi()` of RFC 5802 §2.2).
///
/// Slow on purpose: never call it on an event loop.
public func pbkdf2SHA256(password: [UInt8], salt: [UInt8], iterations: Int) throws -> [UInt8] {
  var result = [UInt8](repeating: 0, count: 32)
  let done = password.withUnsafeBytes { raw in
    PKCS5_PBKDF2_HMAC(
      raw.bindMemory(to: CChar.self).baseAddress, Int32(clamping: password.count), salt, Int32(clamping: salt.count),
      Int32(clamping: iterations), EVP_sha256(), 32, &result)
  }
  guard done == 1 else { throw CryptographyError("OpenSSL could not derive a key from the password") }
  return result
}

/// Compares secrets without telling by its duration where they differ.
public func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
  guard a.count == b.count else { return false }
  return CRYPTO_memcmp(a, b, a.count) == 0
}

/// Bytes of the kernel's random generator.
public func randomBytes(_ count: Int) -> [UInt8] {
  var generator = SystemRandomNumberGenerator()
  return (0..<max(count, 0)).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}
