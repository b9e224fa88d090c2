/// All that was found out about who sent a message.
public struct AuthenticationReport: Sendable, Hashable {
  public var author: Author
  /// `nil`: there is no client address, as with a file.
  public var spf: SPFOutcome?
  public var iprev: ReverseOutcome?
  /// One for each signature, in the order of the fields.
  public var dkim: [DKIMOutcome]
  public var arc: ARCOutcome
  public var dmarc: DMARCOutcome
  /// The client's address, as text.
  public var client: String?

  public init(
    author: Author, spf: SPFOutcome? = nil, iprev: ReverseOutcome? = nil, dkim: [DKIMOutcome], arc: ARCOutcome,
    dmarc: DMARCOutcome, client: String? = nil
  ) {
    self.author = author
    self.spf = spf
    self.iprev = iprev
    self.dkim = dkim
    self.arc = arc
    self.dmarc = dmarc
    self.client = client
  }

  /// As the field Authentication-Results has it.
  ///
  /// - Parameter authority: this host's name (authserv-id, RFC 8601 §2.5).
  public func results(authority: String) -> AuthenticationResults {
    typealias Entry = AuthenticationResults.Entry
    typealias Property = AuthenticationResults.Property
    var entries: [Entry] = []
    if let iprev {
      entries.append(
        Entry("iprev", iprev.result.rawValue, client.map { [Property("policy.iprev", $0)] } ?? []))
    }
    if let spf {
      let property =
        spf.identity == .helo ? Property("smtp.helo", spf.domain) : Property("smtp.mailfrom", spf.sender)
      entries.append(Entry("spf", spf.result.rawValue, reason: spf.problem, [property]))
    }
    entries += dkim.isEmpty ? [Entry("dkim", "none")] : dkim.prefix(DKIMVerification.limit).map(Self.entry)
    var dmarcProperties: [Property] = []
    if let domain = dmarc.domain { dmarcProperties.append(Property("header.from", domain)) }
    if let policy = dmarc.policy { dmarcProperties.append(Property("policy.published", policy.rawValue)) }
    entries.append(Entry("dmarc", dmarc.result.rawValue, reason: dmarc.reason, dmarcProperties))
    if arc.result != .none {
      // RFC 8617 §10.2: the address from which the sealed message came.
      let properties = client.map { [Property("smtp.remote-ip", $0)] } ?? []
      entries.append(Entry("arc", arc.result.rawValue, reason: arc.reason, properties))
    }
    return AuthenticationResults(authority: authority, entries: entries)
  }

  private static func entry(_ signature: DKIMOutcome) -> AuthenticationResults.Entry {
    var properties: [AuthenticationResults.Property] = []
    // RFC 8601 §2.7.1, RFC 6008 §4 and RFC 8601 §6.4 for these names.
    for (name, value) in [
      ("header.d", signature.domain), ("header.i", signature.identity), ("header.s", signature.selector),
      ("header.a", signature.algorithm?.rawValue), ("header.b", signature.beginning),
    ] {
      if let value { properties.append(AuthenticationResults.Property(name, value)) }
    }
    return AuthenticationResults.Entry("dkim", signature.result.rawValue, reason: signature.reason, properties)
  }
}
