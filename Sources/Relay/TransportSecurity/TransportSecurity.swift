internal import Configuration
internal import MailFlow
internal import Network
internal import Platform
internal import Resolver
internal import SMTP

/// # Transport security
///
/// Which TLS a mail exchanger must have before mail is handed to it: DANE (RFC 7672), MTA-STS (RFC 8461), REQUIRETLS and
/// `TLS-Required: No` (RFC 8689), and what the configuration says. The facts are looked up here, the decision is
/// ``SecurityDecision``, OpenSSL proves, and ``SessionAccount`` keeps account of what came of it (RFC 8460).
///
///     host ──TLSA──┐
///     domain ─STS──┼──▶ SecurityFacts ──▶ SecurityDecision ──▶ TransportPolicy ──▶ handshake ──▶ SessionAccount
///     sender, file ┘
struct TransportSecurity: Sendable {
  let tlsa: TLSALookup
  /// `nil`: MTA-STS is nobody's business here.
  var policies: STSPolicies?
  var account: SessionAccount?

  /// What is known about a mail exchanger and the domain that it is said to be of. Looks up only what may count.
  func facts(
    _ reachable: ReachableHost, domain: String, wish: TransportWish, mode: Configuration.TLSPolicy.Mode
  ) async -> SecurityFacts {
    let host = reachable.host
    var facts = SecurityFacts(
      host: host.host, domain: DomainName(domain)?.ascii ?? domain, isHostProven: host.isProven, wish: wish, mode: mode,
      tlsa: .absent, sts: .absent)
    guard host.name != nil, Self.asks(wish, mode) else { return facts }
    facts.tlsa = await tlsa.finding(for: reachable)
    let isSettled: Bool =
      switch facts.tlsa {
      case .usable: wish != .required || host.isProven
      case .failed: true
      case .absent, .unusable: false
      }
    guard !isSettled, wish != .waived, let domain = DomainName(domain), let policies else { return facts }
    facts.sts = await policies.finding(for: domain)
    return facts
  }

  /// Whether anything that a domain publishes can count.
  private static func asks(_ wish: TransportWish, _ mode: Configuration.TLSPolicy.Mode) -> Bool {
    switch (wish, mode) {
    case (.required, _), (_, .verify), (_, .dane): true
    case (.waived, _), (_, .none), (_, .opportunistic): false
    case (.standard, .automatic), (.standard, .require): true
    }
  }
}
