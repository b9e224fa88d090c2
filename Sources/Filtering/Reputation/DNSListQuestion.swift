internal import Configuration
internal import MailFlow
internal import Message
internal import Platform
internal import Resolver

/// What one list is asked about one message.
struct DNSListQuestion: Sendable {
  /// Domains of one message that a list is asked about at most.
  static let mostDomains = 5

  let list: Configuration.DNSList
  /// The address or domain, in words.
  let about: String
  /// The name whose A records are the answer.
  let name: DomainName
  /// The name below which a list that works has nothing (RFC 5782 §5).
  let neverListed: DomainName?

  init?(_ list: Configuration.DNSList, address: IPAddress) {
    guard let name = Self.name(of: address, in: list.zone) else { return nil }
    self.list = list
    self.name = name
    about = "\(address)"
    // 127.0.0.1, or ::FFFF:7F00:1: as an `IPAddress` that would be the former.
    let labels =
      address.isIPv4 ? "1.0.0.127" : "1.0.0.0.0.0.f.7.f.f.f.f" + String(repeating: ".0", count: 20)
    neverListed = DomainName("\(labels).\(list.zone)")
  }

  init?(_ list: Configuration.DNSList, domain: DomainName) {
    guard !domain.isRoot, let name = DomainName("\(domain.ascii).\(list.zone)") else { return nil }
    self.list = list
    self.name = name
    about = domain.ascii
    neverListed = DomainName("invalid.\(list.zone)")
  }

  /// RFC 5782 §2.1: octets in reverse; §2.4: nibbles in reverse.
  static func name(of address: IPAddress, in zone: String) -> DomainName? {
    let reversed = DomainName.reverse(of: address).labels.dropLast(2).joined(separator: ".")
    return DomainName("\(reversed).\(zone)")
  }

  /// Everything that the lists of a configuration are to be asked about a message: nothing about addresses that only this
  /// network knows.
  static func all(about message: JudgedMessage) -> [DNSListQuestion] {
    let domains = message.configuration.dnsLists.contains { $0.subject == .domains } ? domains(of: message) : []
    return message.configuration.dnsLists.flatMap { list -> [DNSListQuestion] in
      switch list.subject {
      case .addresses:
        guard let address = message.envelope.peer.address, !address.isInternal else { return [] }
        return [DNSListQuestion(list, address: address)].compactMap { $0 }
      case .domains: return domains.compactMap { DNSListQuestion(list, domain: $0) }
      }
    }
  }

  /// Those of the reverse-path and of From, each once; none of our own.
  private static func domains(of message: JudgedMessage) -> [DomainName] {
    let authors = message.content.header.all("From").flatMap { AddressList($0.body).addresses }.map(\.domain)
    var domains: [DomainName] = []
    for text in [message.envelope.reversePath?.domain].compactMap({ $0 }) + authors {
      guard domains.count < mostDomains, let domain = DomainName(text), domain.labels.count > 1,
        !message.configuration.isLocal(domain: domain.ascii), !domains.contains(domain)
      else { continue }
      domains.append(domain)
    }
    return domains
  }
}
