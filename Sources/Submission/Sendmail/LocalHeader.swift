internal import Configuration
public import Message

/// The header of a message that a program of this machine hands in, as its author left it: perhaps with addresses that have
/// no domain (`To: root`), perhaps without From, perhaps not there at all.
public struct LocalHeader: Sendable {
  /// The fields, each ending in CRLF; without the empty line behind them.
  public private(set) var fields: [UInt8] = []
  private var hasBegun = false

  public init() {}

  /// Takes the next line of the message.
  ///
  /// - Parameter line: without its line end.
  /// - Returns: whether it belongs to the header. The first that does not is the empty line behind the header, or already
  ///   the body's first.
  public mutating func take(_ line: ArraySlice<UInt8>) -> Bool {
    // The separator of a mailbox file, which some programs put in front (RFC 4155).
    if !hasBegun, line.starts(with: Array("From ".utf8)) {
      hasBegun = true
      return true
    }
    hasBegun = true
    let isContinuation = !fields.isEmpty && (line.first == 0x20 || line.first == 0x09)
    guard isContinuation || Self.isField(line) else { return false }
    fields += line
    fields += [0x0d, 0x0a]
    return true
  }

  /// RFC 5322 §3.6.8: a name of printable ASCII, then a colon; with §4.5.8 blanks may stand between them.
  private static func isField(_ line: ArraySlice<UInt8>) -> Bool {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
    let name = line[..<colon].reversed().drop { $0 == 0x20 || $0 == 0x09 }
    return !name.isEmpty && name.allSatisfy { (33...126).contains($0) }
  }

  // MARK: Recipients

  /// Those that the header names (`-t`): of To, Cc and Bcc, or where the message is sent again, of the Resent fields.
  public func recipients(hostname: String) -> [String] {
    let section = HeaderSection(fields)
    let again = ["Resent-To", "Resent-Cc", "Resent-Bcc"]
    let names = again.contains { section.count(of: $0) > 0 } ? again : ["To", "Cc", "Bcc"]
    return names.flatMap { section.mailboxes($0) }.map { Self.text(of: $0, hostname: hostname) }
  }

  /// The addresses of an argument.
  public static func addresses(_ text: String, hostname: String) -> [String] {
    AddressList(Array(text.utf8)).mailboxes.map { Self.text(of: $0, hostname: hostname) }
  }

  private static func text(of mailbox: HeaderMailbox, hostname: String) -> String {
    let local = String(decoding: mailbox.localPart, as: UTF8.self)
    let domain = mailbox.domain.isEmpty ? hostname : String(decoding: mailbox.domain, as: UTF8.self)
    return EmailAddress(localPart: local, domain: domain)?.description ?? "\(local)@\(domain)"
  }

  // MARK: Completing

  private static let addressFields = [
    "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc",
    "Resent-Bcc",
  ]

  /// The fields with the host's name at every address that has no domain, and with a From field.
  ///
  /// - Parameters:
  ///   - sender: for a missing From field; `nil` leaves it missing.
  ///   - name: the sender's name, for that field.
  public func completed(hostname: String, sender: EmailAddress?, name: String?) -> [UInt8] {
    let section = HeaderSection(fields)
    var result: [UInt8] = []
    for field in section {
      let isAddresses = Self.addressFields.contains { field.isNamed($0) }
      result += isAddresses ? Self.qualified(field, hostname) ?? Array(field.bytes) : Array(field.bytes)
    }
    if section.count(of: "From") == 0, let sender {
      let phrase = name.map { String(decoding: EncodedWord.encodePhrase($0), as: UTF8.self) } ?? ""
      result += HeaderSection.field(name: "From", value: phrase.isEmpty ? "\(sender)" : "\(phrase) <\(sender)>")
    }
    return result
  }

  /// `nil` where nothing is to be done: then the field stays as it was written.
  private static func qualified(_ field: HeaderField, _ hostname: String) -> [UInt8]? {
    let entries = AddressList(field.body).entries
    let mailboxes = AddressList(field.body).mailboxes
    guard mailboxes.contains(where: { isLocal($0) }) else { return nil }
    let texts = entries.map { entry in
      switch entry {
      case .mailbox(let mailbox): written(mailbox, hostname)
      case .group(let name, let members):
        "\(phrase(name)): \(members.map { written($0, hostname) }.joined(separator: ", "));"
      }
    }
    return HeaderSection.field(name: field.nameText, value: texts.joined(separator: ", "))
  }

  /// A bare name of a user, such as `root`.
  private static func isLocal(_ mailbox: HeaderMailbox) -> Bool {
    mailbox.domain.isEmpty
      && Configuration.Address(String(decoding: mailbox.localPart, as: UTF8.self) + "@localhost") != nil
  }

  private static func written(_ mailbox: HeaderMailbox, _ hostname: String) -> String {
    let address = isLocal(mailbox) || !mailbox.domain.isEmpty ? text(of: mailbox, hostname: hostname) : ""
    guard let name = mailbox.name, !name.isEmpty else { return address }
    return "\(phrase(name)) <\(address)>"
  }

  /// RFC 5322 §3.2.5: words as they are, anything else in quotes.
  private static func phrase(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    let marks = "!#$%&'*+-/=?^_`{|}~ ".utf8
    let isPlain = bytes.allSatisfy { byte in
      byte >= 0x80 || marks.contains(byte) || (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
        || (0x61...0x7a).contains(byte)
    }
    guard !isPlain else { return text }
    return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
