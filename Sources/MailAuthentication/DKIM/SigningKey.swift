internal import COpenSSL
internal import Message
public import Platform

/// A private key that signs.
public final class SigningKey: Sendable {
  /// RFC 8301 §3.2: at least 1024, should be 2048.
  public static let rsaBits: Int32 = 2048

  public let algorithm: SigningAlgorithm
  // OpenSSL keys are not changed by signing, and several threads may do so at once (openssl-threads(7)).
  nonisolated(unsafe) private let key: OpaquePointer

  private init(_ key: OpaquePointer, _ algorithm: SigningAlgorithm) {
    self.key = key
    self.algorithm = algorithm
  }

  deinit { EVP_PKEY_free(key) }

  /// Makes a new key. An RSA key takes a second or so: never on an event loop.
  public static func make(_ algorithm: SigningAlgorithm) throws(CryptographyError) -> SigningKey {
    let id = algorithm == .rsaSHA256 ? EVP_PKEY_RSA : EVP_PKEY_ED25519
    let context = EVP_PKEY_CTX_new_id(id, nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard context != nil, EVP_PKEY_keygen_init(context) == 1,
      algorithm != .rsaSHA256 || EVP_PKEY_CTX_set_rsa_keygen_bits(context, rsaBits) == 1,
      EVP_PKEY_keygen(context, &key) == 1, let key
    else {
      ERR_clear_error()
      throw CryptographyError("OpenSSL could not make a key for \(algorithm.rawValue)")
    }
    return SigningKey(key, algorithm)
  }

  /// Reads what ``secret`` wrote.
  public init(secret: [UInt8]) throws(CryptographyError) {
    let read = secret.withUnsafeBufferPointer { buffer -> OpaquePointer? in
      var start = buffer.baseAddress
      return d2i_AutoPrivateKey(nil, &start, buffer.count)
    }
    guard let read else {
      ERR_clear_error()
      throw CryptographyError("a private key that is stored cannot be read")
    }
    switch EVP_PKEY_get_base_id(read) {
    case EVP_PKEY_RSA: algorithm = .rsaSHA256
    case EVP_PKEY_ED25519: algorithm = .ed25519SHA256
    default:
      EVP_PKEY_free(read)
      throw CryptographyError("a private key that is stored is of a kind that DKIM does not have")
    }
    key = read
  }

  /// The private key in DER, to be kept secret.
  public var secret: [UInt8] { Self.encoded { i2d_PrivateKey(key, $0) } }

  /// `p=` of the key's record: of RSA the SubjectPublicKeyInfo (RFC 6376 §3.6.1), of Ed25519 the 32 octets (RFC 8463 §4.2).
  public var publicData: [UInt8] {
    switch algorithm {
    case .rsaSHA256: return Self.encoded { i2d_PUBKEY(key, $0) }
    case .ed25519SHA256:
      var bytes = [UInt8](repeating: 0, count: 32)
      var count = bytes.count
      return EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1 ? bytes : []
    }
  }

  /// The text of the record that the DNS must have at `SELECTOR._domainkey.DOMAIN`.
  public var recordText: String {
    let type = algorithm == .rsaSHA256 ? "rsa" : "ed25519"
    return "v=DKIM1; k=\(type); p=" + String(decoding: Base64.encode(publicData), as: UTF8.self)
  }

  private static func encoded(_ write: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8] {
    let length = Int(write(nil))
    guard length > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      var end = buffer.baseAddress
      count = Int(max(write(&end), 0))
    }
  }

  /// A signature over these octets.
  func sign(_ data: [UInt8]) throws(CryptographyError) -> [UInt8] {
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    // RFC 8463 §3: PureEdDSA over the SHA-256 of what is signed.
    let input = algorithm == .ed25519SHA256 ? SHA256.hash(data) : data
    let digest = algorithm == .ed25519SHA256 ? nil : EVP_sha256()
    var length = 0
    guard EVP_DigestSignInit(context, nil, digest, nil, key) == 1,
      EVP_DigestSign(context, nil, &length, input, input.count) == 1
    else { throw Self.failure }
    var signature = [UInt8](repeating: 0, count: length)
    guard EVP_DigestSign(context, &signature, &length, input, input.count) == 1 else { throw Self.failure }
    return Array(signature.prefix(length))
  }

  private static var failure: CryptographyError {
    ERR_clear_error()
    return CryptographyError("OpenSSL could not sign")
  }
}

/// Under which name a key signs.
public struct SigningIdentity: Sendable {
  public var domain: String
  public var selector: String
  public var key: SigningKey

  public init(domain: String, selector: String, key: SigningKey) {
    self.domain = domain
    self.selector = selector
    self.key = key
  }
}
