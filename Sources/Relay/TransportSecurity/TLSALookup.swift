internal import Network
internal import Platform
internal import Resolver

/// Finds the TLSA records of a mail exchanger (RFC 7672 §2.2).
struct TLSALookup: Sendable {
  let dns: any DNS
  let trust: ClientTrust

  /// TLSA records are asked for only where DNSSEC proves the host's addresses, or the alias that leads to them: name servers of
  /// unsigned zones are known to fail at such questions, and an answer of theirs would count for nothing (§2.2.2).
  func finding(for host: ReachableHost) async -> TLSAFinding {
    do throws(DNSFailure) {
      for base in try await bases(of: host) {
        let answer = try await dns.tlsa(base, port: host.host.port)
        guard answer.isSecure, !answer.values.isEmpty else { continue }
        let usable = trust.usable(answer.values)
        return usable.isEmpty ? .unusable : .usable(usable, base: base)
      }
      return .absent
    } catch {
      return .failed("\(error)")
    }
  }

  /// The names below which records may stand: the one to which aliases lead, then the host's own (§2.2.3).
  private func bases(of host: ReachableHost) async throws(DNSFailure) -> [DomainName] {
    guard let name = host.host.name else { return [] }
    let end = host.canonicalName ?? name
    if host.isProven { return end == name ? [name] : [end, name] }
    // A signed alias that leads out of its zone: its own records still count.
    guard end != name, try await dns.cname(name).isSecure else { return [] }
    return [name]
  }
}
