internal import Network
internal import Platform
internal import Resolver

/// Finds the TLSA records of a mail exchanger (RFC 7672 §2.2).
struct TLSALookup: Sendable {
  let dns: any DNS
  let trust: ClientTrust

  /// TLSA records are asked for only where DNSSEC proves the host's addresses, or the alias that leads to them: name servers of
  /// unsigned zones are known to fail at such questions, and an answer of theirs would count for nothing (§2.2.2).
  func finding(for host: DomainName, port: Int = 25) async -> TLSAFinding {
    do throws(DNSFailure) {
      for base in try await bases(of: host) {
        let answer = try await dns.tlsa(base, port: port)
        guard answer.isSecure, !answer.values.isEmpty else { continue }
        let usable = trust.usable(answer.values.map { CertificateAssociation($0) })
        return usable.isEmpty ? .unusable : .usable(usable, base: base)
      }
      return .absent
    } catch {
      return .failed("\(error)")
    }
  }

  /// The names below which records may stand: the one to which aliases lead, then the host's own (§2.2.3).
  private func bases(of host: DomainName) async throws(DNSFailure) -> [DomainName] {
    var name = host
    var isSecure = false
    // Whoever wants to connect has looked up both; one that failed then has been told of.
    for answer in [try? await dns.a(host), try? await dns.aaaa(host)] {
      guard let answer, answer.existence == .records else { continue }
      name = answer.name
      isSecure = answer.isSecure
      if !isSecure { break }
    }
    if isSecure { return name == host ? [host] : [name, host] }
    // A signed alias that leads out of its zone: its own records still count.
    guard name != host, try await dns.cname(host).isSecure else { return [] }
    return [host]
  }
}

extension CertificateAssociation {
  init(_ record: TLSARecord) {
    self.init(
      usage: record.usage, selector: record.selector, matchingType: record.matchingType, data: record.data)
  }
}
