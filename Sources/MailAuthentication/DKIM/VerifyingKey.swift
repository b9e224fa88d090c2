internal import COpenSSL
internal import Platform

/// A public key that signatures are checked with.
final class VerifyingKey: Sendable {
  /// RFC 8301 §3.2: nothing that a shorter one has signed is valid.
  static let shortestRSA = 1024
  /// Longer ones only cost time: RFC 8301 §3.2 asks for up to 4096.
  static let longestRSA = 8192

  let algorithm: SigningAlgorithm
  /// Of an RSA key its length.
  let bits: Int
  // OpenSSL keys are not changed by verifying, and several threads may do so at once (openssl-threads(7)).
  nonisolated(unsafe) private let key: OpaquePointer

  private init(algorithm: SigningAlgorithm, bits: Int, key: OpaquePointer) {
    self.algorithm = algorithm
    self.bits = bits
    self.key = key
  }

  deinit { EVP_PKEY_free(key) }

  /// - Parameter data: the decoded `p=`: of RSA a SubjectPublicKeyInfo or an RSAPublicKey (RFC 6376 §3.6.1 and its errata),
  ///   of Ed25519 the 32 octets (RFC 8463 §4.2).
  static func read(_ data: [UInt8], _ algorithm: SigningAlgorithm) throws(DKIMProblem) -> VerifyingKey {
    switch algorithm {
    case .rsaSHA256: try rsa(data)
    case .ed25519SHA256: try ed25519(data)
    }
  }

  private static func ed25519(_ data: [UInt8]) throws(DKIMProblem) -> VerifyingKey {
    guard data.count == 32, let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, data, data.count) else {
      ERR_clear_error()
      throw DKIMProblem(.permerror, "the key is no Ed25519 key")
    }
    return VerifyingKey(algorithm: .ed25519SHA256, bits: 256, key: key)
  }

  private static func rsa(_ data: [UInt8]) throws(DKIMProblem) -> VerifyingKey {
    guard let numbers = DERReader.rsaNumbers(data) else {
      throw DKIMProblem(.permerror, "the key is no RSA key")
    }
    let bits = numbers.modulus.count * 8 - (numbers.modulus.first?.leadingZeroBitCount ?? 0)
    guard bits >= shortestRSA else {
      throw DKIMProblem(.policy, "an RSA key of \(bits) bits proves nothing")
    }
    guard bits <= longestRSA, numbers.exponent.count <= 8, (numbers.exponent.last ?? 0) & 1 == 1,
      numbers.exponent != [1], (numbers.modulus.last ?? 0) & 1 == 1
    else { throw DKIMProblem(.permerror, "the key is no RSA key of at most \(longestRSA) bits") }
    guard let key = make(numbers) else {
      ERR_clear_error()
      throw DKIMProblem(.permerror, "OpenSSL does not take the key")
    }
    return VerifyingKey(algorithm: .rsaSHA256, bits: bits, key: key)
  }

  /// Out of its two numbers: OpenSSL's own decoder takes ten times as long.
  private static func make(_ numbers: DERReader.RSANumbers) -> OpaquePointer? {
    let n = BN_bin2bn(numbers.modulus, Int32(numbers.modulus.count), nil)
    let e = BN_bin2bn(numbers.exponent, Int32(numbers.exponent.count), nil)
    defer {
      BN_free(n)
      BN_free(e)
    }
    guard let builder = OSSL_PARAM_BLD_new() else { return nil }
    defer { OSSL_PARAM_BLD_free(builder) }
    guard OSSL_PARAM_BLD_push_BN(builder, name("n"), n) == 1, OSSL_PARAM_BLD_push_BN(builder, name("e"), e) == 1,
      let parameters = OSSL_PARAM_BLD_to_param(builder)
    else { return nil }
    defer { OSSL_PARAM_free(parameters) }
    guard let context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil) else { return nil }
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_fromdata_init(context) == 1,
      EVP_PKEY_fromdata(context, &key, postroom_EVP_PKEY_PUBLIC_KEY(), parameters) == 1
    else { return nil }
    return key
  }

  /// OpenSSL keeps the pointer, so the text must outlive the call.
  private static func name(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  }

  /// Whether a signature over these octets is this key's.
  func verifies(_ signature: [UInt8], over data: [UInt8]) -> Bool {
    guard let context = EVP_MD_CTX_new() else { return false }
    defer { EVP_MD_CTX_free(context) }
    let valid: Bool
    switch algorithm {
    case .rsaSHA256:
      valid =
        EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key) == 1
        && EVP_DigestVerify(context, signature, signature.count, data, data.count) == 1
    case .ed25519SHA256:
      // RFC 8463 §3: PureEdDSA over the SHA-256 of what is signed.
      let hash = SHA256.hash(data)
      valid =
        EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
        && EVP_DigestVerify(context, signature, signature.count, hash, hash.count) == 1
    }
    if !valid { ERR_clear_error() }
    return valid
  }
}

/// Reads the little DER that public keys of RSA are made of. Total: any bytes give numbers or `nil`.
struct DERReader {
  struct RSANumbers {
    /// Without leading zeros.
    var modulus: [UInt8]
    var exponent: [UInt8]
  }

  private var rest: ArraySlice<UInt8>

  private static let rsaEncryption: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]

  static func rsaNumbers(_ data: [UInt8]) -> RSANumbers? {
    var outer = DERReader(rest: data[...])
    guard var sequence = outer.reader(0x30), outer.rest.isEmpty else { return nil }
    if sequence.rest.first == 0x30 {
      // SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 3279 §2.3.1).
      guard var algorithm = sequence.reader(0x30), let name = algorithm.value(0x06), name.elementsEqual(rsaEncryption),
        let bits = sequence.value(0x03), bits.first == 0
      else { return nil }
      var inner = DERReader(rest: bits.dropFirst())
      guard let numbers = inner.reader(0x30) else { return nil }
      sequence = numbers
    }
    guard let modulus = sequence.integer(), let exponent = sequence.integer(), sequence.rest.isEmpty else {
      return nil
    }
    return RSANumbers(modulus: modulus, exponent: exponent)
  }

  private mutating func reader(_ tag: UInt8) -> DERReader? { value(tag).map { DERReader(rest: $0) } }

  /// A positive number.
  private mutating func integer() -> [UInt8]? {
    guard let value = value(0x02), let first = value.first, first & 0x80 == 0 else { return nil }
    let number = value.drop { $0 == 0 }
    return number.isEmpty ? nil : Array(number)
  }

  private mutating func value(_ tag: UInt8) -> ArraySlice<UInt8>? {
    guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
    var length = Int(first)
    if first & 0x80 != 0 {
      let count = Int(first & 0x7f)
      guard (1...3).contains(count), rest.count >= count else { return nil }
      length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(count)
    }
    guard length <= rest.count else { return nil }
    defer { rest = rest.dropFirst(length) }
    return rest.prefix(length)
  }
}
