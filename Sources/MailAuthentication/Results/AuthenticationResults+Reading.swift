extension AuthenticationResults {
  /// Reads the body of a field, or what stands behind the instance of an ARC-Authentication-Results. Total: what cannot be
  /// read is left out, so that nothing can be smuggled in by it.
  init(_ body: ArraySlice<UInt8>) {
    let parts = Self.parts(body)
    let words = parts.first.map(Self.words) ?? []
    authority = words.first?.text ?? ""
    entries = parts.dropFirst().prefix(Self.limit).compactMap(Self.entry)
  }

  /// A piece of the text: what stood in quotes is no grammar.
  fileprivate struct Character {
    var byte: UInt8
    var isQuoted: Bool
  }

  fileprivate typealias Characters = ArraySlice<Character>

  /// The parts between semicolons, without comments.
  private static func parts(_ body: ArraySlice<UInt8>) -> [Characters] {
    var parts: [[Character]] = [[]]
    var (depth, isQuoted, isEscaped) = (0, false, false)
    for byte in body {
      if isEscaped {
        isEscaped = false
        if depth == 0 { parts[parts.count - 1].append(Character(byte: byte, isQuoted: true)) }
        continue
      }
      switch byte {
      case UInt8(ascii: "\\") where isQuoted || depth > 0: isEscaped = true
      case UInt8(ascii: "\"") where depth == 0: isQuoted.toggle()
      case UInt8(ascii: "(") where !isQuoted: depth += 1
      case UInt8(ascii: ")") where !isQuoted && depth > 0:
        depth -= 1
        if depth == 0 { parts[parts.count - 1].append(Character(byte: 32, isQuoted: false)) }
      case _ where depth > 0: break
      case UInt8(ascii: ";") where !isQuoted: parts.append([])
      case 13, 10: break
      default: parts[parts.count - 1].append(Character(byte: byte, isQuoted: isQuoted))
      }
    }
    return parts.map { $0[...] }
  }

  /// The words of a part; white space around `=`, and around `/` and `.` by themselves, belongs to nothing.
  private static func words(_ part: Characters) -> [Characters] {
    let isBlank: (Character) -> Bool = { !$0.isQuoted && $0.byte.isBlank }
    var words: [Characters] = []
    var joins = false
    for word in part.split(whereSeparator: isBlank) {
      let isEquals: (Character) -> Bool = { !$0.isQuoted && $0.byte == UInt8(ascii: "=") }
      let isJoiner =
        word.count == 1 && !word[word.startIndex].isQuoted && "/.".utf8.contains(word[word.startIndex].byte)
      if joins || isJoiner || isEquals(word[word.startIndex]), let last = words.popLast() {
        words.append((Array(last) + Array(word))[...])
      } else {
        words.append(word)
      }
      joins = isJoiner || (word.last.map(isEquals) ?? false)
    }
    return words
  }

  private static func pair(_ word: Characters) -> (name: Characters, value: Characters)? {
    guard let equals = word.firstIndex(where: { !$0.isQuoted && $0.byte == UInt8(ascii: "=") }) else { return nil }
    return (word[..<equals], word[(equals + 1)...])
  }

  private static func entry(_ part: Characters) -> Entry? {
    let words = words(part)
    guard let first = words.first, let (method, result) = pair(first), !method.isEmpty, !result.isEmpty else {
      return nil
    }
    // `method/version`.
    let name = method.prefix { $0.byte != UInt8(ascii: "/") && !$0.byte.isBlank }
    guard name.isKeyword, result.isKeyword else { return nil }
    var entry = Entry(name.text.lowercased(), result.text.lowercased())
    for word in words.dropFirst().prefix(limit) {
      guard let (name, value) = pair(word), name.isKeyword else { continue }
      let text = name.text.lowercased()
      if text == "reason" { entry.reason = value.text } else { entry.properties.append(Property(text, value.text)) }
    }
    return entry
  }
}

extension ArraySlice where Element == AuthenticationResults.Character {
  /// `Keyword` (RFC 8601 §2.2), or some of them with dots between: nothing that could mean more where it is written again.
  fileprivate var isKeyword: Bool {
    !isEmpty && allSatisfy { !$0.isQuoted && ($0.byte.isAlphanumeric || "-_.".utf8.contains($0.byte)) }
  }

  fileprivate var text: String { String(decoding: lazy.map(\.byte), as: UTF8.self) }
}
