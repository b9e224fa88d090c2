/// What is known about the TLS of a connection after its handshake.
public struct TLSSession: Hashable, Sendable {
  /// Whether the peer's certificate was checked, and what came of it (only where this side is the client).
  public enum Verification: Hashable, Sendable {
    /// Nobody asked for a certificate: this side is the server.
    case none
    /// The chain leads to a trusted root and the certificate is for the name.
    case verified
    /// A TLSA record vouches for the server; this is its usage: 2 or 3.
    case associated(usage: UInt8)
    /// The certificate did not hold, and the mode let it pass. The text says why.
    case unverified(String)
  }

  /// `TLSv1.2` or `TLSv1.3`.
  public var version: String
  /// The cipher suite by OpenSSL's name, such as `TLS_AES_256_GCM_SHA384`.
  public var cipher: String
  /// Strength of the cipher in bits.
  public var bits: Int
  /// The name that the client asked for (SNI), in lower case.
  public var serverName: String?
  /// Whether an earlier session was resumed.
  public var resumed: Bool
  public var verification: Verification
  /// What was wrong with the certificate where it is ``Verification/unverified(_:)``.
  public var fault: CertificateFault?
  /// Key material for channel binding `tls-exporter` (RFC 9266), 32 bytes. Only with TLS 1.3, where it is unique.
  public var exporter: [UInt8]?

  /// The peer has proved who it is.
  public var isVerified: Bool {
    switch verification {
    case .verified, .associated: true
    case .none, .unverified: false
    }
  }

  public init(
    version: String, cipher: String, bits: Int, serverName: String? = nil, resumed: Bool = false,
    verification: Verification = .none, fault: CertificateFault? = nil, exporter: [UInt8]? = nil
  ) {
    self.version = version
    self.cipher = cipher
    self.bits = bits
    self.serverName = serverName
    self.resumed = resumed
    self.verification = verification
    self.fault = fault
    self.exporter = exporter
  }
}

/// What came of STARTTLS.
public struct StartedTLS: Hashable, Sendable {
  public var session: TLSSession
  /// Bytes that the peer had sent in plain text after STARTTLS. They were thrown away, not obeyed; a client that did
  /// this is broken or under attack, and so is a server.
  public var injected: Int

  public init(session: TLSSession, injected: Int) {
    self.session = session
    self.injected = injected
  }
}
