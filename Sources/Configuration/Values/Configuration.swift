public import Platform

/// `appliance.conf` as one immutable, checked value.
///
/// The room reads a TOML text (``ConfigurationFile``) against one declarative schema and gives either a
/// `Configuration` or all that is wrong with the text, each with its line and with what to write instead. Who holds a
/// `Configuration` needs to check nothing more: every name in it is known, every size is within its bounds, no alias
/// runs in a circle. A reload makes a new value with the next ``generation``; nobody ever changes one.
///
///     text ──CTOML──▶ tree ──Schema──▶ checked values ──cross-checks──▶ Configuration
///                       └───────────────┴──────────────────┴──▶ [Problem], all of them at once
public struct Configuration: Sendable {
  /// Counts reloads: 1 for the first configuration of a process. A plan made under one generation is made again when
  /// the writer finds another in force.
  public var generation: UInt64 = 1
  /// The file that the configuration came from, as it was named; for messages only.
  public var path: String
  /// The name that the appliance has in greetings, Received fields and message-ids. Lower case.
  public var hostname: String
  /// The folder of the database and of everything else that the appliance keeps.
  public var dataFolder: String
  /// The account that receives mail for `postmaster` (also without a domain) and `abuse` in every domain where nothing
  /// else has that address (RFC 5321 §4.5.1).
  public var postmaster: String
  public var domains: [Domain]
  public var accounts: [Account]
  public var aliases: [Alias]
  public var groups: [Group]
  public var delivery: Delivery
  public var services: [Service]
  public var tls: TLS
  /// Networks from which passwords are taken without TLS. None by default. It never grants relaying.
  public var plaintextPasswordNetworks: [IPNetwork]
  /// Networks whose connections must begin with a PROXY protocol header, and from which alone one is believed.
  public var proxyProtocolNetworks: [IPNetwork]
  public var limits: Limits
  public var submission: Submission
  public var devices: [Device]
  public var rules: [Rule]
  public var authentication: Authentication
  public var spam: Spam
  public var attachments: Attachments
  /// `nil`: nothing is scanned for viruses.
  public var clamd: Clamd?
  public var milters: [Milter]
  public var dnsLists: [DNSList] = []
  public var greylisting = Greylisting()
  /// Whom the appliance asks for names.
  public var dns: DNS
  public var relay: Relay
  public var routes: [Route]
  /// The server of a provider that takes mail for domains without a route of their own.
  public var smartHost: NextHop?
  public var smartHostUse = SmartHostUse.always
  /// Domains of others whose mail is taken in while their own servers cannot be reached.
  public var backups: [BackupMX]
  public var queue: Queue
  public var trace: Trace
  public var control: Control
  /// The socket on which programs of this machine hand in mail.
  public var localSocket: String
  public var logLevel: LogLevel
  /// PBKDF2 iterations of new password verifiers (RFC 7677 §4 asks for at least 4096).
  public var passwordIterations: Int

  // Indexes over the lists above, made once by `ConfigurationFile`.
  var domainIndex: [String: Int] = [:]
  var accountIndex: [String: Int] = [:]
  var addressIndex: [String: Destination] = [:]
  /// The routes for a domain, in the order of the file.
  var routeIndex: [String: [Int]] = [:]
  /// By domain in lower case; `.example.net` is every domain below `example.net`, `*` every domain.
  var tlsPolicyIndex: [String: TLSPolicy.Mode] = [:]
  var lines: [String: Int] = [:]
}

extension Configuration {
  /// What an address of ours stands for, when it is written out in the file.
  public enum Destination: Sendable {
    case account(Account)
    case alias(Alias)
    case group(Group)
  }

  /// The line in which a key was written, for problems that are found after the reading: `tls.certificate`,
  /// `tls.name[0].key`, `account[2].name`. `nil` where the file does not have it.
  public func line(of key: String) -> Int? { lines[key] }

  /// The hosted domain of that name, in any case.
  public func domain(_ name: String) -> Domain? { domainIndex[name.lowercased()].map { domains[$0] } }

  /// Whether mail for that domain ends here.
  public func isLocal(domain name: String) -> Bool { domainIndex[name.lowercased()] != nil }

  /// The account of that name, in any case.
  public func account(_ name: String) -> Account? { accountIndex[name.lowercased()].map { accounts[$0] } }

  /// What exactly this address is in the file; sub-addresses and catch-alls are not tried. Case does not matter.
  public func destination(of address: Address) -> Destination? { addressIndex[address.key] }

  /// An address in the form that look-ups compare. The host's own name need not be one of the domains:
  ///
  /// - `postmaster` and `abuse` there are those of the first domain: so `RCPT TO:<postmaster>` is answered whatever the
  ///   domains are (RFC 5321 §4.5.1);
  /// - an account's name there is the account's first address, and `root` is `root` of the first domain, or its
  ///   postmaster: so that whoever answers a program of this machine reaches somebody.
  public func ownForm(of address: Address) -> Address {
    guard isHostItself(address.domain), !isLocal(domain: hostname), let domain = domains.first else { return address }
    let name = address.localPart.lowercased()
    let there = Address(localPart: address.localPart, domain: domain.name)
    if name == "postmaster" || name == "abuse" { return there }
    if let own = account(name)?.addresses.first { return own }
    guard name == "root" else { return address }
    return destination(of: there) == nil ? Address(localPart: "postmaster", domain: domain.name) : there
  }

  /// Whether that is the host's own name.
  public func isHostItself(_ domain: String) -> Bool { domain.lowercased() == hostname }

  /// A sub-address taken apart: whose it is, and what stands behind the separator. `nil` if it is none.
  public func splitSubaddress(_ address: Address) -> (base: Address, detail: String)? {
    guard let separator = delivery.subaddressSeparator, let at = address.localPart.firstIndex(of: separator),
      at != address.localPart.startIndex
    else { return nil }
    let base = Address(localPart: String(address.localPart[..<at]), domain: address.domain)
    return (base, String(address.localPart[address.localPart.index(after: at)...]))
  }

  /// The device that may send from this address without a password.
  public func device(at peer: IPAddress) -> Device? {
    devices.first { device in device.networks.contains { $0.contains(peer) } }
  }

  public func service(_ name: Service.Name) -> Service {
    services.first { $0.name == name } ?? Service(name: name, enabled: false, listen: [])
  }

  /// Whether a password may come from this address over a connection without TLS.
  public func allowsPlaintextPassword(from peer: IPAddress) -> Bool {
    plaintextPasswordNetworks.contains { $0.contains(peer) }
  }
}
