internal import Configuration
internal import Platform
internal import Resolver

/// A server that may take mail for a destination.
struct MailHost: Sendable, Hashable, CustomStringConvertible {
  /// Its name; `nil` where only an address is given.
  let name: DomainName?
  /// The address that was given instead of a name.
  let address: IPAddress?
  let port: Int
  /// Nobody can have forged that mail goes there: DNSSEC proves the MX records, or the configuration names the host.
  /// Without that DANE means nothing (RFC 7672 §2.2.1).
  let isProven: Bool
  /// The configuration names it: it may be anywhere, also in here.
  let isNamed: Bool

  /// A mail exchanger out of the DNS.
  init(exchange: DomainName, isProven: Bool, port: Int) {
    (name, address, self.port, self.isProven, isNamed) = (exchange, nil, port, isProven, false)
  }

  /// An address literal in an address (RFC 5321 §4.1.3).
  init(literal: IPAddress) { (name, address, port, isProven, isNamed) = (nil, literal, 25, false, false) }

  /// A route's server, or the smart host.
  init(_ hop: Configuration.NextHop) {
    address = IPAddress(hop.address.host)
    name = address == nil ? DomainName(hop.address.host) : nil
    (port, isProven, isNamed) = (hop.address.port, true, true)
  }

  /// Without the port.
  var host: String { name?.ascii ?? address.map { "\($0)" } ?? "?" }

  var description: String { "\(HostPort(host: host, port: port))" }
}

/// A host whose addresses are known.
struct ReachableHost: Sendable, Hashable {
  let host: MailHost
  /// In the order in which they are to be tried; at least one.
  let addresses: [IPAddress]
  /// What the host's name is an alias of in the end; the host's name where it is none. TLSA records are looked for at both
  /// (RFC 7672 §2.2.2).
  let canonicalName: DomainName?
  /// DNSSEC proves the addresses, and the alias that leads to them.
  let isProven: Bool
}
