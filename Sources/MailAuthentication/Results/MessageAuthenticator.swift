public import Message
public import Platform
public import Resolver

/// Finds out who sent a message: SPF, DKIM, ARC, iprev and DMARC beside each other.
///
///     client ──▶ iprev ───────────────────────────────────────────┐
///     envelope ▶ SPF ─────────────────────────────────┐           │
///     header ──▶ the policy of From's domain ──────────┼─▶ DMARC ──┼─▶ report
///        └─────▶ signatures, chain ─▶ body ─▶ keys ────┘           │
///                                       └──▶ chain ────────────────┘
///
/// Whatever cannot be found out is an error in the report (`temperror`), never a missing report.
public struct MessageAuthenticator: Sendable {
  /// Who handed the message in.
  public struct Client: Sendable {
    public var address: IPAddress
    public var helo: String
    /// The reverse-path without brackets; empty for `<>`.
    public var sender: String

    public init(address: IPAddress, helo: String, sender: String) {
      self.address = address
      self.helo = helo
      self.sender = sender
    }
  }

  /// Gives the body from an offset on, as much as is at hand; nothing at its end.
  public typealias BodyReader = @Sendable (_ offset: Int) async throws -> [UInt8]

  let dns: any DNS
  let receiver: String
  let suffixes: PublicSuffixList
  let keys: VerifyingKeyCache
  let clock: Clock
  let random: @Sendable () -> Int

  /// - Parameters:
  ///   - receiver: this host's name.
  ///   - random: 0…99, for DMARC's `pct`.
  public init(
    dns: any DNS, receiver: String, suffixes: PublicSuffixList = .installed,
    keys: VerifyingKeyCache = VerifyingKeyCache(), clock: Clock = .system,
    random: @escaping @Sendable () -> Int = { Int.random(in: 0..<100) }
  ) {
    self.dns = dns
    self.receiver = receiver
    self.suffixes = suffixes
    self.keys = keys
    self.clock = clock
    self.random = random
  }

  /// - Parameters:
  ///   - header: as received: what was changed since breaks signatures.
  ///   - client: `nil`: nobody knows any more, as with a file.
  public func report(
    on header: HeaderSection, client: Client?, body: BodyReader
  ) async throws -> AuthenticationReport {
    let author = Author(header)
    let dmarc = DMARCCheck(dns: dns, suffixes: suffixes, random: random)
    async let spf = spf(client)
    async let iprev = iprev(client)
    async let policy = policy(author, dmarc)
    let (signatures, chain) = try await read(header, body)
    let lookup = KeyLookup(dns: dns, cache: keys)
    async let arc = chain.outcome(lookup)
    let dkim = await signatures.outcomes(lookup)
    let proven = await spf
    return AuthenticationReport(
      author: author, spf: proven, iprev: await iprev, dkim: dkim, arc: await arc,
      dmarc: dmarc.evaluate(author, await policy, spf: proven, dkim: dkim),
      client: client.map { "\($0.address)" })
  }

  private func spf(_ client: Client?) async -> SPFOutcome? {
    guard let client else { return nil }
    return await SPFCheck(dns: dns, receiver: receiver, clock: clock)
      .check(address: client.address, helo: client.helo, sender: client.sender)
  }

  private func iprev(_ client: Client?) async -> ReverseOutcome? {
    guard let client else { return nil }
    return await ReverseCheck(dns: dns).check(client.address)
  }

  private func policy(_ author: Author, _ dmarc: DMARCCheck) async -> DMARCCheck.Discovery {
    guard case .domain(let domain) = author else { return .none }
    return await dmarc.policy(for: domain)
  }

  /// Reads the signatures, and the body as far as they need it.
  private func read(
    _ header: HeaderSection, _ body: BodyReader
  ) async throws -> (DKIMVerification, ARCVerification) {
    let selection = HeaderSelection(header)
    let digests = BodyDigests()
    let signatures = DKIMVerification.begin(selection, digests, now: clock.now())
    let chain = ARCVerification.begin(selection, digests)
    var offset = 0
    while !digests.isEmpty {
      let piece = try await body(offset)
      if piece.isEmpty { break }
      piece.withUnsafeBytes { digests.append($0) }
      offset += piece.count
    }
    return (DKIMVerification(signatures, selection), ARCVerification(chain, selection))
  }
}
