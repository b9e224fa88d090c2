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
}
