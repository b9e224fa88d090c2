extension HeaderSection {
  /// The section as RFC 6858 §2 shows it to clients that cannot take UTF-8 in headers: internationalized addresses
  /// replaced by invalid ones with a telling name, Subject as encoded words, parameters that cannot be shown left
  /// out, and so all other fields. The same bytes if nothing is above 127. For headers of messages, of parts and of
  /// embedded messages.
  public func downgraded() -> [UInt8] {
    guard has8Bit else { return bytes }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for field in self { result += field.bytes.contains { $0 >= 128 } ? Downgrade.field(field) : field.bytes[...] }
    return result + bytes.suffix(terminatorLength)
  }
}

/// What RFC 6858 does to the pieces of a header.
enum Downgrade {
  /// RFC 6858 §2.1 gives it as an example; `.invalid` belongs to nobody.
  private static let address = (local: Array("invalid".utf8), domain: Array("internationalized-address.invalid".utf8))

  /// The fields whose addresses are replaced (RFC 6858 §2.1).
  private static let addressFields: Set<String> = [
    "bcc", "cc", "from", "reply-to", "resent-bcc", "resent-cc", "resent-from", "resent-sender", "resent-to",
    "return-path", "sender", "to",
  ]

  /// A field with octets above 127, or nothing if it cannot be shown at all (§2.4).
  static func field(_ field: HeaderField) -> ArraySlice<UInt8> {
    let name = field.nameText
    switch name.lowercased() {
    case "subject": return HeaderWriter.folded(name: name, text(field.unfolded))[...]
    case "content-type":
      guard let type = ContentType(field.body) else { return [] }
      return HeaderWriter.folded(name: name, parameters(type.parameters, after: "\(type.type)/\(type.subtype)"))[...]
    case "content-disposition":
      guard let disposition = ContentDisposition(field.body) else { return [] }
      return HeaderWriter.folded(name: name, parameters(disposition.parameters, after: disposition.kind))[...]
    case let known where addressFields.contains(known):
      return HeaderWriter.folded(name: name, addresses(AddressList(field.body)))[...]
    default: return []
    }
  }

  /// Unstructured text or a phrase: as it is if it is ASCII, else as encoded words (§2.3). Octets that are no UTF-8
  /// are taken for windows-1252, in which most mail that ignores the standards is written.
  static func text(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(where: { $0 >= 128 }) else { return bytes }
    return EncodedWord.encode(EncodedWord.decode(Charset.repaired(bytes)))
  }

  /// A mailbox that a conventional client can be shown.
  static func mailbox(_ mailbox: HeaderMailbox) -> HeaderMailbox {
    var result = mailbox
    if mailbox.route?.contains(where: { $0 >= 128 }) ?? false { result.route = nil }
    guard mailbox.localPart.contains(where: { $0 >= 128 }) || mailbox.domain.contains(where: { $0 >= 128 }) else {
      result.name = mailbox.name.map(phrase)
      return result
    }
    // The reader is told which address it was; nobody can be reached at the one that stands there.
    let shown = Charset.repaired(mailbox.localPart + [UInt8(ascii: "@")] + mailbox.domain)
    let name = mailbox.name.map { EncodedWord.decode(Charset.repaired($0)) + " " } ?? ""
    result.name = EncodedWord.encodePhrase(name + "<" + String(decoding: shown, as: UTF8.self) + ">")
    (result.localPart, result.domain) = address
    return result
  }

  private static func phrase(_ name: [UInt8]) -> [UInt8] {
    guard name.contains(where: { $0 >= 128 }) else { return name }
    return EncodedWord.encodePhrase(EncodedWord.decode(Charset.repaired(name)))
  }

  private static func addresses(_ list: AddressList) -> [UInt8] {
    let entries = list.entries.map { entry -> [UInt8] in
      switch entry {
      case .mailbox(let mailbox): return written(mailbox)
      case .group(let name, let members):
        let list = members.map(written).joined(separator: Array(", ".utf8))
        return writtenPhrase(phrase(name)) + Array(": ".utf8) + list + [UInt8(ascii: ";")]
      }
    }
    return Array(entries.joined(separator: Array(", ".utf8)))
  }

  /// `name <local@domain>`
  private static func written(_ original: HeaderMailbox) -> [UInt8] {
    let mailbox = mailbox(original)
    let local = String(decoding: mailbox.localPart, as: UTF8.self)
    var address = Array(AddrSpec.localPartText(local).utf8)
    if !mailbox.domain.isEmpty { address += [UInt8(ascii: "@")] + mailbox.domain }
    guard let name = mailbox.name else { return address }
    return writtenPhrase(name) + Array(" <".utf8) + address + [UInt8(ascii: ">")]
  }

  /// An ASCII phrase, quoted if it must be. Encoded words stay what they are only without quotes.
  private static func writtenPhrase(_ name: [UInt8]) -> [UInt8] {
    let isPlain = name.allSatisfy { AddrSpec.isAtext($0) || $0 == ASCII.space }
    return isPlain && !name.isEmpty ? name : EncodedWordEncoder.quoted(name.filter { $0 >= 32 && $0 != 127 })
  }

  /// RFC 6858 §2.2: parameters that are not ASCII are left out.
  private static func parameters(_ parameters: [MIMEParameter], after beginning: String) -> [UInt8] {
    var result = Array(beginning.utf8)
    for parameter in parameters where !parameter.value.contains(where: { $0 >= 128 }) {
      let isToken = !parameter.value.isEmpty && parameter.value.allSatisfy(StructuredText.isTokenOctet)
      result += Array("; \(parameter.name)=".utf8)
      result += isToken ? parameter.value : EncodedWordEncoder.quoted(parameter.value)
    }
    return result
  }
}

extension Charset {
  /// The bytes as UTF-8: themselves if they are, else read as windows-1252.
  static func repaired(_ bytes: [UInt8]) -> [UInt8] {
    UTF8Scan.isValid(bytes) ? bytes : Array(decode(bytes, as: "windows-1252", limit: bytes.count).utf8)
  }
}
