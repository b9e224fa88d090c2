/// Takes a Received field apart; see ``ReceivedField``.
enum ReceivedParser {
  private typealias Clause = WritableKeyPath<ReceivedField, [UInt8]?>

  private static func clause(named word: [UInt8]) -> Clause? {
    switch word.count <= 4 ? String(decoding: ASCII.lowercased(word), as: UTF8.self) : "" {
    case "from": \.from
    case "by": \.by
    case "via": \.via
    case "with": \.with
    case "id": \.id
    case "for": \.for
    default: nil
    }
  }

  static func parse(_ bytes: [UInt8]) -> ReceivedField {
    var field = ReceivedField()
    var text = StructuredText(bytes)
    var clause: Clause?
    var value: [UInt8] = []
    var dateStart: Int?

    func end() {
      if let clause, !value.isEmpty, field[keyPath: clause] == nil { field[keyPath: clause] = value }
      value = []
    }

    while let byte = text.next {
      if ASCII.isSpace(byte) {
        text.advance()
        continue
      }
      if byte == UInt8(ascii: ";") {
        text.advance()
        dateStart = text.position
        break
      }
      let word = word(&text, first: byte)
      // A clause's name is a word of its own, and each clause has at least one word.
      if !value.isEmpty || clause == nil, let found = self.clause(named: word) {
        end()
        clause = found
      } else if clause != nil {
        if !value.isEmpty { value.append(ASCII.space) }
        value += word
      }
    }
    end()
    if let dateStart { field.date = HeaderDate(bytes[dateStart...]) }
    return field
  }

  private static func word(_ text: inout StructuredText, first: UInt8) -> [UInt8] {
    switch first {
    case UInt8(ascii: "("):
      return [first] + ASCII.trimmed(text.comment()[...]) + [UInt8(ascii: ")")]
    case ASCII.quote:
      return [first] + text.quotedString() + [first]
    default:
      let word = text.take { !ASCII.isSpace($0) && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "(") }
      return Array(word)
    }
  }
}
