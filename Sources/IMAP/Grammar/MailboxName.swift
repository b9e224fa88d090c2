@_spi(_Unicode) internal import Swift

/// The name of a mailbox as the appliance keeps it: Unicode in Normalization Form C, levels divided by `/`, and the
/// first level `INBOX` in capitals however it was written (RFC 9051 §5.1).
struct MailboxName: Hashable, Sendable {
  /// The hierarchy delimiter.
  static let delimiter: Character = "/"
  static let inbox = MailboxName(text: "INBOX")
  /// Octets of a name in UTF-8: longer ones are no names.
  static let maximumLength = 1000

  let text: String

  /// How names travel: modified UTF-7 until the client has enabled UTF8=ACCEPT or IMAP4rev2, then plain UTF-8.
  enum Encoding: Sendable {
    case modifiedUTF7
    case utf8
  }

  private init(text: String) { self.text = text }

  /// A name that the store knows.
  init(stored text: String) { self.init(text: text) }

  /// The name in an argument of a command; nil if the octets are no name in that encoding.
  ///
  /// RFC 6855 §3: a server that knows UTF8=ACCEPT accepts UTF-8 in names in either case.
  init?(_ octets: [UInt8], encoding: Encoding) {
    guard octets.count <= Self.maximumLength * 4, let text = Self.decode(octets, encoding) else { return nil }
    let canonical = Self.canonical(text)
    guard canonical.utf8.count <= Self.maximumLength else { return nil }
    self.init(text: canonical)
  }

  /// The text of a name or a LIST pattern before it is made canonical.
  static func decode(_ octets: [UInt8], _ encoding: Encoding) -> String? {
    let hasHighBit = octets.contains { $0 >= 0x80 }
    if encoding == .utf8 || hasHighBit {
      guard isUTF8(octets) else { return nil }
      return String(decoding: octets, as: UTF8.self)
    }
    return ModifiedUTF7.decode(octets)
  }

  /// The text in Normalization Form C, `inbox` in capitals where it is the first level.
  static func canonical(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    if text.utf8.allSatisfy({ $0 < 0x80 }) {
      scalars = text.unicodeScalars
    } else {
      scalars.append(contentsOf: text._nfc)
    }
    let normal = String(scalars)
    let first = normal.utf8.prefix { $0 != UInt8(ascii: "/") }
    guard equalIgnoringCase(first, "INBOX".utf8) else { return normal }
    return "INBOX" + (String(normal.utf8.dropFirst(first.count)) ?? "")
  }

  func encoded(_ encoding: Encoding) -> [UInt8] {
    encoding == .utf8 ? Array(text.utf8) : ModifiedUTF7.encode(text)
  }

  /// Why a mailbox cannot be made with this name; nil if it can (RFC 6855 §3, RFC 9051 §5.1).
  var objection: String? {
    if text.isEmpty { return "A mailbox name cannot be empty" }
    let levels = text.split(separator: Self.delimiter, omittingEmptySubsequences: false)
    if levels.contains(where: \.isEmpty) { return "A mailbox name cannot have an empty level of hierarchy" }
    if levels.count > 32 { return "A mailbox name can have 32 levels at most" }
    if text.unicodeScalars.contains(where: Self.isForbidden) {
      return "A mailbox name cannot contain control characters or line separators"
    }
    if text.unicodeScalars.contains(where: { $0 == "*" || $0 == "%" }) {
      return "A mailbox name cannot contain the wildcards * and %"
    }
    return nil
  }

  private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
  }

  /// The same name without one delimiter at its end: `CREATE foo/` declares that names under foo will come
  /// (RFC 9051 §6.3.4).
  var withoutTrailingDelimiter: MailboxName {
    text.hasSuffix("/") ? MailboxName(text: String(text.dropLast())) : self
  }

  /// The name one level up; nil at the top.
  var parent: MailboxName? {
    guard let end = text.lastIndex(of: Self.delimiter) else { return nil }
    return MailboxName(text: String(text[..<end]))
  }

  /// Whether this name is anywhere below `other`.
  func isBelow(_ other: MailboxName) -> Bool {
    text.utf8.count > other.text.utf8.count + 1 && text.utf8.starts(with: other.text.utf8)
      && text.utf8.dropFirst(other.text.utf8.count).first == UInt8(ascii: "/")
  }
}
