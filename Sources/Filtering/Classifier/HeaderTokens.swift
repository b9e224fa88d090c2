internal import Message

/// Tokens of a message's header section.
///
/// Left out is what changes with every message (dates, message-ids but for their hosts), what another filter thought, and
/// what mail programs note for themselves: to learn from those would be to learn nothing, or the wrong thing.
struct HeaderTokens {
  /// Fields that are looked at, and bytes of one.
  private static let fieldLimit = 150
  private static let byteLimit = 1_000

  private enum Treatment {
    case none
    /// Words, decoded.
    case subject
    case addresses
    case received
    /// The part behind the last `@`.
    case identifier
    case words(Int)
    /// Only that it is there.
    case name
  }

  static func insert(_ header: HeaderSection, into set: inout TokenSet) {
    for field in header.prefix(fieldLimit) where !field.name.isEmpty {
      let name = Token.addingLowercased(field.name, to: Token.Place.fieldName.rawValue)
      let treatment = treatments[name] ?? .words(200)
      if case .none = treatment { continue }
      if isForeign(field.name) { continue }
      set.insert(Token.finished(Token.adding(field.name, to: Token.Place.fieldName.rawValue)))
      insert(field.body.prefix(byteLimit), of: name, treatment, into: &set)
    }
  }

  private static func insert(
    _ body: ArraySlice<UInt8>, of name: UInt64, _ treatment: Treatment, into set: inout TokenSet
  ) {
    switch treatment {
    case .none, .name: break
    case .subject:
      var words = WordScanner(.subject)
      words.append(decoded(body), into: &set)
      words.end(into: &set)
    case .addresses: addresses(in: body, of: name, into: &set)
    case .received:
      // Behind the last semicolon stands the date.
      let end = body.lastIndex(of: UInt8(ascii: ";")) ?? body.endIndex
      hosts(in: body[..<end], of: name, into: &set)
      var words = WordScanner(.field, salt: name)
      words.append(body[..<end], into: &set)
      words.end(into: &set)
    case .identifier:
      guard let at = body.lastIndex(of: UInt8(ascii: "@")) else { return }
      let host = body[(at + 1)...].prefix { $0 > 32 && $0 != UInt8(ascii: ">") }
      LinkScanner.hostTokens(of: host, place: name, into: &set)
    case .words(let limit):
      var words = WordScanner(.field, salt: name)
      words.append(decoded(body.prefix(limit)), into: &set)
      words.end(into: &set)
    }
  }

  /// Encoded words are read; most fields have none.
  private static func decoded(_ body: ArraySlice<UInt8>) -> [UInt8] {
    var last: UInt8 = 0
    for byte in body {
      if byte == UInt8(ascii: "?"), last == UInt8(ascii: "=") { return Array(EncodedWord.decode(body).utf8) }
      last = byte
    }
    return Array(body)
  }

  /// Words of names, whole addresses, and their domains.
  private static func addresses(in body: ArraySlice<UInt8>, of name: UInt64, into set: inout TokenSet) {
    let text = decoded(body)
    var words = WordScanner(.field, salt: name)
    words.append(text, into: &set)
    words.end(into: &set)
    var rest = text[...]
    var count = 0
    while let at = rest.firstIndex(of: UInt8(ascii: "@")), count < 20 {
      let local = rest[..<at].suffix(64).reversed().prefix { isAddressByte($0) }.reversed()
      let domain = rest[(at + 1)...].prefix { isAddressByte($0) }
      LinkScanner.hostTokens(of: domain, place: name, into: &set)
      var hash = Token.addingLowercased(local, to: Token.adding(number: 1, to: name))
      set.insert(Token.finished(hash))
      hash = Token.adding(UInt8(ascii: "@"), to: hash)
      set.insert(Token.finished(Token.addingLowercased(domain, to: hash)))
      rest = rest[domain.endIndex...]
      count += 1
    }
  }

  /// Names and addresses of hosts: every run of their characters that has a dot, and the networks of the addresses.
  private static func hosts(in body: ArraySlice<UInt8>, of name: UInt64, into set: inout TokenSet) {
    var rest = body
    while let start = rest.firstIndex(where: isHostByte) {
      let run = rest[start...].prefix { isHostByte($0) }
      rest = rest[run.endIndex...]
      guard run.count > 2 else { continue }
      guard run.contains(UInt8(ascii: ".")) else {
        set.insert(Token.finished(Token.addingLowercased(run, to: Token.adding(number: 2, to: name))))
        continue
      }
      if run.allSatisfy({ $0 &- 48 < 10 || $0 == UInt8(ascii: ".") }) {
        networks(of: run, of: name, into: &set)
      } else {
        LinkScanner.hostTokens(of: run, place: name, into: &set)
      }
    }
  }

  private static func networks(of address: ArraySlice<UInt8>, of name: UInt64, into set: inout TokenSet) {
    var rest = address
    var parts = 0
    while parts < 3 {
      set.insert(Token.finished(Token.adding(rest, to: Token.adding(number: 3, to: name))))
      parts += 1
      guard let dot = rest.lastIndex(of: UInt8(ascii: ".")) else { return }
      rest = rest[..<dot]
    }
  }

  private static func isAddressByte(_ byte: UInt8) -> Bool {
    byte > 32 && byte != 0x7F
      && ![
        UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\""),
        UInt8(ascii: ":"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "@"),
      ].contains(byte)
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    let letter = Token.lowercased(byte)
    return letter &- 97 < 26 || byte &- 48 < 10 || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
  }

  /// What other filters write has many names.
  private static func isForeign(_ name: ArraySlice<UInt8>) -> Bool {
    guard name.count > 6, Token.lowercased(name[name.startIndex]) == UInt8(ascii: "x") else { return false }
    let lower = name.map(Token.lowercased)
    return foreign.contains { lower.starts(with: $0) }
  }

  private static let foreign = [
    "x-spam", "x-bogosity", "x-virus", "x-postroom", "x-rspamd", "x-ham", "x-amavis", "x-scanned", "x-antivirus",
    "x-dspam", "x-crm114", "x-mozilla", "x-gmail", "x-ms-exchange", "x-forefront", "x-microsoft-antispam", "x-uid",
    "x-status", "x-evolution", "x-keywords",
  ].map { Array($0.utf8) }

  private static let treatments: [UInt64: Treatment] = {
    var table: [UInt64: Treatment] = [:]
    func set(_ treatment: Treatment, _ names: String...) {
      for name in names { table[Token.adding(name.utf8, to: Token.Place.fieldName.rawValue)] = treatment }
    }
    set(
      .none, "date", "resent-date", "delivery-date", "status", "content-length", "lines", "xref", "content-type",
      "authentication-results", "arc-authentication-results", "arc-seal", "arc-message-signature", "return-path",
      "delivered-to", "envelope-to", "replied", "forwarded", "posted-date", "expires", "path", "nntp-posting-date")
    set(
      .name, "dkim-signature", "domainkey-signature", "references", "in-reply-to", "thread-index", "x-face",
      "autocrypt", "received-spf", "mime-version")
    set(.subject, "subject", "thread-topic")
    set(
      .addresses, "from", "to", "cc", "reply-to", "sender", "errors-to", "resent-from", "resent-to", "resent-sender",
      "mail-followup-to", "disposition-notification-to", "list-post", "x-beenthere", "x-original-to")
    set(.received, "received", "x-originating-ip", "x-received")
    set(.identifier, "message-id", "resent-message-id", "list-id")
    set(.words(200), "x-mailer", "user-agent", "organization", "precedence", "x-priority", "list-unsubscribe")
    return table
  }()
}
