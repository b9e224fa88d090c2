public import Message

/// What is taken out of a header section on every way into the house, because only this house may say it.
public enum ArrivingHeader {
  /// The section without Return-Path, without `X-Postroom-…`, and without Authentication-Results that claim to be
  /// ours (RFC 8601 §5).
  ///
  /// - Parameter hostnames: the names under which this house speaks: its host name and its domains, in any case.
  /// - Returns: `nil` if nothing had to go; then the bytes stay as they came.
  public static func cleaned(_ header: HeaderSection, hostnames: [String]) -> [UInt8]? {
    let isForeign: (HeaderField) -> Bool = { field in
      field.isNamed("Return-Path") || isOurs(field) || isForged(field, hostnames: hostnames)
    }
    guard header.contains(where: isForeign) else { return nil }
    return header.removing(where: isForeign)
  }

  private static let ownPrefix = Array("x-postroom-".utf8)

  private static func isOurs(_ field: HeaderField) -> Bool {
    field.name.count >= ownPrefix.count
      && zip(field.name, ownPrefix).allSatisfy { ($0.0 | 0x20) == $0.1 || $0.0 == $0.1 }
  }

  /// Whether an Authentication-Results field carries one of our names as its authserv-id (RFC 8601 §2.2): the first
  /// word of the field, behind comments.
  private static func isForged(_ field: HeaderField, hostnames: [String]) -> Bool {
    guard field.isNamed("Authentication-Results") else { return false }
    let name = authenticationService(field.unfolded).lowercased()
    return name.isEmpty || hostnames.contains { $0.lowercased() == name }
  }

  /// Ends at the first `;`, white space or `/` behind the name; a backslash takes the meaning from what follows it
  /// (RFC 5322 §3.2.1), so that nothing can be hidden from us that another reader sees.
  private static func authenticationService(_ body: [UInt8]) -> String {
    var depth = 0
    var word: [UInt8] = []
    var isQuoted = false
    var isEscaped = false
    for byte in body {
      let wasEscaped = isEscaped
      isEscaped = false
      switch byte {
      case _ where wasEscaped: if depth == 0 { word.append(byte) }
      case UInt8(ascii: "\\"): isEscaped = true
      case UInt8(ascii: "\"") where depth == 0: isQuoted.toggle()
      case UInt8(ascii: "(") where !isQuoted: depth += 1
      case UInt8(ascii: ")") where !isQuoted: depth = max(0, depth - 1)
      case _ where depth > 0: break
      case UInt8(ascii: ";") where !isQuoted: return String(decoding: word, as: UTF8.self)
      case UInt8(ascii: " ") where !isQuoted, UInt8(ascii: "\t") where !isQuoted, UInt8(ascii: "/") where !isQuoted:
        if !word.isEmpty { return String(decoding: word, as: UTF8.self) }
      default: word.append(byte)
      }
    }
    return String(decoding: word, as: UTF8.self)
  }
}
