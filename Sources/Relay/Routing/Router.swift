internal import Configuration
internal import Network
internal import Platform
internal import Resolver
internal import SMTP

/// Finds the servers that a way out leads to.
///
///     wayOut ──hop──▶ the host that the file names
///        └──direct──▶ MX records ──▶ Directions ──▶ Itinerary: one host after the other, looked up in its turn
struct Router: Sendable {
  let dns: any DNS
  /// The system's own look-up, for names that only `/etc/hosts` has; only for hosts that the configuration names.
  let system: @Sendable (String) async throws -> [IPAddress]
  /// A random number in 0..<1.
  var chance: @Sendable () -> Double = { Double.random(in: 0..<1) }
  /// Where mail servers listen. Only tests have them elsewhere.
  var port = 25
  var ownAddresses: @Sendable () -> Set<IPAddress> = { Machine.ownAddresses() }

  /// The way to a server that the configuration names.
  func itinerary(to hop: Configuration.NextHop) -> Itinerary {
    Itinerary(
      router: self, rules: AddressRules(allowed: [], own: []), directions: Directions(groups: [[MailHost(hop)]]))
  }

  /// The way to a domain's own servers.
  ///
  /// - Throws: what the DNS says against it: final where it is sure that there is no way.
  func itinerary(to domain: String, _ configuration: Configuration) async throws(HostFailure) -> Itinerary {
    let rules = AddressRules(allowed: configuration.relay.internalNetworks, own: ownAddresses())
    if domain.hasPrefix("[") {
      let host = MailHost(literal: try literal(domain, configuration))
      return Itinerary(router: self, rules: rules, directions: Directions(groups: [[host]]))
    }
    guard let name = DomainName(domain), !name.isRoot else { throw .noSuchDomain(domain, "it is no name of the DNS") }
    let answer: DNSAnswer<MXRecord>
    do throws(DNSFailure) { answer = try await dns.mx(name) } catch { throw .unknownWay(domain, error) }
    // A domain that is not there cannot have an address either (RFC 8020 §2).
    guard answer.existence != .noSuchName else { throw .noSuchDomain(domain, "the DNS has no such name") }
    do throws(Directions.Obstacle) {
      let directions = try Directions(
        answer.name, records: answer.values, isProven: answer.isSecure, port: port,
        ownNames: Set([DomainName(configuration.hostname)].compactMap { $0 }), chance: chance)
      return Itinerary(router: self, rules: rules, directions: directions)
    } catch {
      switch error {
      case .nullMX: throw .takesNoMail(domain)
      case .loop: throw .loop(domain, "\(configuration.hostname) is the best of its servers")
      }
    }
  }

  private func literal(_ domain: String, _ configuration: Configuration) throws(HostFailure) -> IPAddress {
    guard configuration.relay.addressLiterals else {
      throw .noSuchDomain(domain, "mail to address literals is switched off (address-literals in [relay])")
    }
    var inner = domain.dropFirst().dropLast()
    if inner.lowercased().hasPrefix("ipv6:") { inner = inner.dropFirst(5) }
    guard let address = IPAddress(inner) else { throw .noSuchDomain(domain, "it is no address") }
    return address
  }

  // MARK: Addresses

  /// Why a host has no addresses for us.
  enum Unusable: Error, Hashable, Sendable {
    /// The DNS is sure that it has none.
    case noAddress
    case unknown(DNSFailure)
    /// It leads into this machine or network.
    case forbidden(IPAddress)
    /// The host is this machine.
    case own(IPAddress)
    /// A host that the configuration names, and neither the DNS nor the system knows.
    case notFound(String)
  }

  func addresses(of host: MailHost, _ rules: AddressRules) async throws(Unusable) -> ReachableHost {
    if let address = host.address {
      try check([address], host, rules)
      return ReachableHost(host: host, addresses: [address], canonicalName: nil, isProven: host.isNamed)
    }
    guard let name = host.name else { throw .noAddress }
    async let six = look(name) { dns, name async throws(DNSFailure) in try await dns.aaaa(name) }
    async let four = look(name) { dns, name async throws(DNSFailure) in try await dns.a(name) }
    let answers = await [six, four]
    let known = answers.compactMap { try? $0.get() }
    var addresses = Self.mixed(known.map { $0.values.shuffled(by: chance) })
    if addresses.isEmpty {
      if host.isNamed { return try await askSystem(host) }
      for case .failure(let failure) in answers { throw .unknown(failure) }
      throw .noAddress
    }
    if !host.isNamed {
      try check(addresses, host, rules)
      addresses = addresses.filter { rules.verdict($0) == .fine }
    }
    // One kind that could not be looked up takes nothing from what the other proves.
    let found = known.filter { $0.existence == .records }
    return ReachableHost(
      host: host, addresses: addresses, canonicalName: found.first { !$0.isSecure }?.name ?? found.first?.name ?? name,
      isProven: !found.isEmpty && found.allSatisfy(\.isSecure))
  }

  /// One own address makes the host ourselves; otherwise it is enough that some can be used.
  private func check(_ addresses: [IPAddress], _ host: MailHost, _ rules: AddressRules) throws(Unusable) {
    if host.isNamed { return }
    for address in addresses where rules.verdict(address) == .own { throw .own(address) }
    if let first = addresses.first, !addresses.contains(where: { rules.verdict($0) == .fine }) {
      throw .forbidden(first)
    }
  }

  private func look(
    _ name: DomainName, _ ask: @Sendable (any DNS, DomainName) async throws(DNSFailure) -> DNSAnswer<IPAddress>
  ) async -> Result<DNSAnswer<IPAddress>, DNSFailure> {
    do throws(DNSFailure) { return .success(try await ask(dns, name)) } catch { return .failure(error) }
  }

  private func askSystem(_ host: MailHost) async throws(Unusable) -> ReachableHost {
    do {
      let found = try await system(host.host)
      if !found.isEmpty {
        return ReachableHost(host: host, addresses: found, canonicalName: host.name, isProven: false)
      }
    } catch let error as ConnectError {
      throw .notFound(error.reason)
    } catch {
      throw .notFound("\(error)")
    }
    throw .notFound("the name has no address")
  }

  /// One of each kind in turn, so that a dead half of the internet costs only every second attempt.
  private static func mixed(_ lists: [[IPAddress]]) -> [IPAddress] {
    let longest = lists.map(\.count).max() ?? 0
    return (0..<longest).flatMap { index in lists.compactMap { index < $0.count ? $0[index] : nil } }
  }
}
