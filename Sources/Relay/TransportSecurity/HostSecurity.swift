internal import Configuration
internal import Network
internal import Platform
internal import SMTP

/// What TLS must do with one mail exchanger.
struct HostSecurity: Hashable, Sendable {
  enum Level: Hashable, Sendable {
    /// No TLS.
    case none
    /// TLS where the server offers it and it works; whoever answers is believed.
    case offered
    /// TLS or nothing; whoever answers is believed.
    case encrypted
    /// TLS or nothing; the certificate must be valid and for the host's name.
    case certificate
    /// TLS or nothing; a TLSA record must be about the server. `base` is the name that it is asked for by SNI.
    case dane([TLSARecord], base: String, names: [String])
  }

  var level: Level
  /// Whose wish it is, for traces and errors, as half a sentence.
  var because: String
  /// The server must offer REQUIRETLS.
  var demandsRequireTLS = false
}

/// What may be done with one mail exchanger. The order of precedence is this:
///
///     REQUIRETLS ─▶ a configured mode ─▶ TLS-Required: No ─▶ DANE ─▶ MTA-STS enforce ─▶ TLS where it is offered
///
/// `TLS-Required: No` lifts what the destination publishes, never what the configuration asks for (RFC 8689 §4.2.2). MTA-STS never
/// overrides DANE (RFC 8461 §2).
enum SecurityDecision: Hashable, Sendable {
  case use(HostSecurity)
  /// Not this host, and not now; perhaps the next one.
  case skip(SecurityObstacle)
  /// This host cannot meet REQUIRETLS, now or later.
  case unfit(SecurityObstacle)

  init(_ facts: SecurityFacts) {
    if facts.wish == .required {
      self = Self.requireTLS(facts)
    } else if facts.wish == .waived || facts.mode == .opportunistic || facts.mode == .none {
      self = Self.configured(facts)
    } else {
      self = Self.published(facts)
    }
  }

  /// RFC 8689 §4.2.1: a host that is proven to be the domain's, by DNSSEC or MTA-STS; a certificate that is proven to be the
  /// host's; and REQUIRETLS.
  private static func requireTLS(_ facts: SecurityFacts) -> SecurityDecision {
    if facts.mode == .none {
      return .unfit(SecurityObstacle(.encryption, "appliance.conf forbids TLS with \(facts.domain)"))
    }
    if case .failed(let reason) = facts.tlsa { return .skip(SecurityObstacle(.dns, reason)) }
    var isNamed = false
    if case .policy(let policy) = facts.sts, policy.mode != .none { isNamed = policy.names(facts.host) }
    guard facts.isHostProven || isNamed else {
      if case .failed(let failure) = facts.sts { return .skip(SecurityObstacle(.policy(failure.kind), failure.reason)) }
      return .unfit(
        SecurityObstacle(
          .encryption,
          "neither DNSSEC nor MTA-STS proves that \(facts.host) is a server of \(facts.domain), as REQUIRETLS demands"))
    }
    let because = "the sender demands it by REQUIRETLS"
    if case .usable(let records, let base) = facts.tlsa {
      return .use(
        HostSecurity(level: dane(records, base.ascii, facts), because: because, demandsRequireTLS: true))
    }
    if facts.mode == .dane { return .skip(noDANE(facts)) }
    if let obstacle = excluded(facts) { return .unfit(obstacle) }
    return .use(HostSecurity(level: .certificate, because: because, demandsRequireTLS: true))
  }

  /// What the domain publishes counts for nothing; what appliance.conf says does.
  private static func configured(_ facts: SecurityFacts) -> SecurityDecision {
    let because = "appliance.conf asks for it"
    switch facts.mode {
    case .none: return .use(HostSecurity(level: .none, because: "appliance.conf forbids TLS"))
    case .automatic, .opportunistic:
      let why = facts.wish == .waived ? "the sender wants it so by TLS-Required: No" : because
      return .use(HostSecurity(level: .offered, because: why))
    case .require: return .use(HostSecurity(level: .encrypted, because: because))
    case .verify, .dane:
      switch facts.tlsa {
      case .failed(let reason): return .skip(SecurityObstacle(.dns, reason))
      case .usable(let records, let base):
        return .use(HostSecurity(level: dane(records, base.ascii, facts), because: because))
      case .absent, .unusable:
        return facts.mode == .dane
          ? .skip(noDANE(facts)) : .use(HostSecurity(level: .certificate, because: because))
      }
    }
  }

  private static func published(_ facts: SecurityFacts) -> SecurityDecision {
    switch facts.tlsa {
    // RFC 7672 §2.1.2: a look-up that fails may be an attack, so the host is left alone for now.
    case .failed(let reason): return .skip(SecurityObstacle(.dns, reason))
    case .usable(let records, let base):
      return .use(HostSecurity(level: dane(records, base.ascii, facts), because: "its TLSA records ask for it"))
    case .absent, .unusable: break
    }
    if facts.mode == .dane { return .skip(noDANE(facts)) }
    if let obstacle = excluded(facts) { return .skip(obstacle) }
    if case .policy(let policy) = facts.sts, policy.mode == .enforce {
      return .use(HostSecurity(level: .certificate, because: "the MTA-STS policy of \(facts.domain) asks for it"))
    }
    if facts.mode == .verify { return .use(HostSecurity(level: .certificate, because: "appliance.conf asks for it")) }
    if facts.mode == .require { return .use(HostSecurity(level: .encrypted, because: "appliance.conf asks for it")) }
    if facts.tlsa == .unusable {
      return .use(HostSecurity(level: .encrypted, because: "it has TLSA records, though none that can be used"))
    }
    return .use(HostSecurity(level: .offered, because: "nobody asks for more"))
  }

  /// RFC 7672 §3.2.3: the base domain of the records, and the domain itself where DNSSEC proves that the host is its.
  private static func dane(
    _ records: [TLSARecord], _ base: String, _ facts: SecurityFacts
  ) -> HostSecurity.Level {
    var names = facts.host == base ? [] : [facts.host]
    if facts.isHostProven, facts.domain != base { names.append(facts.domain) }
    return .dane(records, base: base, names: names)
  }

  /// RFC 8461 §4.1: a host that the policy does not name gets nothing.
  private static func excluded(_ facts: SecurityFacts) -> SecurityObstacle? {
    guard case .policy(let policy) = facts.sts, policy.mode == .enforce, !policy.names(facts.host) else { return nil }
    return SecurityObstacle(
      .exchanger, "the MTA-STS policy of \(facts.domain) does not name \(facts.host) as one of its servers")
  }

  private static func noDANE(_ facts: SecurityFacts) -> SecurityObstacle {
    SecurityObstacle(
      .noDANE, "appliance.conf asks for DANE with \(facts.domain), and \(facts.host) has no usable TLSA records")
  }
}

/// What keeps a message from a host.
struct SecurityObstacle: Error, Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// A look-up failed that the decision needs.
    case dns
    /// The domain's MTA-STS policy could not be had.
    case policy(STSFailure.Kind)
    /// The domain's MTA-STS policy does not name the host.
    case exchanger
    /// Configured DANE has no records.
    case noDANE
    /// There can be no TLS of the kind that the message needs.
    case encryption
    /// The server offers no STARTTLS.
    case noStartTLS
    /// The handshake failed over the certificate.
    case certificate(CertificateFault)
    /// The handshake failed, or the server does not want one now.
    case handshake
    /// The server does not offer REQUIRETLS.
    case noRequireTLS
  }

  var kind: Kind
  /// Half a sentence.
  var reason: String

  init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }
}
