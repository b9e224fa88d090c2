internal import COpenSSL
public import Platform

/// What stands in a certificate, as far as an administrator needs it.
public struct CertificateFacts: Hashable, Sendable {
  /// The names and addresses it is for, in lower case, wildcards as `*.example.com`.
  public var names: [String]
  public var notBefore: Moment
  public var notAfter: Moment
  /// Subject and issuer in one line each.
  public var subject: String
  public var issuer: String
  public var isSelfSigned: Bool
  /// SHA-256 over the certificate's DER form, in hexadecimal.
  public var fingerprint: String
  /// SHA-256 over its public key (SubjectPublicKeyInfo) in DER form: what stands in a TLSA record `3 1 1`.
  public var keyDigest: [UInt8]

  /// Whether the certificate is for a host (RFC 6125: wildcards stand for one whole label at the left).
  public func covers(_ host: String) -> Bool {
    let host = host.lowercased()
    return names.contains { name in
      if name == host { return true }
      guard name.hasPrefix("*."), let dot = host.firstIndex(of: ".") else { return false }
      return host[host.index(after: dot)...] == name.dropFirst(2)
    }
  }
}

/// A certificate with the chain above it and its private key, checked to belong together.
///
/// `@unchecked Sendable`: OpenSSL's certificates and keys are only read after the initialiser, and count their
/// references themselves.
public final class Certificate: @unchecked Sendable {
  public let facts: CertificateFacts
  private let leaf: OpaquePointer
  private let key: OpaquePointer
  private let chain: [OpaquePointer]

  /// Reads PEM text.
  /// - Parameters:
  ///   - certificate: the host's certificate, then those above it.
  ///   - key: its private key, without a passphrase.
  ///   - source: how errors call it, usually the files' names.
  public convenience init(certificate: [UInt8], key: [UInt8], source: String = "the certificate") throws {
    let certificates = try Self.readCertificates(certificate, source)
    guard let leaf = certificates.first else {
      throw TLSError("\(source) holds no certificate: put it there in PEM form, the host's own first")
    }
    guard let secret = Self.readKey(key) else {
      certificates.forEach { X509_free($0) }
      let reason = takeOpenSSLErrors() ?? "no key in it"
      throw TLSError("the key of \(source) cannot be read: \(reason); it must be PEM without a passphrase")
    }
    try self.init(leaf: leaf, chain: Array(certificates.dropFirst()), key: secret, source: source)
  }

  /// Takes over the references.
  init(leaf: OpaquePointer, chain: [OpaquePointer], key: OpaquePointer, source: String) throws {
    self.leaf = leaf
    self.chain = chain
    self.key = key
    facts = certificateFacts(leaf)
    guard X509_check_private_key(leaf, key) == 1 else {
      _ = takeOpenSSLErrors()
      throw TLSError("\(source) and its key do not belong together: the key is another certificate's")
    }
  }

  deinit {
    X509_free(leaf)
    EVP_PKEY_free(key)
    chain.forEach { X509_free($0) }
  }

  func install(in context: TLSContextPointer) throws {
    let done = chain.reduce(
      SSL_CTX_use_certificate(context.pointer, leaf) == 1 && SSL_CTX_use_PrivateKey(context.pointer, key) == 1
    ) { done, certificate in
      done && SSL_CTX_ctrl(context.pointer, SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(certificate)) == 1
    }
    guard done else {
      throw TLSError("OpenSSL refuses the certificate \(facts.subject): \(takeOpenSSLErrors() ?? "no reason given")")
    }
  }

  private static func readCertificates(_ pem: [UInt8], _ source: String) throws -> [OpaquePointer] {
    guard let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count)) else { return [] }
    defer { BIO_free(bio) }
    var certificates: [OpaquePointer] = []
    while let certificate = PEM_read_bio_X509(bio, nil, { _, _, _, _ in 0 }, nil) { certificates.append(certificate) }
    // The last attempt ends with "no start line", which is how the end looks.
    let code = ERR_peek_last_error()
    let isEnd = code == 0 || (code >> 23 & 0xff == 9 && Int32(code & 0x7fffff) == PEM_R_NO_START_LINE)
    let reason = takeOpenSSLErrors() ?? ""
    guard isEnd else {
      certificates.forEach { X509_free($0) }
      throw TLSError("\(source) cannot be read: \(reason)")
    }
    return certificates
  }

  private static func readKey(_ pem: [UInt8]) -> OpaquePointer? {
    guard let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count)) else { return nil }
    defer { BIO_free(bio) }
    // No passphrase is asked for: nobody sits at the console of a service.
    return PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in 0 }, nil)
  }
}
