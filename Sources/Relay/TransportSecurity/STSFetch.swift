internal import Network
internal import Platform
internal import Resolver
internal import SMTP

/// Fetches the document of an MTA-STS policy (RFC 8461 §3.3): over HTTPS with a certificate for `mta-sts.DOMAIN`, without following
/// redirects, at most 64 KiB, within 60 seconds.
struct STSFetch: Sendable {
  static let timeLimit = Duration.seconds(60)

  let dns: any DNS
  let client: HTTPSClient
  /// Whether an address may be connected to: strangers write the names.
  let mayConnect: @Sendable (IPAddress) -> Bool
  var timeLimit = Self.timeLimit

  func document(of domain: DomainName) async -> Result<[UInt8], STSFailure> {
    do {
      return .success(try await fetched(domain))
    } catch let failure as STSFailure {
      return .failure(failure)
    } catch {
      return .failure(STSFailure(kind: .fetch, reason: "\(error)"))
    }
  }

  private func fetched(_ domain: DomainName) async throws -> [UInt8] {
    let deadline = ContinuousClock.now + timeLimit
    guard let host = DomainName(STSPolicy.host(of: domain.ascii)) else {
      throw STSFailure(kind: .fetch, reason: "the name of its server would be too long")
    }
    let addresses = try await addresses(of: host)
    do throws(HTTPError) {
      let response = try await client.get(
        host: host.ascii, path: STSPolicy.path, addresses: addresses, limit: STSPolicy.longest,
        within: ContinuousClock.now.duration(to: deadline))
      // Redirects are not followed, and nothing but 200 is a policy.
      guard response.status == 200 else {
        throw HTTPError(.unreachable, "\(host) answered with status \(response.status)")
      }
      guard response.mediaType == "text/plain" else {
        throw HTTPError(.malformed, "\(host) answered with \(response.mediaType.prefix(80)) instead of text/plain")
      }
      return response.body
    } catch {
      switch error.kind {
      case .certificate: throw STSFailure(kind: .webPKI, reason: error.reason)
      case .unreachable, .tls, .timedOut, .malformed, .tooLarge:
        throw STSFailure(kind: .fetch, reason: error.reason)
      }
    }
  }

  private func addresses(of host: DomainName) async throws -> [IPAddress] {
    async let six = dns.aaaa(host)
    async let four = dns.a(host)
    var found: [IPAddress] = []
    var failure: (any Error)?
    do { found += try await four.values } catch { failure = error }
    do { found += try await six.values } catch { failure = error }
    if found.isEmpty, let failure { throw failure }
    guard !found.isEmpty else { throw STSFailure(kind: .fetch, reason: "\(host) has no address") }
    let allowed = found.filter(mayConnect)
    guard !allowed.isEmpty else {
      throw STSFailure(kind: .fetch, reason: "\(host) has only addresses that are not to be connected to from here")
    }
    return allowed
  }
}
