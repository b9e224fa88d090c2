internal import Synchronization

/// Keys that were read lately: reading one takes longer than checking a signature.
public final class VerifyingKeyCache: Sendable {
  private struct Name: Hashable {
    var data: [UInt8]
    var algorithm: SigningAlgorithm
  }

  private let limit: Int
  private let keys = Mutex<[Name: VerifyingKey]>([:])

  public init(limit: Int = 256) { self.limit = limit }

  func key(_ data: [UInt8], _ algorithm: SigningAlgorithm) throws(DKIMProblem) -> VerifyingKey {
    let name = Name(data: data, algorithm: algorithm)
    if let known = keys.withLock({ $0[name] }) { return known }
    let key = try VerifyingKey.read(data, algorithm)
    keys.withLock { keys in
      // No order is kept: a full cache is begun anew.
      if keys.count >= limit { keys = [:] }
      keys[name] = key
    }
    return key
  }
}
