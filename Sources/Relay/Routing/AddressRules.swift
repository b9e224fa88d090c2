internal import Configuration
internal import Platform

/// Whether the DNS may lead us to an address. Anybody may write anything into a zone of their own: an MX that is
/// 127.0.0.1 or 192.168.1.1 must not make the appliance talk to the office's printer, or to itself.
struct AddressRules: Sendable {
  enum Verdict: Hashable, Sendable {
    case fine
    /// It is this machine.
    case own
    /// Loopback, link-local, private or of no single host, and not named by the configuration.
    case forbidden
  }

  let allowed: [IPNetwork]
  /// The addresses of this machine's interfaces.
  let own: Set<IPAddress>

  func verdict(_ address: IPAddress) -> Verdict {
    if allowed.contains(where: { $0.contains(address) }) { return .fine }
    if own.contains(address) { return .own }
    return Self.isOfNobody(address) || Self.embedded(address).map(Self.isOfNobody) == true ? .forbidden : .fine
  }

  /// Addresses that no public server can have.
  private static func isOfNobody(_ address: IPAddress) -> Bool {
    if address.isInternal { return true }
    // Multicast and reserved (RFC 1112 §4, RFC 4291 §2.7), and site-local of old (RFC 3879).
    return address.isIPv4
      ? address.bytes[0] >= 224 : address.bytes[0] == 0xff || (address.bytes[0] == 0xfe && address.bytes[1] >= 0xc0)
  }

  /// The IPv4 address inside an IPv6 one through which gateways would reach it: NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056
  /// §2), and the compatible form of old (RFC 4291 §2.5.5.1).
  private static func embedded(_ address: IPAddress) -> IPAddress? {
    guard !address.isIPv4 else { return nil }
    let bytes = address.bytes
    if bytes.starts(with: [0x20, 0x02]) { return IPAddress(bytes: Array(bytes[2..<6])) }
    let prefix = bytes[..<12]
    let isTranslated = prefix.starts(with: [0, 0x64, 0xff, 0x9b]) && prefix.dropFirst(4).allSatisfy { $0 == 0 }
    return isTranslated || prefix.allSatisfy { $0 == 0 } ? IPAddress(bytes: Array(bytes[12...])) : nil
  }
}
