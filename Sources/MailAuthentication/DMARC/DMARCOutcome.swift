/// What DMARC says (RFC 7489 §11.2). The raw values are the standard's words.
public enum DMARCResult: String, Sendable, Hashable, Codable, CaseIterable {
  case none, pass, fail, temperror, permerror
}

/// What came of a check.
public struct DMARCOutcome: Sendable, Hashable {
  public var result: DMARCResult
  /// The domain of From; `nil` where there is none.
  public var domain: String?
  /// Whose record holds: the domain itself, or its organisational domain.
  public var policyDomain: String?
  public var record: DMARCRecord?
  /// What the record asks for with mail of this domain that fails: `p`, or `sp`.
  public var policy: DMARCRecord.Policy?
  /// What is to be done with this message: `none` unless it fails.
  public var disposition = DMARCRecord.Policy.none
  /// It failed, and is among those that `pct` spares.
  public var isSampledOut = false
  public var isSPFAligned = false
  public var isDKIMAligned = false
  public var reason: String?

  public init(result: DMARCResult, domain: String? = nil, reason: String? = nil) {
    self.result = result
    self.domain = domain
    self.reason = reason
  }
}
