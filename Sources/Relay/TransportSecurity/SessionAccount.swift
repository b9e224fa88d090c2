internal import MailFlow
internal import Message
internal import Network
internal import Platform
internal import SMTP
internal import Store

/// Keeps account of what TLS with other servers came to, as RFC 8460 wants it: each session counts once, under the policy that held
/// for it.
struct SessionAccount: Sendable {
  let clock: Clock
  let count: @Sendable (TLSSessionCount) -> Void

  /// A session with one mail exchanger has come so far that mail could be sent, or has come to nothing.
  ///
  /// - Parameters:
  ///   - tls: of the session; `nil`: there is none.
  ///   - obstacle: what kept mail from being sent; `nil`: nothing did.
  func note(
    _ facts: SecurityFacts, address: IPAddress?, tls: TLSSession?, obstacle: SecurityObstacle?
  ) {
    guard facts.isReported else { return }
    var row = row(facts)
    // A success needs no details.
    if let (result, reason) = result(facts, tls, obstacle) {
      (row.host, row.address) = (facts.host, address?.description ?? "")
      (row.result, row.reason) = (result, displayable(reason, limit: 300))
    }
    count(row)
  }

  private func row(_ facts: SecurityFacts) -> TLSSessionCount {
    var row = TLSSessionCount(
      day: TLSSessionCount.day(of: clock.now()), domain: facts.domain, policyType: "no-policy-found")
    switch (facts.tlsa, facts.sts) {
    case (.usable(let records, _), _):
      row.policyType = "tlsa"
      row.policy = records.map(\.description).joined(separator: "\n")
    case (.failed, _), (.unusable, _): row.policyType = "tlsa"
    case (.absent, .policy(let policy)):
      row.policyType = "sts"
      row.policy = policy.lines.joined(separator: "\n")
    case (.absent, .failed): row.policyType = "sts"
    case (.absent, .absent): break
    }
    return row
  }

  /// The result type of RFC 8460 §4.3 and more about it; `nil` for success.
  private func result(
    _ facts: SecurityFacts, _ tls: TLSSession?, _ obstacle: SecurityObstacle?
  ) -> (String, String)? {
    // Without its policy the session came to what it came to by chance.
    if facts.tlsa == .absent, case .failed(let failure) = facts.sts { return (failure.kind.rawValue, failure.reason) }
    if let obstacle { return Self.result(obstacle) }
    if facts.tlsa == .unusable { return ("tlsa-invalid", "none of the TLSA records can be used") }
    guard let tls else { return ("starttls-not-supported", "") }
    // A policy in its test: nothing was asked of the session, and what would have failed is told.
    if facts.tlsa == .absent, case .policy(let policy) = facts.sts, policy.mode == .testing {
      if !policy.names(facts.host) { return ("validation-failure", "the policy does not name this server") }
      if let fault = tls.fault { return (fault.resultType, fault.rawValue) }
    }
    return nil
  }

  private static func result(_ obstacle: SecurityObstacle) -> (String, String)? {
    switch obstacle.kind {
    case .dns: ("dnssec-invalid", obstacle.reason)
    case .policy(let kind): (kind.rawValue, obstacle.reason)
    case .exchanger: ("validation-failure", "the policy does not name this server")
    case .noDANE: ("dane-required", "")
    case .noStartTLS: ("starttls-not-supported", "")
    case .certificate(let fault): (fault.resultType, obstacle.reason)
    case .handshake: ("validation-failure", obstacle.reason)
    // The sender wanted more than the domain promises: no fault of the domain's.
    case .encryption, .noRequireTLS: nil
    }
  }
}

extension SecurityFacts {
  /// Whether the domain's own policy held for the session.
  fileprivate var isReported: Bool { wish != .waived && mode != .opportunistic && mode != .none }
}

extension CertificateFault {
  /// Its result type (RFC 8460 §4.3.1, §4.3.2).
  fileprivate var resultType: String {
    switch self {
    case .expired: "certificate-expired"
    case .nameMismatch: "certificate-host-mismatch"
    case .notYetValid, .untrusted: "certificate-not-trusted"
    case .notAssociated: "validation-failure"
    }
  }
}
