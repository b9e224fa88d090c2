/// What a chain of seals is worth (RFC 8617 §4.4). The raw values are the standard's words.
public enum ARCResult: String, Sendable, Hashable, Codable, CaseIterable {
  case none, pass, fail
}

/// What came of the chain of one message.
public struct ARCOutcome: Sendable, Hashable {
  public var result: ARCResult
  /// The domains of the seals, the oldest first; as far as they can be read.
  public var sealers: [String]
  /// What the first of them saw: the content of its ARC-Authentication-Results behind the instance.
  public var firstResults: AuthenticationResults?
  /// Why it failed: half a sentence.
  public var reason: String?

  public init(
    result: ARCResult, sealers: [String] = [], firstResults: AuthenticationResults? = nil, reason: String? = nil
  ) {
    self.result = result
    self.sealers = sealers
    self.firstResults = firstResults
    self.reason = reason
  }

  /// Whether it tells, by sealers that are all trusted, that the message had `dmarc=pass` before the first of them touched
  /// it. All of them: each could have changed anything, and the first one's word is what counts.
  ///
  /// - Parameter trusted: domains in lower case.
  public func provesDMARC(trusted: Set<String>) -> Bool {
    result == .pass && !sealers.isEmpty && sealers.allSatisfy { trusted.contains($0) }
      && firstResults?["dmarc"] == "pass"
  }
}
