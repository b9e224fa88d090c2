internal import CIDN2
public import Platform

/// A name of the DNS as the wire has it: labels of ASCII, lower case, without the last dot.
///
/// Names with other characters become A-labels when they are read (IDNA 2008 with the mapping of UTS 46, by libidn2), so
/// two spellings of one name are equal. Labels have 1 to 63 octets, the whole name at most 253 (RFC 1035 §2.3.4 without
/// the lengths). Letters, digits, hyphens and underscores are taken, and `*` where a wildcard is written about; the DNS
/// would allow any octet, but no name in mail has others.
public struct DomainName: Hashable, Sendable, CustomStringConvertible {
  /// The longest name, in octets of its text.
  public static let longest = 253
  /// The longest label.
  public static let longestLabel = 63
  /// The root, whose text is empty.
  public static let root = DomainName(checked: "")

  /// `xn--mller-kva.example`; empty for the root.
  public let ascii: String

  private init(checked ascii: String) { self.ascii = ascii }

  /// Reads a name as people write it, with or without a dot at its end. `nil`: it is no name. `.` is the root.
  public init?(_ text: some StringProtocol) {
    let text = String(text)
    if text == "." {
      self = .root
      return
    }
    guard let ascii = text.utf8.allSatisfy({ $0 < 0x80 }) ? text : Self.aLabels(of: text) else { return nil }
    self.init(
      labels: (ascii.hasSuffix(".") ? ascii.dropLast() : ascii[...]).utf8.split(
        separator: UInt8(ascii: "."), omittingEmptySubsequences: false
      ).map { Array($0) })
  }

  /// A name from its labels, the host's first. No label: the root.
  public init?(labels: [[UInt8]]) {
    guard labels.allSatisfy({ (1...Self.longestLabel).contains($0.count) && $0.allSatisfy(Self.isAllowed) }) else {
      return nil
    }
    let length = labels.reduce(0) { $0 + $1.count + 1 } - 1
    guard length <= Self.longest else { return nil }
    ascii = String(decoding: labels.joined(separator: [UInt8(ascii: ".")]).map(Self.lowercased), as: UTF8.self)
  }

  /// A name that a program has put together, as SPF's macros do (RFC 7208 §7.3): its labels may have any printable
  /// ASCII octet but the backslash, which has a meaning in the text of names. With or without a dot at its end. `nil`: no query
  /// can be made of it.
  public init?(octets: some BidirectionalCollection<UInt8>) {
    let octets = octets.last == UInt8(ascii: ".") ? octets.dropLast() : octets[...]
    guard !octets.isEmpty, octets.count <= Self.longest else { return nil }
    var length = 0
    for octet in octets {
      guard (0x20...0x7e).contains(octet), octet != UInt8(ascii: "\\") else { return nil }
      if octet == UInt8(ascii: ".") {
        guard length > 0 else { return nil }
        length = 0
      } else {
        length += 1
        guard length <= Self.longestLabel else { return nil }
      }
    }
    guard length > 0 else { return nil }
    ascii = String(decoding: octets.lazy.map(Self.lowercased), as: UTF8.self)
  }

  public var isRoot: Bool { ascii.isEmpty }

  public var labels: [Substring] { ascii.split(separator: ".") }

  /// The name without its first label; `nil` for the root.
  public var parent: DomainName? {
    guard !isRoot else { return nil }
    return DomainName(checked: ascii.firstIndex(of: ".").map { String(ascii[ascii.index(after: $0)...]) } ?? "")
  }

  /// A name below this one. `nil`: it would be too long, or a label is none.
  public func prepending(_ labels: String...) -> DomainName? {
    DomainName(labels: labels.map { Array($0.utf8) } + self.labels.map { Array($0.utf8) })
  }

  /// Whether the name is another one or below it.
  public func isWithin(_ other: DomainName) -> Bool {
    other.isRoot || ascii == other.ascii || ascii.hasSuffix("." + other.ascii)
  }

  /// The name as ``ascii``; the root is a dot.
  public var description: String { isRoot ? "." : ascii }

  /// The name under which an address is looked up (RFC 1035 §3.5, RFC 3596 §2.5).
  public static func reverse(of address: IPAddress) -> DomainName {
    if address.isIPv4 {
      return DomainName(checked: address.bytes.reversed().map { "\($0)" }.joined(separator: ".") + ".in-addr.arpa")
    }
    let nibbles = address.bytes.reversed().flatMap { [$0 & 15, $0 >> 4] }
    return DomainName(checked: nibbles.map { String($0, radix: 16) }.joined(separator: ".") + ".ip6.arpa")
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "*"):
      true
    default: false
    }
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  /// The C library reads to the first NUL, and a name of a kilobyte is none.
  private static func aLabels(of text: String) -> String? {
    guard text.utf8.count <= 1024, !text.utf8.contains(0) else { return nil }
    var output: UnsafeMutablePointer<CChar>?
    let flags = Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
    guard idn2_to_ascii_8z(text, &output, flags) == Int32(IDN2_OK.rawValue), let output else { return nil }
    defer { idn2_free(output) }
    return String(cString: output)
  }
}
