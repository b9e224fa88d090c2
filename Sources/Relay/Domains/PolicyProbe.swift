public import Network
internal import Platform
public import Resolver
internal import SMTP

/// Fetches the MTA-STS policy of a domain as other servers do, for ``DomainCheck``.
public struct PolicyProbe: Sendable {
  /// A person is waiting.
  private static let patience = Duration.seconds(15)

  private let fetch: STSFetch

  public init(connector: Connector, trust: ClientTrust, dns: any DNS) {
    // The domain is ours and a person asks: its web server may well be in the same house, or be this machine.
    fetch = STSFetch(
      dns: dns, client: HTTPSClient(connector: connector, trust: trust), mayConnect: { _ in true },
      timeLimit: Self.patience)
  }

  public func callAsFunction(_ domain: DomainName) async -> DomainCheck.PolicyDocument {
    switch await fetch.document(of: domain) {
    case .success(let document): .document(document)
    case .failure(let failure): .failure(failure.reason)
    }
  }
}
