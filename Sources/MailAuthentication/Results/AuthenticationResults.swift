/// The content of an Authentication-Results field (RFC 8601 §2.2), read or to be written.
public struct AuthenticationResults: Sendable, Hashable {
  public struct Entry: Sendable, Hashable {
    /// `spf`, in lower case.
    public var method: String
    /// `pass`, in lower case.
    public var result: String
    public var reason: String?
    /// `smtp.mailfrom` and its value, in order.
    public var properties: [Property]

    public init(_ method: String, _ result: String, reason: String? = nil, _ properties: [Property] = []) {
      self.method = method
      self.result = result
      self.reason = reason
      self.properties = properties
    }
  }

  public struct Property: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Entries that are read of one field.
  static let limit = 100

  /// Who found this out: a host's name.
  public var authority: String
  public var entries: [Entry]

  public init(authority: String, entries: [Entry]) {
    self.authority = authority
    self.entries = entries
  }

  /// The result of the first entry of a method.
  public subscript(method: String) -> String? { entries.first { $0.method == method }?.result }

  // MARK: Writing

  /// The field, ending in CRLF.
  public var field: [UInt8] { Array("Authentication-Results: ".utf8) + payload + [13, 10] }

  /// What stands behind the name of the field, folded, without its line end.
  var payload: [UInt8] {
    var result = Self.value(authority)
    if entries.isEmpty { result += Array("; none".utf8) }
    for entry in entries {
      result += [UInt8(ascii: ";"), 13, 10, 9]
      result += Array("\(entry.method)=\(entry.result)".utf8)
      var column = 8 + entry.method.utf8.count + entry.result.utf8.count
      var parts = entry.properties.map { Array("\($0.name)=".utf8) + Self.value($0.value) }
      if let reason = entry.reason { parts.insert(Array("reason=".utf8) + Self.quoted(reason), at: 0) }
      for part in parts {
        if column + part.count > 76 {
          result += [13, 10, 9]
          column = 8
        } else {
          result.append(32)
        }
        result += part
        column += part.count + 1
      }
    }
    return result
  }

  /// A token, an address, or a quoted-string (RFC 8601 §2.2, `pvalue`).
  static func value(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    let isPlain =
      !bytes.isEmpty && bytes.count <= 320
      && bytes.allSatisfy { $0.isAlphanumeric || "!#$%&'*+-.^_`{|}~@".utf8.contains($0) }
    return isPlain ? bytes : quoted(text)
  }

  /// Of strangers' text only what no reader stumbles over.
  private static func quoted(_ text: String) -> [UInt8] {
    var result = [UInt8(ascii: "\"")]
    for byte in text.utf8.prefix(600) {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
      case 0x20...0x7e: result.append(byte)
      default: result.append(UInt8(ascii: "?"))
      }
    }
    return result + [UInt8(ascii: "\"")]
  }
}
