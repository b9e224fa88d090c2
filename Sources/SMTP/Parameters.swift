/// One `keyword[=value]` after a path (RFC 5321 §4.1.2).
struct Parameter {
  /// In upper case.
  let keyword: String
  let value: ArraySlice<UInt8>?

  /// Splits what follows a path. `nil`: not `esmtp-param`s with a space before each.
  ///
  /// White space at the end is tolerated (RFC 5321 §4.1.1), and so is more than one space between two.
  static func list(_ text: ArraySlice<UInt8>) -> [Parameter]? {
    guard text.isEmpty || text.first == UInt8(ascii: " ") else { return nil }
    var parameters: [Parameter] = []
    for word in text.split(separator: UInt8(ascii: " ")) {
      guard let parameter = Parameter(word) else { return nil }
      parameters.append(parameter)
    }
    return parameters
  }

  private init?(_ word: ArraySlice<UInt8>) {
    let equals = word.firstIndex(of: UInt8(ascii: "="))
    let name = word[..<(equals ?? word.endIndex)]
    guard let first = name.first, first != UInt8(ascii: "-"), name.allSatisfy(Parameter.isKeywordText) else {
      return nil
    }
    keyword = String(decoding: name.uppercased, as: UTF8.self)
    if let equals {
      let value = word[(equals + 1)...]
      // `AUTH=<>` and xtext never hold `=`; a client that writes one in a value anyway is told so by the value's reader.
      guard !value.isEmpty, value.allSatisfy({ $0 > 32 && $0 != 127 }), value.isUTF8 else { return nil }
      self.value = value
    } else {
      value = nil
    }
  }

  private static func isKeywordText(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default:
      false
    }
  }
}

/// RET: what a notification of failure returns (RFC 3461 §4.3).
public enum ReturnedContent: String, Sendable, Hashable {
  case full = "FULL"
  case headers = "HDRS"
}

/// NOTIFY: when the sender wants word of a recipient (RFC 3461 §4.1). The empty set is `NEVER`.
public struct NotifyConditions: OptionSet, Sendable, Hashable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  public static let success = NotifyConditions(rawValue: 1)
  public static let failure = NotifyConditions(rawValue: 2)
  public static let delay = NotifyConditions(rawValue: 4)
  public static let never: NotifyConditions = []

  private static let names: [(String, NotifyConditions)] = [
    ("SUCCESS", .success), ("FAILURE", .failure), ("DELAY", .delay),
  ]

  /// Reads `NEVER`, or a list of the others; NEVER stands alone.
  init?(_ value: ArraySlice<UInt8>) {
    let words = value.uppercased.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    if words == ["NEVER"] {
      self = .never
      return
    }
    self = []
    for word in words {
      guard let found = NotifyConditions.names.first(where: { $0.0 == word }) else { return nil }
      insert(found.1)
    }
  }

  /// The value as it stands after `NOTIFY=`.
  public var text: String {
    isEmpty ? "NEVER" : NotifyConditions.names.filter { contains($0.1) }.map(\.0).joined(separator: ",")
  }
}

/// ORCPT: the recipient as the sender first named it (RFC 3461 §4.2).
public struct OriginalAddress: Sendable, Hashable {
  /// `rfc822`, `utf-8`, or another registered type, as it was written.
  public var type: String
  /// Without the xtext encoding.
  public var address: String

  public init(type: String, address: String) {
    self.type = type
    self.address = address
  }

  /// Octets of the value (RFC 3461 §4.2).
  private static let longest = 500

  /// Reads `rfc822;xtext`. With the type `utf-8` the address may stand in UTF-8 as it is, or hold `\x{…}`
  /// (RFC 6533 §3), which is kept as written.
  init?(_ value: ArraySlice<UInt8>) {
    guard value.count <= OriginalAddress.longest, let semicolon = value.firstIndex(of: UInt8(ascii: ";")) else {
      return nil
    }
    let type = value[..<semicolon]
    let text = value[(semicolon + 1)...]
    guard !type.isEmpty, type.allSatisfy({ PathGrammar.isAtomText($0) && $0 < 0x80 }), !text.isEmpty else { return nil }
    self.type = String(decoding: type, as: UTF8.self)
    let isUnicode = type.lowercased == Array("utf-8".utf8)
    if isUnicode, text.contains(where: { $0 >= 0x80 }) {
      address = String(decoding: text, as: UTF8.self)
      // It is passed on as xtext, which is longer; the next server must take that.
      guard self.text.utf8.count <= OriginalAddress.longest else { return nil }
      return
    }
    // RFC 3461 §4.2: printable US-ASCII once decoded.
    guard let decoded = Xtext.decode(text) else { return nil }
    guard decoded.allSatisfy({ (32...126).contains($0) }) || (isUnicode && decoded[...].isUTF8) else { return nil }
    address = String(decoding: decoded, as: UTF8.self)
  }

  /// The value as it stands after `ORCPT=`.
  public var text: String { "\(type);" + String(decoding: Xtext.encode(address.utf8), as: UTF8.self) }
}
