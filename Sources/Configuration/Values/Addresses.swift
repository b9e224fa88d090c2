extension Configuration {
  /// A mail address in the configuration. Two are equal when they differ in case only: the appliance is the host of
  /// its local parts, and holds none apart by case (RFC 5321 §2.4 leaves that to the host).
  public struct Address: Hashable, Sendable, CustomStringConvertible {
    /// As it was written, without quotes.
    public let localPart: String
    /// In lower case.
    public let domain: String
    /// The whole address in lower case: what look-ups compare.
    public let key: String

    /// - Parameter domain: a domain name, in any case. Nothing is checked here.
    public init(localPart: String, domain: String) {
      self.localPart = localPart
      self.domain = domain.lowercased()
      key = localPart.lowercased() + "@" + self.domain
    }

    /// Reads `local@domain` with an unquoted local part (RFC 2822 §3.2.4 `dot-atom`, UTF-8 as RFC 6531 allows) and a domain
    /// name; anything else gives `nil`.
    public init?(_ text: String) {
      guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else { return nil }
      let local = String(text[..<at])
      let domain = String(text[text.utf8.index(after: at)...])
      guard Self.isDotAtom(local), local.utf8.count <= 64, isDomainName(domain) else { return nil }
      self.init(localPart: local, domain: domain)
    }

    private static func isDotAtom(_ text: String) -> Bool {
      let special = "()<>[]:;@\\,\"".utf8
      guard !text.isEmpty, !text.hasPrefix("."), !text.hasSuffix("."), !text.contains("..") else { return false }
      return text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && !special.contains($0) }
    }

    public static func == (a: Address, b: Address) -> Bool { a.key == b.key }
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
    public var description: String { "\(localPart)@\(domain)" }
  }

  /// A domain whose mail ends here.
  public struct Domain: Sendable, Hashable {
    /// In lower case.
    public let name: String
    /// Who gets mail for addresses of the domain that nobody has. `nil`: they are refused as unknown.
    public let catchAll: Member?
  }

  /// Someone, or something, with mailboxes and a password.
  public struct Account: Sendable, Hashable {
    /// What is written at login; never changes its meaning, because the mailboxes in the store belong to it.
    /// In lower case.
    public let name: String
    /// The addresses whose mail is delivered to it and that it may send as. The first is its own address in mail that
    /// the appliance writes.
    public let addresses: [Address]
    /// Bytes that its mailboxes may hold together; `nil` is no limit. Quarantined mail does not count.
    public let quota: Int?
    /// List-Ids, in lower case, of mailing lists whose mail is kept although DMARC asks to refuse it.
    public let keptLists: Set<String>
  }

  /// Another address for one or several others. The sender of the message stays who it is (RFC 5321 §3.9.1).
  public struct Alias: Sendable, Hashable {
    public let address: Address
    public let targets: [Member]
  }

  /// An address whose mail goes to each of its members.
  public struct Group: Sendable, Hashable {
    public let address: Address
    public let members: [Member]
  }

  /// One to whom an alias, a group or a catch-all leads.
  public enum Member: Sendable, Hashable {
    /// An account of the file, by its name.
    case account(String)
    /// An address in one of our domains that is no account's: an alias, a group, or a sub-address of one of the file's.
    case inside(Address)
    /// An address elsewhere. Only with ``Delivery/forwardUnauthenticated``.
    case outside(Address)
  }

  /// How addresses lead to mailboxes.
  public struct Delivery: Sendable, Hashable {
    /// What separates a name from its sub-address (RFC 5233 §1): `+` makes `alice+lists@` alice's. `nil`: none.
    public let subaddressSeparator: Character?
    /// Whether mail may be passed on to addresses elsewhere although its sender was not authenticated.
    public let forwardUnauthenticated: Bool
  }
}

/// Whether a text is a domain name that can be written in an address: labels of 1 to 63 letters, digits and hyphens
/// (RFC 5321 §4.1.2), or of UTF-8 (RFC 6531 §3.3), 253 bytes together.
func isDomainName(_ text: String) -> Bool {
  guard !text.isEmpty, text.utf8.count <= 253 else { return false }
  return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
    guard !label.isEmpty, label.count <= 63, label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-") else {
      return false
    }
    return label.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), 0x80...: true
      default: false
      }
    }
  }
}
