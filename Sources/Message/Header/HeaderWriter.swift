/// Writes header fields: folded, ending in CRLF, with nothing in them that could end them early.
enum HeaderWriter {
  /// RFC 5322 §2.1.1: lines should have no more than 78 characters.
  private static let width = 78

  /// A field of text for people; what is not ASCII becomes encoded words.
  static func field(name: String, text: String) -> [UInt8] {
    folded(name: name, EncodedWordEncoder.unstructured(text))
  }

  /// A field whose value is ready; control characters become spaces.
  static func field(name: String, value: String) -> [UInt8] {
    folded(name: name, EncodedWordEncoder.withoutControls(value))
  }

  static func field(name: String, mailboxes: [TextMessage.Mailbox]) -> [UInt8] {
    var value: [UInt8] = []
    for mailbox in mailboxes {
      if !value.isEmpty { value += Array(", ".utf8) }
      value += bytes(mailbox)
    }
    return folded(name: name, value)
  }

  static func bytes(_ mailbox: TextMessage.Mailbox) -> [UInt8] {
    guard let name = mailbox.name, !name.isEmpty else { return mailbox.address.bytes }
    return EncodedWordEncoder.phrase(name) + Array(" <".utf8) + mailbox.address.bytes + [UInt8(ascii: ">")]
  }

  /// Folds before words that would make a line too long. White space stays as it is; a line never has white space only.
  static func folded(name: String, _ value: [UInt8]) -> [UInt8] {
    var result = Array(name.utf8) + [UInt8(ascii: ":"), ASCII.space]
    var column = result.count
    var index = 0
    let value = ASCII.trimmed(value[...])
    while index < value.count {
      let start = value.startIndex + index
      let blanks = value[start...].prefix(while: ASCII.isBlank)
      let word = value[(start + blanks.count)...].prefix { !ASCII.isBlank($0) }
      if !blanks.isEmpty, column + blanks.count + word.count > width {
        result += [ASCII.cr, ASCII.lf]
        column = 0
      }
      result += blanks
      result += word
      column += blanks.count + word.count
      index += blanks.count + word.count
    }
    return result + [ASCII.cr, ASCII.lf]
  }
}
