/// The address of a mailbox: `local-part@domain` (RFC 5321 §4.1.2, RFC 6531 for UTF-8).
///
/// Two addresses are equal if their local parts are the same text and their domains are the same in any case (ASCII).
public struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
  /// The local part without quotes or escapes.
  public let localPart: String
  /// The domain as written, or an address literal in its brackets.
  public let domain: String

  /// Parses an addr-spec: a dot-string or quoted local part, then a domain or an address literal. No white space,
  /// comments or angle brackets. nil if it is not one.
  public init?(_ text: some StringProtocol) { self.init(bytes: Array(text.utf8)) }

  /// Parses an addr-spec of at most 64 + 1 + 255 octets, give or take the longer local parts that exist (up to 256).
  public init?(bytes: some Collection<UInt8>) {
    guard let (local, domain) = AddrSpec.parse(Array(bytes)) else { return nil }
    (self.localPart, self.domain) = (local, domain)
  }

  /// Puts an address together. nil if a part is empty, too long, or has octets that no form of address can carry.
  public init?(localPart: String, domain: String) {
    guard AddrSpec.isLocalPart(localPart), AddrSpec.isDomain(Array(domain.utf8)) else { return nil }
    (self.localPart, self.domain) = (localPart, domain)
  }

  /// The addr-spec, the local part quoted where it must be.
  public var description: String { AddrSpec.localPartText(localPart) + "@" + domain }

  /// `description` as bytes.
  public var bytes: [UInt8] { Array(description.utf8) }

  /// The domain in lower case (A–Z only): the key for look-ups.
  public var domainKey: String { String(decoding: ASCII.lowercased(domain.utf8), as: UTF8.self) }

  /// Whether the domain is an address literal such as `[192.0.2.1]`.
  public var isAddressLiteral: Bool { domain.utf8.first == UInt8(ascii: "[") }

  /// Whether it has characters beyond ASCII, and so may only travel with SMTPUTF8.
  public var isInternationalized: Bool {
    !(localPart.utf8.allSatisfy { $0 < 128 } && domain.utf8.allSatisfy { $0 < 128 })
  }

  public static func == (a: EmailAddress, b: EmailAddress) -> Bool {
    a.localPart == b.localPart && ASCII.equalIgnoringCase(a.domain.utf8, b.domain.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(localPart)
    hasher.combine(domainKey)
  }
}
