internal import COpenSSL
internal import NIOCore
internal import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// One TLS connection as a machine without I/O: ciphertext in, plaintext out, and the other way round.
///
///     handshaking ──finished──▶ open ──close_notify from the peer──▶ ended
///          └──────failed────────┴──▶ failed
final class TLSEngine {
  enum Progress {
    /// Needs more from the peer.
    case waiting
    /// Done (this and every later time).
    case finished
  }

  private let ssl: OpaquePointer
  private let ciphertext = Ciphertext()
  /// Kept alive for the SNI callback, and because the SSL object uses its contexts.
  private let contexts: ServerContextSet?
  private let isServer: Bool
  /// The handshake fails if the server does not prove who it is.
  private var demandsProof = false
  /// TLSA records decide who the server is.
  private var usesDANE = false
  private(set) var isFinished = false
  private(set) var isEnded = false
  private var isShutDown = false

  /// The server's side.
  init(server contexts: ServerContextSet) throws {
    guard let ssl = SSL_new(contexts.fallback.pointer) else {
      throw TLSError("OpenSSL could not make a connection: \(takeOpenSSLErrors() ?? "out of memory")")
    }
    self.ssl = ssl
    self.contexts = contexts
    isServer = true
    SSL_set_accept_state(ssl)
    try attach()
    _ = postroom_SSL_set_app_data(ssl, Unmanaged.passUnretained(contexts).toOpaque())
  }

  /// The client's side.
  init(client: ClientTLS) throws {
    guard let ssl = SSL_new(client.context.pointer) else {
      throw TLSError("OpenSSL could not make a connection: \(takeOpenSSLErrors() ?? "out of memory")")
    }
    self.ssl = ssl
    contexts = nil
    isServer = false
    SSL_set_connect_state(ssl)
    try attach()
    if let name = client.serverName {
      if let address = IPAddress(name) {
        // SNI has names only, no addresses (RFC 6066).
        X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), address.bytes, address.bytes.count)
      } else {
        // Without the dot that ends an absolute name.
        let name = name.hasSuffix(".") ? String(name.dropLast()) : name
        _ = postroom_SSL_set_tlsext_host_name(ssl, name)
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        guard SSL_set1_host(ssl, name) == 1 else { throw TLSError("\(name) is no name to check a certificate for") }
      }
    }
    switch client.verification {
    case .none: break
    case .required: demandsProof = true
    case .dane(let associations, let names): try useDANE(associations, names, serverName: client.serverName)
    }
    SSL_set_verify(ssl, demandsProof ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
  }

  /// OpenSSL's own verification: it also follows the publisher's digest agility (RFC 7671 §9).
  private func useDANE(_ associations: [TLSARecord], _ names: [String], serverName: String?) throws {
    guard let serverName, IPAddress(serverName) == nil else {
      throw TLSError("DANE needs the name of the server, below which its TLSA records stand")
    }
    let base = serverName.hasSuffix(".") ? String(serverName.dropLast()) : serverName
    guard SSL_dane_enable(ssl, base) > 0 else {
      throw TLSError("\(base) is no name for DANE: \(takeOpenSSLErrors() ?? "no reason given")")
    }
    postroom_SSL_dane_ignore_EE_names(ssl)
    for name in names where name != base { _ = SSL_add1_host(ssl, name) }
    for association in associations where association.add(to: ssl) { usesDANE = true }
    ERR_clear_error()
    demandsProof = usesDANE
  }

  private func attach() throws {
    guard let bio = ciphertext.makeBIO() else { throw TLSError("OpenSSL could not make a BIO") }
    SSL_set_bio(ssl, bio, bio)
  }

  deinit { SSL_free(ssl) }

  // MARK: Ciphertext

  func receive(_ bytes: ByteBuffer) {
    if ciphertext.incoming.readableBytes == 0 {
      ciphertext.incoming = bytes
    } else {
      ciphertext.incoming.writeImmutableBuffer(bytes)
    }
  }

  /// Ciphertext that must go to the network, if there is any.
  func takeOutput() -> ByteBuffer? {
    guard ciphertext.outgoing.readableBytes > 0 else { return nil }
    defer { ciphertext.outgoing = ByteBuffer() }
    return ciphertext.outgoing
  }

  // MARK: The handshake

  func handshake() throws -> Progress {
    if isFinished { return .finished }
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 {
      isFinished = true
      return .finished
    }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .waiting
    default: throw failure("the handshake failed")
    }
  }

  // MARK: Plaintext

  /// Decrypts all that has come. `nil` if it made no plaintext yet.
  func decrypt(_ allocator: ByteBufferAllocator) throws -> ByteBuffer? {
    guard isFinished, !isEnded else { return nil }
    var plain = ByteBuffer()
    while true {
      ERR_clear_error()
      if plain.capacity == 0 {
        guard ciphertext.incoming.readableBytes > 0 || SSL_has_pending(ssl) == 1 else { return nil }
        plain = allocator.buffer(capacity: min(max(ciphertext.incoming.readableBytes, 512), Self.largestPiece))
      }
      var result: Int32 = 0
      plain.writeWithUnsafeMutableBytes(minimumWritableBytes: 512) { target in
        result = SSL_read(ssl, target.baseAddress, Int32(clamping: target.count))
        return max(Int(result), 0)
      }
      if result > 0 { continue }
      switch SSL_get_error(ssl, result) {
      case SSL_ERROR_WANT_READ: return plain.readableBytes > 0 ? plain : nil
      case SSL_ERROR_ZERO_RETURN:
        isEnded = true
        return plain.readableBytes > 0 ? plain : nil
      default: throw failure("the connection failed")
      }
    }
  }

  func encrypt(_ bytes: ByteBuffer) throws {
    guard bytes.readableBytes > 0 else { return }
    try bytes.withUnsafeReadableBytes { source in
      var sent = 0
      while sent < source.count, let base = source.baseAddress {
        ERR_clear_error()
        let result = SSL_write(ssl, base + sent, Int32(clamping: source.count - sent))
        guard result > 0 else { throw failure("the connection failed") }
        sent += Int(result)
      }
    }
  }

  /// Says close_notify, once.
  func shutDown() {
    guard isFinished, !isShutDown else { return }
    isShutDown = true
    ERR_clear_error()
    _ = SSL_shutdown(ssl)
    ERR_clear_error()
  }

  /// What is decrypted into one buffer at first, in bytes.
  private static let largestPiece = 64 * 1024

  private func failure(_ what: String) -> TLSError {
    isShutDown = true
    var reason = takeOpenSSLErrors() ?? "the peer ended it"
    let verified = SSL_get_verify_result(ssl)
    if !isServer, verified != Int(X509_V_OK), let words = X509_verify_cert_error_string(verified) {
      reason += " (\(String(cString: words)))"
    }
    return TLSError("\(what): \(reason)", fault: demandsProof ? CertificateFault(verifyResult: verified) : nil)
  }
}

