/// An address as a header field has it: perhaps with a name, perhaps with an obsolete route, perhaps not valid at all.
public struct HeaderMailbox: Hashable, Sendable {
  /// The display name as it stands: quotes and escapes removed, encoded words not decoded. nil if there is none.
  public var name: [UInt8]?
  /// The name has an `@` outside quotes. RFC 2822 §3.2.6 does not allow that, and readers do not agree on what it is: some
  /// show a name, others take what stands around it for the address.
  public var hasBareAt = false
  /// An obsolete source route such as `@a,@b` (RFC 5322 §4.4), without its colon.
  public var route: [UInt8]?
  /// The local part without quotes; may be empty in a malformed address.
  public var localPart: [UInt8]
  /// The domain; empty if the address had none.
  public var domain: [UInt8]

  public init(name: [UInt8]? = nil, route: [UInt8]? = nil, localPart: [UInt8], domain: [UInt8]) {
    (self.name, self.route, self.localPart, self.domain) = (name, route, localPart, domain)
  }

  /// The address, if it is a valid one.
  public var address: EmailAddress? {
    guard let local = String(validating: localPart, as: UTF8.self),
      let domain = String(validating: domain, as: UTF8.self)
    else { return nil }
    return EmailAddress(localPart: local, domain: domain)
  }

  /// The display name decoded for people.
  public var displayName: String? { name.map { EncodedWord.decode($0) } }
}

/// The addresses of a From, To, Cc, … field (RFC 5322 §3.4, with the obsolete forms of §4.4).
public struct AddressList: Hashable, Sendable {
  public enum Entry: Hashable, Sendable {
    case mailbox(HeaderMailbox)
    case group(name: [UInt8], members: [HeaderMailbox])
  }

  /// More addresses than this in one field are dropped.
  public static let limit = 10_000

  public let entries: [Entry]

  /// Reads any bytes; what is no address is skipped, or kept as a mailbox without a domain.
  public init(_ body: some Collection<UInt8>) {
    var parser = AddressListParser(Array(body))
    entries = parser.parse()
  }

  /// All mailboxes, those in groups included.
  public var mailboxes: [HeaderMailbox] {
    entries.flatMap { entry in
      switch entry {
      case .mailbox(let mailbox): [mailbox]
      case .group(_, let members): members
      }
    }
  }

  /// All valid addresses.
  public var addresses: [EmailAddress] { mailboxes.compactMap(\.address) }
}

extension HeaderSection {
  /// The mailboxes of all fields of this name, in order.
  public func mailboxes(_ name: some StringProtocol) -> [HeaderMailbox] {
    all(name).flatMap { AddressList($0.body).mailboxes }
  }
}
