public import Configuration
public import Resolver

extension DNSResolver.Settings {
  /// What `[dns]` says.
  public init(_ dns: Configuration.DNS) {
    let source: DNSResolver.Source =
      switch dns.source {
      case .recursive: .recursive
      case .system: .system
      case .servers: .servers(dns.servers)
      }
    self.init(
      source: source, trustAnchorFile: dns.trustAnchorFile, trustAnchors: dns.trustAnchors, timeLimit: dns.timeLimit)
  }
}
