internal import Resolver
internal import SMTP

/// MTA-STS: the record, the host, and the policy that stands there (RFC 8461).
extension DomainCheck {
  /// A policy should last for long, since it protects only those who still have it.
  private static let shortestAge = 604_800

  func mtaSTS() async -> DomainFinding {
    var finding = DomainFinding("MTA-STS")
    guard let needed = setup.sts, let text = await policy(needed, "v=stsv1", &finding) else { return finding }
    finding.good("\(text)")
    if STSRecord(text) == nil {
      finding.fault("It must be v=STSv1; and an id of 1 to 32 letters and digits (RFC 8461 §3.1).", needed)
    }
    guard let host = setup.stsHost, await hasAddress(host, &finding) else { return finding }
    await judgeDocument(&finding)
    return finding
  }

  private func hasAddress(_ host: NeededRecord, _ finding: inout DomainFinding) async -> Bool {
    for type in [DNSRecordType.a, .aaaa] {
      switch await look({ dns async throws(DNSFailure) in try await dns.records(type, of: host.name) }) {
      case .failure(let why):
        finding.fault("\(why).")
        return false
      case .answer(let answer) where !answer.values.isEmpty: return true
      case .answer: break
      }
    }
    finding.fault("\(host.name) has no address, so nobody finds the policy.", host)
    return false
  }

  private func judgeDocument(_ finding: inout DomainFinding) async {
    let place = "https://\(STSPolicy.host(of: setup.domain.ascii))\(STSPolicy.path)"
    guard let fetch else { return finding.good("\(place) was not fetched.") }
    let lines = setup.stsPolicy.split(separator: "\r\n").joined(separator: " / ")
    switch await fetch(setup.domain) {
    case .failure(let why):
      finding.fault("\(place) cannot be fetched: \(why). It must be there, with these lines: \(lines)")
    case .document(let document):
      do throws(STSPolicy.Mistake) {
        let policy = try STSPolicy(document)
        await judge(policy, &finding)
      } catch {
        finding.fault("What is at \(place) is no policy: \(error). It should be: \(lines)")
      }
    }
  }

  private func judge(_ policy: STSPolicy, _ finding: inout DomainFinding) async {
    finding.good("The policy: \(policy.lines.joined(separator: " / "))")
    switch policy.mode {
    case .enforce: break
    case .testing:
      finding.advise("mode: testing only reports: make it enforce when the reports of TLSRPT show no failures.")
    case .none: return finding.advise("mode: none says that there is no policy: make it enforce.")
    }
    let exchangers = await exchangers(&finding).map(\.exchange).filter { !$0.isRoot }
    for exchange in exchangers where !policy.names(exchange.ascii) {
      let sentence = "The policy does not name \(exchange), which is in the MX records: add the line mx: \(exchange)."
      if policy.mode == .enforce {
        finding.fault(sentence + " Until then servers that know MTA-STS send nothing to it.")
      } else {
        finding.advise(sentence)
      }
    }
    if !exchangers.isEmpty, !exchangers.contains(where: { policy.names($0.ascii) }), policy.mode == .enforce {
      finding.fault("It names none of the MX: servers that know MTA-STS send no mail to \(setup.domain).")
    }
    if policy.maxAge < Self.shortestAge {
      finding.advise(
        "max_age: \(policy.maxAge) is short: others forget the policy soon, and without it there is no protection. "
          + "\(Self.shortestAge) (a week) or more is usual.")
    }
  }
}
