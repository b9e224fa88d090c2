/// Whether the name is there.
public enum DNSExistence: Hashable, Sendable {
  /// It has records of this type.
  case records
  /// It exists, without records of this type (or there is something below it).
  case noData
  /// It does not exist (NXDOMAIN, RFC 2308 §2.1).
  case noSuchName
}

/// What the DNS says about a name: records of one type, or that there are none.
public struct DNSAnswer<Value: Sendable>: Sendable {
  public var existence: DNSExistence
  /// In the order in which they came, which means nothing. May be empty although ``existence`` is `records`: records
  /// that cannot be read are left out.
  public var values: [Value]
  /// The name that the records belong to: the end of the chain of CNAMEs, or the name that was asked for. Follows the
  /// chain also where nothing is at its end.
  public var name: DomainName
  /// DNSSEC proves the whole answer, each CNAME on the way and also that there is nothing. `false`: somewhere on the way
  /// the DNS is not signed. (An answer that should be signed and is not is a ``DNSFailure``.)
  public var isSecure: Bool
  /// How long it may be kept.
  public var timeToLive: Duration

  public init(
    existence: DNSExistence, values: [Value], name: DomainName, isSecure: Bool, timeToLive: Duration = .zero
  ) {
    self.existence = existence
    self.values = values
    self.name = name
    self.isSecure = isSecure
    self.timeToLive = timeToLive
  }

  /// The same answer with other values.
  public func compactMap<Other: Sendable>(_ transform: (Value) -> Other?) -> DNSAnswer<Other> {
    DNSAnswer<Other>(
      existence: existence, values: values.compactMap(transform), name: name, isSecure: isSecure,
      timeToLive: timeToLive)
  }
}

extension DNSAnswer: Equatable where Value: Equatable {}
