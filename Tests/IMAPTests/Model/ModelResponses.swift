/// What a server said to one command, read without any help from the server's own code.
struct ModelAnswer {
  /// One untagged response: `* 3 FETCH (…)` has the words 3, FETCH and a list.
  struct Untagged {
    var words: [Value]
    /// For `* OK [UIDNEXT 4] …`: what stands in the brackets.
    var code: String?

    var number: Int? { words.first?.text.flatMap { Int($0) } }
    /// The name of the response: `FETCH` of `* 3 FETCH`, `SEARCH` of `* SEARCH 1 2`.
    var name: String { (number == nil ? words.first?.text : words.dropFirst().first?.text)?.uppercased() ?? "" }
  }

  indirect enum Value: Equatable {
    case atom(String)
    case string([UInt8])
    case list([Value])

    var text: String? {
      switch self {
      case .atom(let text): text
      case .string(let octets): String(decoding: octets, as: UTF8.self)
      case .list: nil
      }
    }
    var list: [Value]? { if case .list(let values) = self { values } else { nil } }
  }

  var untagged: [Untagged] = []
  /// OK, NO or BAD; nothing if the session ended before.
  var status = ""
  var code: String?
  let octets: [UInt8]

  /// Reads all that was said up to the tagged line.
  init(_ octets: [UInt8], tag: String) throws(Mismatch) {
    self.octets = octets
    var reader = Reader(octets: octets)
    while !reader.isAtEnd {
      let start = try reader.word()
      if start == "+" {
        reader.skipLine()
      } else if start == tag {
        status = try reader.word()
        code = reader.restOfStatus()
      } else if start == "*" {
        untagged.append(try reader.untagged())
      } else {
        throw Mismatch("a line begins with \(start), which is neither * nor the tag \(tag)")
      }
    }
  }

  /// The arguments of a response code: `4` of `[UIDNEXT 4]`.
  func argument(_ name: String) -> String? {
    for code in untagged.compactMap(\.code) + [code].compactMap({ $0 }) {
      if code.hasPrefix(name + " ") { return String(code.dropFirst(name.count + 1)) }
    }
    return nil
  }

  func hasCode(_ name: String) -> Bool { code == name || code?.hasPrefix(name + " ") == true }
}

/// What the server did and the model did not expect.
struct Mismatch: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }

  static func unless(_ condition: Bool, _ what: @autoclosure () -> String) throws(Mismatch) {
    if !condition { throw Mismatch(what()) }
  }
}

private struct Reader {
  let octets: [UInt8]
  var position = 0

  var isAtEnd: Bool { position >= octets.count }
  private var next: UInt8? { isAtEnd ? nil : octets[position] }

  /// A word up to a space or the end of the line, and the space.
  mutating func word() throws(Mismatch) -> String {
    guard case .atom(let text) = try value() else { throw Mismatch("expected a word in \(context)") }
    if next == UInt8(ascii: " ") { position += 1 }
    return text
  }

  mutating func skipLine() {
    while let octet = next, octet != 10 { position += 1; _ = octet }
    position += 1
  }

  mutating func untagged() throws(Mismatch) -> ModelAnswer.Untagged {
    var words = [try value()]
    if let name = words[0].text, ["OK", "NO", "BAD", "BYE"].contains(name) {
      position += 1
      return ModelAnswer.Untagged(words: words, code: restOfStatus())
    }
    while next == UInt8(ascii: " ") {
      position += 1
      words.append(try value())
    }
    try endLine()
    return ModelAnswer.Untagged(words: words)
  }

  /// The rest of a status line; what is in brackets.
  mutating func restOfStatus() -> String? {
    let start = position
    skipLine()
    let line = String(decoding: octets[start..<max(start, position - 2)], as: UTF8.self)
    guard line.hasPrefix("["), let end = line.firstIndex(of: "]") else { return nil }
    return String(line[line.index(after: line.startIndex)..<end])
  }

  private mutating func endLine() throws(Mismatch) {
    guard octets.dropFirst(position).starts(with: [13, 10]) else { throw Mismatch("expected CRLF in \(context)") }
    position += 2
  }

  private mutating func value() throws(Mismatch) -> ModelAnswer.Value {
    switch next {
    case UInt8(ascii: "("): return .list(try list())
    case UInt8(ascii: "\""): return .string(try quoted())
    case UInt8(ascii: "{"): return .string(try literal())
    default: return .atom(try atom())
    }
  }

  private mutating func list() throws(Mismatch) -> [ModelAnswer.Value] {
    var values: [ModelAnswer.Value] = []
    position += 1
    while let octet = next, octet != UInt8(ascii: ")") {
      if octet == UInt8(ascii: " ") { position += 1 } else { values.append(try value()) }
    }
    guard !isAtEnd else { throw Mismatch("a list does not end") }
    position += 1
    return values
  }

  private mutating func quoted() throws(Mismatch) -> [UInt8] {
    var text: [UInt8] = []
    position += 1
    while let octet = next, octet != UInt8(ascii: "\"") {
      if octet == UInt8(ascii: "\\") { position += 1 }
      guard let character = next else { break }
      text.append(character)
      position += 1
    }
    guard !isAtEnd else { throw Mismatch("a quoted string does not end") }
    position += 1
    return text
  }

  private mutating func literal() throws(Mismatch) -> [UInt8] {
    let start = position + 1
    while let octet = next, octet != UInt8(ascii: "}") { position += 1; _ = octet }
    guard let size = Int(String(decoding: octets[start..<position], as: UTF8.self)) else {
      throw Mismatch("a literal without a size")
    }
    position += 1
    try endLine()
    guard position + size <= octets.count else { throw Mismatch("a literal of \(size) octets is cut short") }
    defer { position += size }
    return Array(octets[position..<position + size])
  }

  /// Up to a space, a parenthesis or the end of the line; brackets are kept together, as in `BODY[HEADER.FIELDS (DATE)]`.
  private mutating func atom() throws(Mismatch) -> String {
    let start = position
    var depth = 0
    while let octet = next, octet != 13 {
      if octet == UInt8(ascii: "[") { depth += 1 }
      if octet == UInt8(ascii: "]") { depth -= 1 }
      if depth <= 0, [UInt8(ascii: " "), UInt8(ascii: "("), UInt8(ascii: ")")].contains(octet) { break }
      position += 1
    }
    guard position > start else { throw Mismatch("nothing where a word should be, in \(context)") }
    return String(decoding: octets[start..<position], as: UTF8.self)
  }

  private var context: String {
    String(decoding: octets[max(0, position - 60)..<min(octets.count, position + 20)], as: UTF8.self).debugDescription
  }
}
