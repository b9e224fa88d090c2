internal import Resolver

/// What mail programs look for.
extension DomainCheck {
  func services() async -> DomainFinding {
    var finding = DomainFinding("SRV")
    for needed in setup.services6186 {
      guard case .srv(let wanted) = needed.record else { continue }
      switch await look({ dns async throws(DNSFailure) in try await dns.srv(needed.name) }) {
      case .failure(let why): finding.fault("\(why).")
      case .answer(let answer):
        let found = answer.values
        if wanted.target.isRoot {
          if found.contains(where: { !$0.target.isRoot }) {
            finding.fault("\(needed.name) leads to a service that this machine does not have.", needed)
          }
        } else if found.isEmpty {
          finding.missing("\(needed.name) has none.", needed)
        } else if !found.contains(where: { $0.target == wanted.target && $0.port == wanted.port }) {
          finding.fault(
            "\(needed.name) leads to \(found.map { "\($0.target):\($0.port)" }.joined(separator: ", ")).", needed)
        } else {
          finding.good("\(needed.name) leads to \(wanted.target):\(wanted.port).")
        }
      }
    }
    return finding
  }

  func autoconfig() async -> DomainFinding {
    var finding = DomainFinding("Autoconfig")
    guard let needed = setup.autoconfig else { return finding }
    switch await look({ dns async throws(DNSFailure) in try await dns.a(needed.name) }) {
    case .failure(let why): finding.fault("\(why).")
    case .answer(let answer) where answer.values.isEmpty:
      finding.missing("\(needed.name) leads nowhere.", needed)
    case .answer(let answer):
      finding.good("\(needed.name) is \(answer.values.map(\.description).joined(separator: ", ")).")
    }
    return finding
  }

  func autodiscover() async -> DomainFinding {
    var finding = DomainFinding("Autodiscover")
    guard let needed = setup.autodiscover else { return finding }
    switch await look({ dns async throws(DNSFailure) in try await dns.srv(needed.name) }) {
    case .failure(let why): finding.fault("\(why).")
    case .answer(let answer) where answer.values.isEmpty: finding.missing("\(needed.name) has none.", needed)
    case .answer(let answer):
      finding.good(
        "\(needed.name) leads to \(answer.values.map { "\($0.target):\($0.port)" }.joined(separator: ", ")).")
    }
    return finding
  }
}
