/// An enhanced mail system status code: `class.subject.detail` (RFC 2034 §4).
public struct EnhancedCode: Hashable, Sendable, CustomStringConvertible {
  /// 2 success, 4 persistent transient failure, 5 permanent failure.
  public let category: Int
  /// What the code is about: 0…999.
  public let subject: Int
  /// The precise condition: 0…999.
  public let detail: Int

  public init(_ category: Int, _ subject: Int, _ detail: Int) {
    self.category = category
    self.subject = subject
    self.detail = detail
  }

  /// Reads `5.7.1`. Anything else, and any class but 2, 4 and 5, gives `nil`.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    var numbers: [Int] = []
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int(part)
      else { return nil }
      numbers.append(number)
    }
    guard [2, 4, 5].contains(numbers[0]) else { return nil }
    self.init(numbers[0], numbers[1], numbers[2])
  }

  public var description: String { "\(category).\(subject).\(detail)" }
}

/// One SMTP reply: a code, an enhanced code where one belongs, and one or more lines of text (RFC 5321 §4.2).
///
/// The same type is what our server says and what a remote server said.
public struct Reply: Hashable, Sendable, CustomStringConvertible {
  /// 200…599.
  public var code: Int
  /// Never present in a greeting, in the answer to EHLO and HELO, and in 3yz replies (RFC 2034 §3, §4).
  public var enhanced: EnhancedCode?
  /// At least one; without the code, the enhanced code and the line ends. Control characters and bytes
  /// that are not UTF-8 in a remote server's words are replaced.
  public var lines: [String]

  public init(_ code: Int, _ enhanced: EnhancedCode? = nil, _ lines: [String]) {
    self.code = code
    self.enhanced = enhanced
    self.lines = lines.isEmpty ? [""] : lines
  }

  /// - Parameter enhanced: such as `"5.7.1"`; `nil` where the reply bears none.
  public init(_ code: Int, _ enhanced: String?, _ text: String) {
    self.init(code, enhanced.flatMap { EnhancedCode($0) }, [text])
  }

  public var isPositive: Bool { (200...299).contains(code) }
  public var isIntermediate: Bool { (300...399).contains(code) }
  public var isTransientFailure: Bool { (400...499).contains(code) }
  public var isPermanentFailure: Bool { (500...599).contains(code) }

  /// The enhanced code, or the general one of the reply's class: what a notification needs.
  public var status: EnhancedCode { enhanced ?? EnhancedCode(code / 100 == 3 ? 2 : code / 100, 0, 0) }

  /// All lines as one, with the codes in front: what a trace row shows.
  public var description: String {
    let text = lines.joined(separator: " ")
    let codes = enhanced.map { "\(code) \($0)" } ?? "\(code)"
    return text.isEmpty ? codes : "\(codes) \(text)"
  }

  /// The bytes on the wire, CRLF included. A line of more than 512 octets is cut (RFC 5321 §4.5.3.1.5),
  /// and a line break in a text cannot become one on the wire.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, line) in lines.enumerated() {
      var one = Array("\(code)\(index == lines.count - 1 ? " " : "-")".utf8)
      if let enhanced { one += Array("\(enhanced) ".utf8) }
      one += line.utf8.map { $0 == 0x0d || $0 == 0x0a || $0 == 0 ? 0x20 : $0 }
      one = Reply.cut(one, to: 510)
      bytes += one
      bytes += [0x0d, 0x0a]
    }
    return bytes
  }

  /// The first `limit` bytes, without tearing a UTF-8 sequence.
  private static func cut(_ bytes: [UInt8], to limit: Int) -> [UInt8] {
    guard bytes.count > limit else { return bytes }
    var end = limit
    while end > 0, bytes[end] & 0xc0 == 0x80 { end -= 1 }
    return Array(bytes[..<end])
  }
}