// MARK: What was agreed

extension TLSEngine {
  var session: TLSSession {
    let cipher = SSL_get_current_cipher(ssl)
    let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0).lowercased() }
    return TLSSession(
      version: SSL_get_version(ssl).map { String(cString: $0) } ?? "?",
      cipher: cipher.flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) } ?? "?",
      bits: Int(SSL_CIPHER_get_bits(cipher, nil)), serverName: name, resumed: SSL_session_reused(ssl) == 1,
      verification: verification, fault: isServer ? nil : CertificateFault(verifyResult: SSL_get_verify_result(ssl)),
      exporter: exporter)
  }

  private var verification: TLSSession.Verification {
    if isServer { return .none }
    let result = SSL_get_verify_result(ssl)
    if result == Int(X509_V_OK) {
      var usage: UInt8 = 0
      if usesDANE, SSL_get0_dane_tlsa(ssl, &usage, nil, nil, nil, nil) >= 0 { return .associated(usage: usage) }
      return .verified
    }
    return .unverified(X509_verify_cert_error_string(result).map { String(cString: $0) } ?? "error \(result)")
  }

  /// RFC 9266 defines the exporter for every version; before TLS 1.3 it is unique only under conditions (extended
  /// master secret), so it is not offered there.
  private var exporter: [UInt8]? {
    guard SSL_version(ssl) >= TLS1_3_VERSION else { return nil }
    let label = "EXPORTER-Channel-Binding"
    var material = [UInt8](repeating: 0, count: 32)
    let done = SSL_export_keying_material(ssl, &material, material.count, label, label.utf8.count, nil, 0, 0)
    return done == 1 ? material : nil
  }
}
