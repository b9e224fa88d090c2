/// A look-up that came to no answer. Nothing can be concluded from it but that one has to ask again later.
public struct DNSFailure: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// The servers answer with an error, or none answers at all (SERVFAIL, REFUSED, …).
    case serverFailure
    /// There is an answer, and DNSSEC disproves it: it is forged, or the zone is signed wrongly or no longer.
    case bogus
    /// There was no answer within the time limit.
    case timedOut
    /// The resolver was closed, or could not be started.
    case closed
  }

  public var kind: Kind
  /// The name that was asked for.
  public var name: DomainName
  public var type: DNSRecordType
  /// What is known of the cause, as half a sentence.
  public var reason: String

  public init(kind: Kind, name: DomainName, type: DNSRecordType, reason: String) {
    self.kind = kind
    self.name = name
    self.type = type
    self.reason = reason
  }

  public var description: String { "the \(type) records of \(name) cannot be looked up: \(reason)" }
}
