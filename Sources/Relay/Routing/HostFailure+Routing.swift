internal import Platform
internal import Resolver
internal import SMTP

/// What the DNS has against a destination, in words for its sender.
extension HostFailure {
  private static func hopeless(_ subject: Int, _ detail: Int, _ sentence: String) -> HostFailure {
    HostFailure(word: Word(EnhancedCode(5, subject, detail), sentence), isFinal: true, mayTryOthers: false)
  }

  /// 5.1.2: bad destination system address (RFC 3463 §3.2).
  static func noSuchDomain(_ domain: String, _ reason: String) -> HostFailure {
    hopeless(1, 2, "There is no domain \(domain): \(reason). Check the address for a typing error")
  }

  /// 5.1.10: the recipient address has a null MX (RFC 7505 §4.2).
  static func takesNoMail(_ domain: String) -> HostFailure {
    hopeless(1, 10, "The domain \(domain) takes no mail: it says so itself (null MX)")
  }

  /// 5.4.6: routing loop detected (RFC 3463 §3.5).
  static func loop(_ domain: String, _ reason: String) -> HostFailure {
    hopeless(
      4, 6,
      "Mail for \(domain) would come back to this server: \(reason), and does not have the domain: the MX records "
        + "are wrong, or a [[domain]] is missing in appliance.conf")
  }

  /// 5.4.4: unable to route.
  static func noServer(_ domain: String, _ hosts: [String]) -> HostFailure {
    let names = hosts.filter { $0 != domain }
    let reason =
      names.isEmpty ? "it has neither MX records nor an address" : "\(names.joined(separator: ", ")) has no address"
    return hopeless(4, 4, "The domain \(domain) has no mail server: \(reason)")
  }

  /// 5.4.4: unable to route.
  static func forbidden(_ domain: String, _ host: String, _ address: IPAddress) -> HostFailure {
    hopeless(
      4, 4,
      "The mail server of \(domain) cannot be connected to: \(host) is said to be \(address), which is no address "
        + "on the internet (internal-networks in [relay] of appliance.conf could allow it)")
  }

  /// 4.4.3: directory server failure.
  static func unknownWay(_ domain: String, _ failure: DNSFailure) -> HostFailure {
    HostFailure(word: Word(EnhancedCode(4, 4, 3), "The mail server of \(domain) is not known now: \(failure)"))
  }
}
