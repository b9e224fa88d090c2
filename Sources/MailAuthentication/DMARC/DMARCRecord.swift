/// A policy as it is published (RFC 7489 §6.3).
public struct DMARCRecord: Sendable, Hashable {
  /// What the domain's owner asks for.
  public enum Policy: String, Sendable, Hashable, Codable, CaseIterable {
    case none, quarantine, reject
  }

  public var policy: Policy
  /// For sub-domains without a record of their own.
  public var subdomainPolicy: Policy?
  /// `adkim=s`, `aspf=s`: domains must be equal, not only of one owner.
  public var isStrictForDKIM = false
  public var isStrictForSPF = false
  /// Of how many messages in a hundred the policy is asked for.
  public var percent = 100
  /// `rua`: where aggregate reports go, as written.
  public var aggregateReports: [String] = []
  /// `ruf`.
  public var failureReports: [String] = []
  /// `ri` in seconds.
  public var reportInterval = 86_400

  /// Longer texts are no policies.
  static let longest = 8 << 10

  /// Whether a text is meant as one (RFC 7489 §6.6.3): its first tag is `v=DMARC1`, in this case.
  static func isRecord(_ text: String) -> Bool {
    let first = Array(text.utf8.prefix(40)).split(separator: UInt8(ascii: ";"), maxSplits: 1).first ?? []
    let parts = first.split(separator: UInt8(ascii: "="), maxSplits: 1)
    return parts.count == 2 && parts[0].trimmed.equals("v") && parts[1].trimmed.equals("DMARC1")
  }

  /// `nil`: it is none that could be followed.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.longest, Self.isRecord(text), let tags = TagList(bytes[...]) else { return nil }
    func policy(_ tag: String) -> Policy? { tags[tag].flatMap { Policy(rawValue: $0.lowercasedText) } }
    aggregateReports = Self.addresses(tags["rua"])
    failureReports = Self.addresses(tags["ruf"])
    if let wanted = policy("p"), tags["sp"] == nil || policy("sp") != nil {
      self.policy = wanted
      subdomainPolicy = policy("sp")
    } else if aggregateReports.contains(where: { $0.lowercased().hasPrefix("mailto:") }) {
      // RFC 7489 §6.6.3: without a valid policy, but with somebody to report to, it counts as "none".
      self.policy = .none
    } else {
      return nil
    }
    isStrictForDKIM = tags["adkim"]?.equalsIgnoringCase("s") ?? false
    isStrictForSPF = tags["aspf"]?.equalsIgnoringCase("s") ?? false
    if let number = tags["pct"]?.number, number <= 100 { percent = Int(number) }
    if let number = tags["ri"]?.number { reportInterval = Int(clamping: min(number, 4_294_967_295)) }
  }

  private static func addresses(_ value: Octets?) -> [String] {
    (value ?? []).split(separator: UInt8(ascii: ",")).prefix(10).map(\.trimmed.text).filter { !$0.isEmpty }
  }
}
