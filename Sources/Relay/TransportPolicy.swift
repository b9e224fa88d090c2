internal import Configuration
internal import Network
internal import SMTP

/// What TLS with one host must be.
struct TransportPolicy: Sendable, Hashable {
  /// How STARTTLS is used. With `opportunistic` mail goes out in plain text where the handshake fails (RFC 3207 §6 leaves it
  /// to us).
  var startTLS: ClientMachine.TLSPolicy
  /// TLS from the first byte.
  var isImplicit = false
  var verification: ClientTLS.Verification
  /// The name that the server is asked for by SNI and proves; `nil`: the host's.
  var serverName: String?
  /// The server must offer REQUIRETLS.
  var demandsRequireTLS = false
  /// Whose wish it is, as half a sentence.
  var because: String?

  /// STARTTLS where it is offered; whoever answers is believed.
  static let opportunistic = TransportPolicy(startTLS: .opportunistic, verification: .none)

  /// What a route or the smart host asks for.
  static func configured(_ mode: Configuration.NextHop.TLSMode) -> TransportPolicy {
    switch mode {
    case .off: TransportPolicy(startTLS: .never, verification: .none)
    case .opportunistic: .opportunistic
    case .encrypted: TransportPolicy(startTLS: .required, verification: .none)
    case .verified: TransportPolicy(startTLS: .required, verification: .required)
    case .implicit: TransportPolicy(startTLS: .never, isImplicit: true, verification: .required)
    }
  }

  /// What a message with REQUIRETLS asks of a server that the configuration names: that makes its name known, and its
  /// certificate must prove it (RFC 8689 §4.2.1). `nil`: the configuration forbids TLS.
  static func requireTLS(_ mode: Configuration.NextHop.TLSMode) -> TransportPolicy? {
    guard mode != .off else { return nil }
    var policy = configured(mode == .implicit ? .implicit : .verified)
    policy.demandsRequireTLS = true
    policy.because = "the sender demands it by REQUIRETLS"
    return policy
  }
}

extension TransportPolicy {
  init(_ security: HostSecurity) {
    switch security.level {
    case .none: self.init(startTLS: .never, verification: .none)
    case .offered: self = .opportunistic
    case .encrypted: self.init(startTLS: .required, verification: .none)
    case .certificate: self.init(startTLS: .required, verification: .required)
    case .dane(let records, let base, let names):
      self.init(startTLS: .required, verification: .dane(records, names: names))
      serverName = base
    }
    demandsRequireTLS = security.demandsRequireTLS
    because = security.because
  }
}
