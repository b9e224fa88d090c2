internal import Resolver
internal import SMTP

/// What the domain says of its mail: who sends it, and how it is to be carried.
extension DomainCheck {
  func domainSPF() async -> DomainFinding {
    var finding = DomainFinding("SPF")
    guard let text = await policy(setup.domainSPF, "v=spf1", &finding) else { return finding }
    finding.good("\(text)")
    let words = text.lowercased().split(separator: " ").dropFirst().map(String.init)
    let mechanisms = words.map { $0.hasPrefix("+") ? String($0.dropFirst()) : $0 }
    judgeEnd(words, &finding, setup.domainSPF)
    let names = ["mx", "a:\(setup.host)", "mx:\(setup.domain)"] + (setup.host == setup.domain ? ["a"] : [])
    let isNamed =
      mechanisms.contains(where: names.contains)
      || setup.addresses.contains { address in mechanisms.contains { Self.spf($0, names: "\(address)") } }
    if !isNamed, !setup.leavesElsewhere,
      !mechanisms.contains(where: { $0.hasPrefix("include:") || $0.hasPrefix("redirect=") })
    {
      finding.fault("It does not name this machine, so our mail fails.", setup.domainSPF)
    }
    let lookUps = mechanisms.filter { word in
      ["include:", "exists:", "redirect=", "ptr"].contains(where: word.hasPrefix) || word == "a" || word == "mx"
        || word.hasPrefix("a:") || word.hasPrefix("mx:") || word.hasPrefix("a/") || word.hasPrefix("mx/")
    }.count
    if lookUps > 10 { finding.fault("It needs \(lookUps) look-ups; others stop after 10 (RFC 7208 §4.6.4).") }
    return finding
  }

  private static func spf(_ mechanism: String, names address: String) -> Bool {
    mechanism == "ip4:\(address)" || mechanism == "ip6:\(address)"
  }

  private func judgeEnd(_ words: [String], _ finding: inout DomainFinding, _ needed: NeededRecord) {
    guard let all = words.last(where: { $0.hasSuffix("all") }) else {
      if !words.contains(where: { $0.hasPrefix("redirect=") }) {
        finding.advise("It says nothing of other senders: end it with -all.", needed)
      }
      return
    }
    switch all {
    case "-all", "~all": break
    case "?all": finding.advise("?all protects from nothing: end it with -all.", needed)
    default: finding.fault("\(all) lets everybody send mail of the domain: end it with -all.", needed)
    }
  }

  func hostSPF() async -> DomainFinding {
    var finding = DomainFinding("SPF of the host")
    if setup.host == setup.domain {
      finding.good("The host has the domain's name.")
      return finding
    }
    guard let text = await policy(setup.hostSPF, "v=spf1", &finding) else {
      finding.advise(
        "Mail that is forwarded leaves with return addresses at \(setup.host) (SRS): others check this record then.")
      return finding
    }
    finding.good("\(text)")
    judgeEnd(text.lowercased().split(separator: " ").dropFirst().map(String.init), &finding, setup.hostSPF)
    return finding
  }

  func dkim() async -> DomainFinding {
    var finding = DomainFinding("DKIM")
    guard let records = setup.signingRecords else {
      finding.advise("The keys are not at hand, so nothing was looked up.")
      return finding
    }
    if records.isEmpty {
      finding.advise("Mail of the domain is not signed yet. Make keys: postroom dkim new \(setup.domain)")
    }
    for needed in setup.signingKeys {
      guard case .txt(let wanted) = needed.record else { continue }
      switch await look({ dns async throws(DNSFailure) in try await dns.txt(needed.name) }) {
      case .failure(let why): finding.fault("\(why).")
      case .answer(let answer):
        let key = PolicyTags(wanted)["p"]
        if answer.values.isEmpty {
          finding.missing("\(needed.name) is not there.", needed)
        } else if answer.values.contains(where: { PolicyTags($0)["p"] == key }) {
          finding.good("\(needed.name) has the key.")
        } else {
          finding.fault("\(needed.name) has another key.", needed)
        }
      }
    }
    return finding
  }

  func dmarc() async -> DomainFinding {
    var finding = DomainFinding("DMARC")
    guard let needed = setup.dmarc, let text = await policy(needed, "v=dmarc1", &finding) else { return finding }
    finding.good("\(text)")
    let tags = PolicyTags(text)
    switch tags["p"]?.lowercased() {
    case "reject", "quarantine": break
    case "none": finding.advise("p=none only watches: raise it to quarantine or reject when the reports are clean.")
    case let other: finding.fault("p is \(other ?? "missing"), and must be none, quarantine or reject.", needed)
    }
    guard let reports = tags["rua"], !reports.isEmpty else {
      finding.advise("It names nobody who gets reports (rua).", needed)
      return finding
    }
    await checkReports(reports, &finding)
    return finding
  }

  /// Reports go to another domain only if that one agrees (RFC 7489 §7.1).
  private func checkReports(_ reports: String, _ finding: inout DomainFinding) async {
    for target in reports.split(separator: ",").map({ String($0.filter { $0 != " " }) }) {
      guard target.lowercased().hasPrefix("mailto:"), let at = target.lastIndex(of: "@"),
        let other = DomainName(target[target.index(after: at)...].prefix { $0 != "!" && $0 != "?" })
      else {
        finding.fault("\(target) is no mailto: address.")
        continue
      }
      if other.isWithin(setup.domain) || setup.domain.isWithin(other) { continue }
      let labels = setup.domain.labels + ["_report", "_dmarc"] + other.labels
      guard let name = DomainName(labels: labels.map { Array($0.utf8) }) else { continue }
      if case .answer(let agreed) = await texts(name, "v=dmarc1"), agreed.values.isEmpty {
        finding.advise(
          "\(other) has not agreed to get the reports of \(setup.domain)",
          NeededRecord(name, .txt, .txt("v=DMARC1"), .recommended, "In the zone of \(other)."))
      }
    }
  }

  func domainTLSReporting() async -> DomainFinding { await tlsReporting("TLSRPT", setup.domainTLSReporting) }

  /// Those who use DANE report by the name of the MX (RFC 8460 §3).
  func hostTLSReporting() async -> DomainFinding {
    if setup.host == setup.domain {
      var finding = DomainFinding("TLSRPT of the host")
      finding.good("The host has the domain's name.")
      return finding
    }
    return await tlsReporting("TLSRPT of the host", setup.hostTLSReporting)
  }

  private func tlsReporting(_ group: String, _ needed: NeededRecord?) async -> DomainFinding {
    var finding = DomainFinding(group)
    guard let needed, let text = await policy(needed, "v=tlsrptv1", &finding) else { return finding }
    finding.good("\(text)")
    if TLSReportRecord(text) == nil {
      finding.fault("rua must have mailto: or https: addresses (RFC 8460 §3).", needed)
    }
    return finding
  }
}
