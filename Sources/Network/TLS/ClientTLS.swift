internal import COpenSSL
public import Platform

/// How this side behaves as a TLS client, and whom it trusts. Make one and keep it: reading the trusted roots takes time.
public final class ClientTrust: Sendable {
  let context: TLSContextPointer

  /// - Parameter roots: a file of trusted certificates in PEM; `nil` for the system's.
  public init(roots: String? = nil) throws {
    context = try TLSContextPointer(TLS_client_method())
    if let roots {
      guard SSL_CTX_load_verify_file(context.pointer, roots) == 1 else {
        let reason = takeOpenSSLErrors() ?? "unreadable"
        throw TLSError("the trusted certificates in \(roots) cannot be read: \(reason)")
      }
    } else {
      SSL_CTX_set_default_verify_paths(context.pointer)
    }
    _ = postroom_SSL_CTX_set_session_cache_mode(context.pointer, Int(SSL_SESS_CACHE_OFF))
    // Changes nothing for connections that bring no TLSA records.
    guard SSL_CTX_dane_enable(context.pointer) > 0 else {
      throw TLSError("OpenSSL could not be made ready for DANE: \(takeOpenSSLErrors() ?? "no reason given")")
    }
  }

  /// The associations that can prove who a mail server is; the others count as if they were not there.
  ///
  /// Usages 0 and 1 are unusable for mail (RFC 7672 §3.1.3); so is whatever OpenSSL does not know or cannot read, such as a
  /// digest of the wrong length (RFC 7671 §4.1 asks clients to set these aside).
  public func usable(_ associations: [TLSARecord]) -> [TLSARecord] {
    guard !associations.isEmpty, let ssl = SSL_new(context.pointer) else { return [] }
    defer {
      SSL_free(ssl)
      ERR_clear_error()
    }
    guard SSL_dane_enable(ssl, "host.invalid") > 0 else { return [] }
    return associations.filter { $0.add(to: ssl) }
  }
}

extension TLSARecord {
  /// Gives it to a connection for which DANE is switched on. `false`: it is unusable there.
  func add(to ssl: OpaquePointer) -> Bool {
    guard usage == Self.trustAnchor || usage == Self.endEntity, !data.isEmpty else { return false }
    return SSL_dane_tlsa_add(ssl, usage, selector, matchingType, data, data.count) > 0
  }
}

/// One outgoing TLS connection's wishes.
public struct ClientTLS: Sendable {
  public enum Verification: Hashable, Sendable {
    /// Encrypts, whoever the peer is (opportunistic TLS, RFC 7435). ``TLSSession/verification`` still tells whether
    /// the certificate would have held.
    case none
    /// The chain must lead to a trusted root, and the certificate must be for the name.
    case required
    /// One of the associations must be about the server (DANE, RFC 7672 §3); trusted roots do not count. Where the
    /// association is a certificate above the server's, that one must be for ``ClientTLS/serverName``, which must be the
    /// name below which the TLSA records stand, or for one of `names` (RFC 7672 §3.2.3). The records must come from an
    /// answer that DNSSEC proves; whoever asks sees to that. Where none of them is usable anybody will do (§2.2), encrypted.
    case dane([TLSARecord], names: [String])
  }

  /// The host's name: sent as SNI, and what the certificate is checked against. An address is only checked.
  public var serverName: String?
  public var verification: Verification
  /// For the whole handshake.
  public var timeLimit: Duration
  let trust: ClientTrust
  var context: TLSContextPointer { trust.context }

  public init(
    serverName: String?, verification: Verification, trust: ClientTrust, timeLimit: Duration = .seconds(30)
  ) {
    self.serverName = serverName
    self.verification = verification
    self.trust = trust
    self.timeLimit = timeLimit
  }
}
