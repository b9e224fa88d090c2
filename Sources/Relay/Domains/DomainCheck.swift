public import Resolver

/// Looks up what the DNS says of a domain of ours, and says what is missing or wrong.
///
/// Each group is a method of its own, in `DomainCheck+…`; they run beside each other.
public struct DomainCheck: Sendable {
  /// What came of a connection to a mail server.
  public enum Probe: Sendable, Hashable {
    case unreachable(String)
    /// Its certificate holds for its name.
    case verified(String)
    /// TLS works, the certificate does not hold.
    case unverified(String)
    case withoutTLS(String)
  }

  /// What came of fetching the document of an MTA-STS policy.
  public enum PolicyDocument: Sendable, Hashable {
    case document([UInt8])
    /// Half a sentence says why there is none.
    case failure(String)
  }

  let setup: DomainSetup
  let dns: any DNS
  /// Connects to port 25 of a host. `nil`: nobody is connected to.
  let probe: (@Sendable (DomainName) async -> Probe)?
  /// Fetches the MTA-STS policy of a domain. `nil`: nobody is connected to.
  let fetch: (@Sendable (DomainName) async -> PolicyDocument)?

  public init(
    _ setup: DomainSetup, dns: any DNS, probe: (@Sendable (DomainName) async -> Probe)?,
    fetch: (@Sendable (DomainName) async -> PolicyDocument)? = nil
  ) {
    self.setup = setup
    self.dns = dns
    self.probe = probe
    self.fetch = fetch
  }

  /// The findings of all groups, always in the same order.
  public func run() async -> [DomainFinding] {
    let groups: [@Sendable (DomainCheck) async -> DomainFinding] = [
      { await $0.dnssec() }, { await $0.address() }, { await $0.reverse() }, { await $0.mx() }, { await $0.mxTLS() },
      { await $0.dane() }, { await $0.domainSPF() }, { await $0.hostSPF() }, { await $0.returnAddresses() },
      { await $0.dkim() },
      { await $0.dmarc() }, { await $0.domainTLSReporting() }, { await $0.hostTLSReporting() },
      { await $0.mtaSTS() }, { await $0.services() }, { await $0.autoconfig() }, { await $0.autodiscover() },
    ]
    return await withTaskGroup(of: (Int, DomainFinding).self) { tasks in
      for (number, group) in groups.enumerated() { tasks.addTask { (number, await group(self)) } }
      var found: [(Int, DomainFinding)] = []
      for await one in tasks { found.append(one) }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  // MARK: Looking up

  /// The answer, or a sentence on why there is none.
  enum Answer<Value: Sendable>: Sendable {
    case answer(DNSAnswer<Value>)
    case failure(String)
  }

  func look<Value: Sendable>(
    _ ask: @Sendable (any DNS) async throws(DNSFailure) -> DNSAnswer<Value>
  ) async -> Answer<Value> {
    do throws(DNSFailure) {
      return .answer(try await ask(dns))
    } catch {
      let hint = error.kind == .bogus ? " (its DNSSEC signatures are wrong: mail from others will wait)" : ""
      return .failure("\(error)\(hint)")
    }
  }

  /// The texts of a name that begin as a policy of that kind does.
  func texts(_ name: DomainName, _ beginning: String) async -> Answer<String> {
    switch await look({ dns async throws(DNSFailure) in try await dns.txt(name) }) {
    case .failure(let why): return .failure(why)
    case .answer(var answer):
      answer.values = answer.values.filter { text in
        let text = text.lowercased()
        guard text.hasPrefix(beginning) else { return false }
        // `v=spf10` is another word.
        return text.dropFirst(beginning.count).first.map { $0 == " " || $0 == ";" } ?? true
      }
      return .answer(answer)
    }
  }

  /// The one policy of its kind; several are as bad as none (RFC 7208 §4.5, RFC 7489 §6.6.3).
  func policy(_ needed: NeededRecord, _ beginning: String, _ finding: inout DomainFinding) async -> String? {
    switch await texts(needed.name, beginning) {
    case .failure(let why): finding.fault("\(why).")
    case .answer(let answer):
      switch answer.values.count {
      case 0: finding.missing("\(needed.name) has none.", needed)
      case 1: return answer.values[0]
      default:
        finding.fault(
          "\(needed.name) has \(answer.values.count), and others ignore them all then: leave one of them.", needed)
      }
    }
    return nil
  }
}

/// The tags of a policy such as DMARC's: `v=DMARC1; p=none`.
struct PolicyTags {
  private var tags: [String: String] = [:]

  init(_ text: String) {
    for part in text.split(separator: ";") {
      let pair = part.split(separator: "=", maxSplits: 1).map { Self.trimmed($0) }
      if pair.count == 2 { tags[pair[0].lowercased()] = pair[1] }
    }
  }

  subscript(_ name: String) -> String? { tags[name] }

  private static func trimmed(_ word: Substring) -> String {
    var word = word
    while word.first == " " { word.removeFirst() }
    while word.last == " " { word.removeLast() }
    return String(word)
  }
}
