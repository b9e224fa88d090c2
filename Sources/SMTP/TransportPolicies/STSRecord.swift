/// The TXT record at `_mta-sts.DOMAIN` that says: there is an MTA-STS policy, and this is its number (RFC 8461 §3.1).
public struct STSRecord: Hashable, Sendable {
  /// 1 to 32 letters and digits; another one means that the policy has changed.
  public var id: String

  /// Reads one record: `v=STSv1; id=20160831085700Z;`. `nil`: it is none, or not well formed.
  public init?(_ text: String) {
    guard let fields = PolicyFields.list(text, version: "STSv1") else { return nil }
    // Of a field that is there twice the first counts; others than id are for later versions.
    guard let id = fields.first(where: { $0.name == "id" })?.value, (1...32).contains(id.utf8.count),
      id.utf8.allSatisfy(PolicyFields.isAlphanumeric)
    else { return nil }
    self.id = id
  }

  /// The record among all that stand at the name. Records that begin otherwise do not count, and with more than one that
  /// begins rightly there is no policy (RFC 8461 §3.1).
  public static func only(of texts: [String]) -> STSRecord? {
    let candidates = texts.filter { PolicyFields.hasVersion($0, "STSv1") }
    return candidates.count == 1 ? STSRecord(candidates[0]) : nil
  }
}

/// `v=…; name=value; …` as the TXT records of MTA-STS and TLSRPT have it.
enum PolicyFields {
  /// No record of use is longer, in octets.
  static let longest = 4096

  /// The version stands first and exactly so (`%s"v=STSv1"`), and is followed by a semicolon or by nothing.
  static func hasVersion(_ text: String, _ version: String) -> Bool {
    let first = text.utf8.prefix { $0 != UInt8(ascii: ";") }
    return trimmed(first).elementsEqual("v=\(version)".utf8) && first.first == UInt8(ascii: "v")
  }

  /// The fields behind the version, without the blanks around `;` and `=`: TLSRPT allows them (RFC 8460 §3), and whoever
  /// writes a record for MTA-STS means no harm by them. A value may have blanks within; whoever reads it decides. `nil`:
  /// another version, or something that is no field.
  static func list(_ text: String, version: String) -> [(name: String, value: String)]? {
    guard text.utf8.count <= longest, hasVersion(text, version) else { return nil }
    var fields: [(name: String, value: String)] = []
    let parts = text.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).dropFirst()
    for (index, part) in parts.enumerated() {
      let part = trimmed(part)
      if part.isEmpty {
        // Only a semicolon at the very end may be followed by nothing.
        guard index == parts.count - 1 else { return nil }
        continue
      }
      guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      let (name, value) = (trimmed(part[..<equals]), trimmed(part[part.index(after: equals)...]))
      guard (1...32).contains(name.count), let first = name.first, isAlphanumeric(first),
        name.allSatisfy({ isAlphanumeric($0) || "_-.".utf8.contains($0) }), !value.isEmpty,
        value.allSatisfy({ isBlank($0) || (0x21...0x7e).contains($0) })
      else { return nil }
      fields.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
    }
    return fields
  }

  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 }

  /// Without blanks at both ends.
  static func trimmed(_ bytes: some BidirectionalCollection<UInt8>) -> ArraySlice<UInt8> {
    let bytes = Array(bytes).drop(while: isBlank)
    let end = bytes.lastIndex { !isBlank($0) }
    return end.map { bytes[...$0] } ?? []
  }
}
