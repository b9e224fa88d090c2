/// What a remote server sent is no SMTP reply.
public struct ReplyError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String
}

/// Puts the lines of a remote server's reply together (RFC 5321 §4.2, §4.2.1).
///
/// Any bytes give a reply or an error; how much is kept of them is limited.
public struct ReplyParser: Sendable {
  /// Lines longer than this end the session. RFC 5321 §4.5.3.1.5 allows 512.
  public static let lineLimit = 4096
  /// Replies of more lines end the session.
  public static let linesLimit = 200

  private var code: Int?
  private var lines: [[UInt8]] = []

  public init() {}

  /// - Parameter line: without its line end.
  /// - Returns: the reply, when this was its last line.
  public mutating func receive(_ line: ArraySlice<UInt8>) throws(ReplyError) -> Reply? {
    guard line.count <= ReplyParser.lineLimit, lines.count < ReplyParser.linesLimit else {
      throw ReplyError(description: "the server's reply is longer than any reply should be")
    }
    let digits = line.prefix(3)
    guard digits.count == 3, let number = ServerMachine.octets(digits), (200...599).contains(number) else {
      throw ReplyError(description: "the server sent a line that is no reply")
    }
    if let code, code != number {
      throw ReplyError(description: "the server changed the code within one reply, from \(code) to \(number)")
    }
    // RFC 5321 §4.2.1: the last line may be the bare code.
    let rest = line.dropFirst(3)
    let continues = rest.first == UInt8(ascii: "-")
    guard rest.isEmpty || continues || rest.first == 0x20 else {
      throw ReplyError(description: "the server sent a line that is no reply")
    }
    code = number
    lines.append(Array(rest.dropFirst()))
    guard !continues else { return nil }
    defer { self = ReplyParser() }
    return ReplyParser.reply(number, lines)
  }

  /// Takes the enhanced code out of the lines, if the first one has it and it fits the code (RFC 2034 §4).
  private static func reply(_ code: Int, _ lines: [[UInt8]]) -> Reply {
    var texts = lines.map(printable)
    let word = texts.first?.prefix { $0 != " " } ?? ""
    guard let enhanced = EnhancedCode(word), enhanced.category == code / 100 else { return Reply(code, nil, texts) }
    texts = texts.map { text in
      guard text.hasPrefix(word) else { return text }
      let rest = text.dropFirst(word.count)
      return rest.isEmpty || rest.first == " " ? String(rest.drop { $0 == " " }) : text
    }
    return Reply(code, enhanced, texts)
  }

  /// A stranger's text: UTF-8 where it is that, control characters as `?`.
  private static func printable(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.map { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
  }
}
