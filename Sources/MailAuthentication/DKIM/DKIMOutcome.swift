/// What DKIM says of one signature (RFC 8601 §2.7.1). The raw values are the standard's words.
public enum DKIMResult: String, Sendable, Hashable, Codable, CaseIterable {
  /// There is no signature.
  case none
  case pass
  /// The signature, the body or the time is wrong.
  case fail
  /// The signature proves nothing by its strength (RFC 8301).
  case policy
  /// The field cannot be read as a signature, or there are too many.
  case neutral
  case temperror
  /// The key is not there, or cannot be used; the signature does not cover From.
  case permerror
}

/// What came of one signature.
public struct DKIMOutcome: Sendable, Hashable {
  public var result: DKIMResult
  /// `d=` in lower case; `nil`: the field does not say.
  public var domain: String?
  public var selector: String?
  /// `i=`, or its default.
  public var identity: String?
  public var algorithm: SigningAlgorithm?
  /// The first octets of `b=`, by which two signatures of a domain are told apart (RFC 6008 §4).
  public var beginning: String?
  /// Why it is no pass, or what there is to know of one: half a sentence.
  public var reason: String?
  /// The key's owner only tries (`t=y`).
  public var isTest = false

  public init(
    result: DKIMResult, domain: String? = nil, selector: String? = nil, identity: String? = nil,
    algorithm: SigningAlgorithm? = nil, beginning: String? = nil, reason: String? = nil, isTest: Bool = false
  ) {
    self.result = result
    self.domain = domain
    self.selector = selector
    self.identity = identity
    self.algorithm = algorithm
    self.beginning = beginning
    self.reason = reason
    self.isTest = isTest
  }
}
