internal import Resolver

/// Finds the key of a signature or a seal in the DNS.
struct KeyLookup: Sendable {
  /// Records of one name that are tried: RFC 6376 §3.6.2.2 leaves it open what several mean.
  static let recordLimit = 4

  let dns: any DNS
  let cache: VerifyingKeyCache

  func key(
    _ name: DomainName, for algorithm: SigningAlgorithm
  ) async throws(DKIMProblem) -> (key: VerifyingKey, record: DKIMKeyRecord) {
    let texts: [String]
    do throws(DNSFailure) {
      texts = try await dns.txt(name).values
    } catch {
      throw DKIMProblem(.temperror, "\(error)")
    }
    guard !texts.isEmpty else { throw DKIMProblem(.permerror, "there is no key at \(name)") }
    var problem = DKIMProblem(.permerror, "there is no key at \(name)")
    for text in texts.prefix(Self.recordLimit) {
      do throws(DKIMProblem) {
        let record = try DKIMKeyRecord(text)
        return (try record.key(for: algorithm, cache), record)
      } catch {
        problem = error
      }
    }
    throw problem
  }
}
