public import Resolver

/// Domain-based Message Authentication, Reporting and Conformance (RFC 7489): whether what SPF or DKIM proves is the domain
/// that a reader sees in From, and what its owner wants done if not.
public struct DMARCCheck: Sendable {
  let dns: any DNS
  let suffixes: PublicSuffixList
  /// 0…99, for `pct`.
  let random: @Sendable () -> Int

  public init(
    dns: any DNS, suffixes: PublicSuffixList = .installed,
    random: @escaping @Sendable () -> Int = { Int.random(in: 0..<100) }
  ) {
    self.dns = dns
    self.suffixes = suffixes
    self.random = random
  }

  /// What was found of a policy.
  public enum Discovery: Sendable, Hashable {
    case record(DMARCRecord, of: DomainName)
    case none
    case temporary(String)
    case permanent(String)
  }

  /// Looks the policy up that holds for a domain (RFC 7489 §6.6.3).
  public func policy(for domain: DomainName) async -> Discovery {
    let own = await record(at: domain)
    guard case .none = own else { return own }
    let organization = suffixes.organizationalDomain(of: domain)
    return organization == domain ? .none : await record(at: organization)
  }

  private func record(at domain: DomainName) async -> Discovery {
    guard let name = DomainName(octets: Array("_dmarc.\(domain.ascii)".utf8)) else { return .none }
    let texts: [String]
    do throws(DNSFailure) {
      texts = try await dns.txt(name).values.filter(DMARCRecord.isRecord)
    } catch {
      return .temporary("\(error)")
    }
    // Several are as good as none.
    guard texts.count == 1, let text = texts.first else { return .none }
    guard let record = DMARCRecord(text) else {
      return .permanent("the DMARC record of \(domain) cannot be read")
    }
    return .record(record, of: domain)
  }

  public func check(_ author: Author, spf: SPFOutcome?, dkim: [DKIMOutcome]) async -> DMARCOutcome {
    guard case .domain(let domain) = author else { return evaluate(author, .none, spf: spf, dkim: dkim) }
    return evaluate(author, await policy(for: domain), spf: spf, dkim: dkim)
  }

  /// Puts together what has been found.
  public func evaluate(
    _ author: Author, _ discovery: Discovery, spf: SPFOutcome?, dkim: [DKIMOutcome]
  ) -> DMARCOutcome {
    switch author {
    case .missing: return DMARCOutcome(result: .permerror, reason: "the message has no From")
    case .several: return DMARCOutcome(result: .permerror, reason: "the message has several authors' domains")
    case .unknown: return DMARCOutcome(result: .none, reason: "the author's address has no domain of the DNS")
    case .domain(let domain):
      switch discovery {
      case .none: return DMARCOutcome(result: .none, domain: domain.ascii)
      case .temporary(let why): return DMARCOutcome(result: .temperror, domain: domain.ascii, reason: why)
      case .permanent(let why): return DMARCOutcome(result: .permerror, domain: domain.ascii, reason: why)
      case .record(let record, let owner): return evaluate(domain, record, of: owner, spf, dkim)
      }
    }
  }

  private func evaluate(
    _ domain: DomainName, _ record: DMARCRecord, of owner: DomainName, _ spf: SPFOutcome?, _ dkim: [DKIMOutcome]
  ) -> DMARCOutcome {
    var outcome = DMARCOutcome(result: .fail, domain: domain.ascii)
    outcome.policyDomain = owner.ascii
    outcome.record = record
    let policy = owner == domain ? record.policy : record.subdomainPolicy ?? record.policy
    outcome.policy = policy
    if let spf, spf.result == .pass {
      outcome.isSPFAligned = isAligned(spf.domain, domain, strictly: record.isStrictForSPF)
    }
    outcome.isDKIMAligned = dkim.contains { signature in
      signature.result == .pass && isAligned(signature.domain ?? "", domain, strictly: record.isStrictForDKIM)
    }
    if outcome.isSPFAligned || outcome.isDKIMAligned {
      outcome.result = .pass
      return outcome
    }
    // RFC 7489 §6.6.2: an error that may pass could have hidden a pass.
    let mayPass =
      spf.map { $0.result == .temperror && isAligned($0.domain, domain, strictly: record.isStrictForSPF) } ?? false
      || dkim.contains {
        $0.result == .temperror && isAligned($0.domain ?? "", domain, strictly: record.isStrictForDKIM)
      }
    if mayPass {
      outcome.result = .temperror
      outcome.reason = "what could have proved the sender cannot be looked up now"
      return outcome
    }
    outcome.disposition = policy
    // RFC 7489 §6.6.4: those that are not sampled get the next milder treatment.
    if record.percent < 100, policy != .none, random() >= record.percent {
      outcome.isSampledOut = true
      outcome.disposition = policy == .reject ? .quarantine : .none
    }
    return outcome
  }

  /// RFC 7489 §3.1.
  private func isAligned(_ proven: String, _ domain: DomainName, strictly isStrict: Bool) -> Bool {
    guard let name = DomainName(proven), !name.isRoot else { return false }
    return isStrict ? name == domain : suffixes.areOneOwners(name, domain)
  }
}
