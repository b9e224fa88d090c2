internal import COpenSSL

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
