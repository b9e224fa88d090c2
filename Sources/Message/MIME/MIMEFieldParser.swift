/// Reads Content-Type, Content-Disposition and the like (RFC 2045 §5.1, RFC 2183 §2) as senders really write them.
enum MIMEFieldParser {
  /// More parameters than this are dropped.
  private static let parameterLimit = 100
  /// A type, subtype or attribute longer than this is none.
  private static let tokenLimit = 200

  static func contentType(_ bytes: [UInt8]) -> ContentType? {
    var text = StructuredText(bytes)
    text.skipBlanksAndComments()
    guard let type = token(&text) else { return nil }
    text.skipBlanksAndComments()
    guard text.take(UInt8(ascii: "/")) else { return nil }
    text.skipBlanksAndComments()
    guard let subtype = token(&text) else { return nil }
    return ContentType(type: type, subtype: subtype, parameters: parameters(&text))
  }

  static func disposition(_ bytes: [UInt8]) -> ContentDisposition? {
    var text = StructuredText(bytes)
    text.skipBlanksAndComments()
    guard let kind = token(&text) else { return nil }
    return ContentDisposition(kind: kind, parameters: parameters(&text))
  }

  /// Content-Language: tags between commas, at most 50.
  static func languages(_ bytes: [UInt8]) -> [[UInt8]] {
    var text = StructuredText(bytes)
    var tags: [[UInt8]] = []
    while !text.isAtEnd, tags.count < 50 {
      text.skipBlanksAndComments()
      let tag = text.token()
      if !tag.isEmpty { tags.append(Array(tag)) } else if !text.isAtEnd { text.advance() }
    }
    return tags
  }

  private static func token(_ text: inout StructuredText) -> String? {
    let token = text.token()
    return token.isEmpty || token.count > tokenLimit ? nil : String(decoding: token, as: UTF8.self)
  }

  private static func parameters(_ text: inout StructuredText) -> [MIMEParameter] {
    var result: [MIMEParameter] = []
    while !text.isAtEnd, result.count < parameterLimit {
      text.skipBlanksAndComments()
      let start = text.position
      if let name = token(&text) {
        text.skipBlanksAndComments()
        if text.take(UInt8(ascii: "=")) {
          text.skipBlanksAndComments()
          result.append(MIMEParameter(name: name, value: value(&text)))
          continue
        }
      }
      // A semicolon, or something that is no parameter: go on behind it.
      if text.position == start { text.advance() }
    }
    return result
  }

  private static func value(_ text: inout StructuredText) -> [UInt8] {
    if text.next == ASCII.quote { return text.quotedString() }
    // Senders leave quotes away around names with spaces; and they leave semicolons away too.
    var value: [UInt8] = []
    while true {
      let word = text.take { !ASCII.isSpace($0) && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "(") }
      value += word
      let blanks = text.take(while: ASCII.isSpace)
      guard let byte = text.next, !blanks.isEmpty, byte != UInt8(ascii: ";"), byte != UInt8(ascii: "(") else { break }
      if beginsParameter(text) { break }
      value.append(ASCII.space)
    }
    return value
  }

  /// Whether `name=` comes next.
  private static func beginsParameter(_ text: StructuredText) -> Bool {
    var index = text.position
    let end = min(text.bytes.count, index + tokenLimit)
    while index < end, StructuredText.isTokenOctet(text.bytes[index]) { index += 1 }
    return index > text.position && index < end && text.bytes[index] == UInt8(ascii: "=")
  }
}
