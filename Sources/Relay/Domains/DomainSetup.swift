public import Configuration
public import Network
public import Platform
public import Resolver

/// What the DNS should say of one of our domains depends on: the domain, and the machine that serves it.
public struct DomainSetup: Sendable {
  public struct Service: Sendable, Hashable {
    /// `_submissions`.
    public var label: String
    public var port: Int
    public var isEnabled: Bool
  }

  /// The key of a selector, as the DNS must have it.
  public struct SigningRecord: Sendable, Hashable {
    public var selector: String
    public var text: String

    public init(selector: String, text: String) {
      self.selector = selector
      self.text = text
    }
  }

  public let domain: DomainName
  /// The machine's name.
  public let host: DomainName
  /// The machine's addresses on the internet, as far as its interfaces have them; behind a router they do not.
  public let addresses: [IPAddress]
  /// The certificate that the SMTP service shows.
  public let certificate: CertificateFacts?
  /// Those that programs look for (RFC 6186 §3, RFC 8314 §5.1).
  public let services: [Service]
  /// All mail leaves through another server.
  public let leavesElsewhere: Bool
  /// The records of the keys that sign the domain's mail, or shall soon, or did until lately; `nil`: nobody knows.
  public var signingRecords: [SigningRecord]?
  /// The local part of the address that reports go to.
  public let reportsTo = "postmaster"

  public init(
    domain: DomainName, host: DomainName, addresses: [IPAddress], certificate: CertificateFacts?,
    services: [Service], leavesElsewhere: Bool
  ) {
    self.domain = domain
    self.host = host
    self.addresses = addresses
    self.certificate = certificate
    self.services = services
    self.leavesElsewhere = leavesElsewhere
  }

  /// `nil`: the domain is none of the configuration's, or the host's name is none of the DNS.
  ///
  /// - Parameter addresses: those of the machine's interfaces.
  public init?(
    _ domain: String, _ configuration: Configuration, addresses: Set<IPAddress>, certificate: CertificateFacts?
  ) {
    guard let name = DomainName(domain), let host = DomainName(configuration.hostname),
      configuration.domains.contains(where: { DomainName($0.name) == name })
    else { return nil }
    let services = [
      (Configuration.Service.Name.submissions, 465), (.submission, 587), (.imaps, 993), (.imap, 143),
    ].map { service, standard in
      let configured = configuration.service(service)
      // Port 0 and ports that systemd or a router maps are not what the world sees.
      return Service(label: "_" + service.rawValue, port: standard, isEnabled: configured.enabled)
    }
    let leavesElsewhere =
      if case .hop? = configuration.wayOut(for: "somewhere.invalid", from: "somebody@" + domain) { true } else { false }
    let order = addresses.filter { !$0.isInternal }.sorted {
      ($0.isIPv4 ? 0 : 1, "\($0)") < ($1.isIPv4 ? 0 : 1, "\($1)")
    }
    self.init(
      domain: name, host: host, addresses: order, certificate: certificate, services: services,
      leavesElsewhere: leavesElsewhere)
  }

  /// What an MTA-STS policy for the domain says (RFC 8461 §3.2). A change of it changes the id of the record.
  var stsPolicy: String { "version: STSv1\r\nmode: enforce\r\nmx: \(host)\r\nmax_age: 604800\r\n" }

  var stsID: String { SHA256.hash(Array(stsPolicy.utf8)).prefix(10).hexadecimal }

  /// For TLSA: the key of the certificate, whoever signed it (RFC 7672 §3.1.1).
  var association: TLSARecord? {
    certificate.map { TLSARecord(usage: 3, selector: 1, matchingType: 1, data: $0.keyDigest) }
  }
}
