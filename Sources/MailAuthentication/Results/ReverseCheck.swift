public import Platform
public import Resolver

/// What the names of a client's address say of it (RFC 8601 §3). The raw values are the standard's words.
public enum ReverseResult: String, Sendable, Hashable, Codable, CaseIterable {
  /// A name leads back to the address.
  case pass
  /// The address has names, and none leads back.
  case fail
  case temperror
  /// The address has no name.
  case permerror
}

public struct ReverseOutcome: Sendable, Hashable {
  public var result: ReverseResult
  /// The name that leads back, or the first one that does not.
  public var name: DomainName?

  public init(result: ReverseResult, name: DomainName? = nil) {
    self.result = result
    self.name = name
  }
}

/// `iprev`: the address, its names, and their addresses.
public struct ReverseCheck: Sendable {
  /// Names that are looked up: whoever has more has them for nothing good.
  static let nameLimit = 10

  let dns: any DNS

  public init(dns: any DNS) { self.dns = dns }

  public func check(_ address: IPAddress) async -> ReverseOutcome {
    let names: [DomainName]
    do throws(DNSFailure) {
      names = try await dns.ptr(address).values
    } catch {
      return ReverseOutcome(result: .temperror)
    }
    guard let first = names.first else { return ReverseOutcome(result: .permerror) }
    var hasFailed = false
    for name in names.prefix(Self.nameLimit) {
      do throws(DNSFailure) {
        let addresses = try await (address.isIPv4 ? dns.a(name) : dns.aaaa(name)).values
        if addresses.contains(address) { return ReverseOutcome(result: .pass, name: name) }
      } catch {
        hasFailed = true
      }
    }
    return ReverseOutcome(result: hasFailed ? .temperror : .fail, name: first)
  }
}
