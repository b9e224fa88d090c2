internal import Resolver

/// Forwarded mail leaves with return addresses at the host's name (SRS), so that bounces come to this machine.
extension DomainCheck {
  func returnAddresses() async -> DomainFinding {
    var finding = DomainFinding("Return addresses")
    if setup.host == setup.domain {
      finding.good("They are at the domain's own name.")
      return finding
    }
    switch await look({ dns async throws(DNSFailure) in try await dns.mx(setup.host) }) {
    case .failure(let why): finding.fault("\(why).")
    case .answer(let answer) where answer.values.isEmpty:
      // The addresses stand in for an MX (RFC 5321 §5.1); the group of the address tells when there are none.
      finding.good("Bounces of forwarded mail, which go to \(setup.host), come to its address.")
    case .answer(let answer) where answer.values.contains { $0.exchange == setup.host }:
      finding.good("Bounces of forwarded mail, which go to \(setup.host), come to this machine.")
    case .answer(let answer):
      let list = answer.values.map { $0.exchange.isRoot ? "nobody (null MX)" : "\($0.exchange)" }
      finding.fault(
        "Bounces of forwarded mail go to \(setup.host), and its MX says \(list.joined(separator: ", ")): senders of "
          + "forwarded mail do not learn that it failed.",
        NeededRecord(
          setup.host, .mx, .mx(MXRecord(preference: 10, exchange: setup.host)), .needed,
          "Bounces of forwarded mail go to this machine; without any MX for the name they do so too."))
    }
    return finding
  }
}
