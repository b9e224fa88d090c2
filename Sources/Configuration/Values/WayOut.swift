public import Platform

extension Configuration {
  /// How mail leaves for a domain that is not ours.
  public enum WayOut: Sendable, Hashable {
    /// Through this server, which the file names.
    case hop(NextHop)
    /// To the domain's own servers, as the DNS tells; where none of them can be reached, through the fallback.
    case direct(fallback: NextHop?)
  }

  public enum SmartHostUse: String, Sendable, Hashable, CaseIterable {
    /// All mail without a route goes through it.
    case always
    /// Only mail whose own servers cannot be reached does.
    case fallback
  }

  /// How mail reaches other servers.
  public struct Relay: Sendable, Hashable {
    /// Whether a domain's own servers are looked up and connected to.
    public let direct: Bool
    /// What the DNS may lead to although it is loopback, link-local, private or the machine's own.
    public let internalNetworks: [IPNetwork]
    /// Whether mail may be sent to addresses such as `user@[192.0.2.1]` (RFC 5321 §4.1.3).
    public let addressLiterals: Bool

    public init(direct: Bool = true, internalNetworks: [IPNetwork] = [], addressLiterals: Bool = false) {
      self.direct = direct
      self.internalNetworks = internalNetworks
      self.addressLiterals = addressLiterals
    }
  }

  /// A domain of somebody else, for which we are one of the mail exchangers, though not the best.
  public struct BackupMX: Sendable, Hashable {
    /// In lower case.
    public let domains: [String]
    /// Those whose mail is taken. None: everybody.
    public let recipients: [Address]
  }

  /// Whom the appliance asks for names.
  public struct DNS: Sendable, Hashable {
    public enum Source: String, Sendable, Hashable, CaseIterable {
      case recursive, system, servers
    }

    public let source: Source
    /// Addresses with ports; only with `servers`.
    public let servers: [HostPort]
    public let trustAnchorFile: String?
    public let trustAnchors: [String]
    /// For one look-up.
    public let timeLimit: Duration
  }

  /// The way for mail to a domain that is not ours: a route for the domain, or for one above it written as
  /// `.example.net`, and there one for the sender before one for all; else a route for the sender; else the smart host or
  /// the domain's own servers. `nil`: the file knows no way there.
  ///
  /// - Parameter sender: the reverse-path; `nil` for the empty one.
  public func wayOut(for domain: String, from sender: String?) -> WayOut? {
    let name = domain.lowercased()
    for key in Self.domainKeys(name) {
      let found = (routeIndex[key] ?? []).map { routes[$0] }.filter { $0.isFor(sender: sender) }
      if let route = found.first(where: { !$0.senders.isEmpty }) ?? found.first { return .hop(route.nextHop) }
    }
    // Mail that we keep for others goes to their own servers, not through a provider that may send it back to us.
    if isBackup(domain: name) { return .direct(fallback: nil) }
    if let route = routes.first(where: { $0.domains.isEmpty && $0.isFor(sender: sender) }) {
      return .hop(route.nextHop)
    }
    if let smartHost, smartHostUse == .always || !relay.direct { return .hop(smartHost) }
    return relay.direct ? .direct(fallback: smartHost) : nil
  }

  /// Under which a table for domains may have an entry that holds for one: the domain, and all above it with a dot before
  /// them.
  static func domainKeys(_ domain: String) -> [String] {
    var keys = [domain]
    var rest = Substring(domain)
    while let dot = rest.firstIndex(of: ".") {
      rest = rest[rest.index(after: dot)...]
      keys.append("." + rest)
    }
    return keys
  }

  /// Whether mail for that domain is taken in for its own servers.
  public func isBackup(domain: String) -> Bool { backups.contains { $0.domains.contains(domain.lowercased()) } }

  /// Whether mail for that address is taken in for its domain's own servers.
  public func isBackup(for address: Address) -> Bool {
    backups.contains { backup in
      backup.domains.contains(address.domain) && (backup.recipients.isEmpty || backup.recipients.contains(address))
    }
  }
}
