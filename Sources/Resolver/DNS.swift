public import Platform

/// Something that looks names up: ``DNSResolver`` on the internet, a table in tests.
///
/// The room validates DNSSEC inside the process, so whoever asks learns whether an answer is proven. Four things that
/// resolvers like to mix up are kept apart, because mail does different things with each:
///
///     the records             ``DNSAnswer`` with values
///     the name has none       ``DNSAnswer`` without values, ``DNSExistence/noData``
///     the name is not there   ``DNSAnswer`` without values, ``DNSExistence/noSuchName``
///     nobody knows now        ``DNSFailure``: server failure, bogus, timed out, closed
///
/// The first three can be proven or not (``DNSAnswer/isSecure``).
public protocol DNS: Sendable {
  /// Looks the records of one type up. CNAMEs are followed; what they lead to is the answer.
  ///
  /// Never blocks a thread of the caller, and ends within a time limit of its own.
  func records(_ type: DNSRecordType, of name: DomainName) async throws(DNSFailure) -> DNSAnswer<DNSRecord>
}

extension DNS {
  /// IPv4 addresses.
  public func a(_ name: DomainName) async throws(DNSFailure) -> DNSAnswer<IPAddress> {
    try await records(.a, of: name).compactMap { if case .address(let address) = $0 { address } else { nil } }
  }

  /// IPv6 addresses. An IPv4 address that is mapped into IPv6 is given as the IPv4 address that it stands for.
  public func aaaa(_ name: DomainName) async throws(DNSFailure) -> DNSAnswer<IPAddress> {
    try await records(.aaaa, of: name).compactMap { if case .address(let address) = $0 { address } else { nil } }
  }

  /// Mail exchangers, in no order.
  public func mx(_ name: DomainName) async throws(DNSFailure) -> DNSAnswer<MXRecord> {
    try await records(.mx, of: name).compactMap { if case .mx(let record) = $0 { record } else { nil } }
  }

  /// Texts. The character-strings of one record are joined without anything between them (RFC 7208 §3.3); bytes that are
  /// not UTF-8 become U+FFFD.
  public func txt(_ name: DomainName) async throws(DNSFailure) -> DNSAnswer<String> {
    try await records(.txt, of: name).compactMap { if case .txt(let text) = $0 { text } else { nil } }
  }

  /// TLSA records of a service: those of `_25._tcp.name` for port 25 (RFC 6698 §3).
  public func tlsa(_ name: DomainName, port: Int = 25) async throws(DNSFailure) -> DNSAnswer<TLSARecord> {
    guard let owner = name.prepending("_\(port)", "_tcp") else {
      // No such name can exist, and that needs no proof from anybody.
      return DNSAnswer(existence: .noSuchName, values: [], name: name, isSecure: false)
    }
    return try await records(.tlsa, of: owner).compactMap { if case .tlsa(let record) = $0 { record } else { nil } }
  }

  /// The names of an address.
  public func ptr(_ address: IPAddress) async throws(DNSFailure) -> DNSAnswer<DomainName> {
    try await records(.ptr, of: .reverse(of: address)).compactMap {
      if case .name(let name) = $0 { name } else { nil }
    }
  }

  /// Where a service is (RFC 2782): `_submissions._tcp.example.org`.
  public func srv(_ name: DomainName) async throws(DNSFailure) -> DNSAnswer<SRVRecord> {
    try await records(.srv, of: name).compactMap { if case .srv(let record) = $0 { record } else { nil } }
  }

  /// The name that a name is an alias of, one step only.
  public func cname(_ name: DomainName) async throws(DNSFailure) -> DNSAnswer<DomainName> {
    try await records(.cname, of: name).compactMap { if case .name(let name) = $0 { name } else { nil } }
  }
}
