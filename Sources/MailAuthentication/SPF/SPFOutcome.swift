/// What SPF says (RFC 7208 §2.6). The raw values are the standard's words.
public enum SPFResult: String, Sendable, Hashable, Codable, CaseIterable {
  case none, neutral, pass, fail, softfail, temperror, permerror
}

/// What came of a check, and how.
public struct SPFOutcome: Sendable, Hashable {
  /// What was checked (RFC 7208 §2.3, §2.4).
  public enum Identity: String, Sendable, Hashable, Codable {
    case mailfrom, helo
  }

  public var result: SPFResult
  public var identity: Identity
  /// The local part and domain that were checked; `postmaster` at the HELO name where there is no reverse-path.
  public var sender: String
  /// The domain whose policy was asked, in lower case.
  public var domain: String
  /// The directive that decided, as the record has it: `-all`, `ip4:192.0.2.0/24`.
  public var mechanism: String?
  /// What is wrong where the result is an error, as half a sentence.
  public var problem: String?
  /// What the domain's owner says to those who fail (RFC 7208 §6.2): ASCII, of strangers.
  public var explanation: String?
  /// Terms that caused look-ups.
  public var lookups: Int

  public init(
    result: SPFResult, identity: Identity, sender: String, domain: String, mechanism: String? = nil,
    problem: String? = nil, explanation: String? = nil, lookups: Int = 0
  ) {
    self.result = result
    self.identity = identity
    self.sender = sender
    self.domain = domain
    self.mechanism = mechanism
    self.problem = problem
    self.explanation = explanation
    self.lookups = lookups
  }
}

/// Why an evaluation ends early.
enum SPFStop: Error {
  /// The result is `temperror`.
  case temporary(String)
  /// The result is `permerror`.
  case permanent(String)
}
