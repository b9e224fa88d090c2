public import Network
internal import Platform
public import Resolver
internal import SMTP

/// Connects to a mail server to see what TLS it has.
public struct MXProbe: Sendable {
  /// A person is waiting.
  private static let patience = Duration.seconds(10)

  private let connector: Connector
  private let trust: ClientTrust
  private let dns: any DNS
  private let hostname: String

  /// - Parameter hostname: our own name, for EHLO.
  public init(connector: Connector, trust: ClientTrust, dns: any DNS, hostname: String) {
    (self.connector, self.trust, self.dns, self.hostname) = (connector, trust, dns, hostname)
  }

  public func callAsFunction(_ host: DomainName) async -> DomainCheck.Probe {
    var addresses: [IPAddress] = []
    do throws(DNSFailure) {
      addresses += try await dns.a(host).values
      addresses += try await dns.aaaa(host).values
    } catch {
      if addresses.isEmpty { return .unreachable("\(error)") }
    }
    var last = DomainCheck.Probe.unreachable("it has no address")
    for address in addresses.prefix(4) {
      last = await probe(host, address)
      if case .unreachable = last { continue }
      return last
    }
    return last
  }

  private func probe(_ host: DomainName, _ address: IPAddress) async -> DomainCheck.Probe {
    let target = PeerAddress(address: address, port: 25)
    var limits = TimeLimits.standard
    (limits.greeting, limits.command, limits.dataBlock) = (Self.patience, Self.patience, Self.patience)
    var settings = ClientMachine.Settings(name: hostname, tls: .opportunistic, credentials: nil, nonce: [])
    settings.timeLimits = limits
    let tls = ClientTLS(serverName: host.ascii, verification: .none, trust: trust, timeLimit: Self.patience)
    do {
      let connection = try await connector.connect(to: target, within: Self.patience)
      var session = try await RemoteSession.open(connection, hop: "\(target)", settings: settings, tls: tls)
      let agreed = connection.tls
      await session.quit()
      guard let agreed else { return .withoutTLS("it does not offer STARTTLS") }
      switch agreed.verification {
      case .verified: return .verified("\(agreed.version), and the certificate is valid")
      case .unverified(let why): return .unverified(why)
      default: return .unverified("it was not checked")
      }
    } catch let failure as HostFailure {
      let isTLS = failure.word.status == EnhancedCode(4, 7, 5)
      return isTLS ? .withoutTLS(failure.word.text) : .unreachable(failure.word.text)
    } catch let error as ConnectError {
      return .unreachable(error.reason)
    } catch {
      return .unreachable("\(error)")
    }
  }
}
