/// A word or phrase as a rule looks for it in a header field.
///
/// Case does not matter, nor how an accented letter is composed, nor how much white space lies between words. The
/// phrase must not be a part of a longer word: directly before and after it there is no letter or digit. Scripts
/// that are written without spaces have no such bounds, so there (and where the phrase itself begins or ends with
/// such a character, or with punctuation) that side is not looked at.
struct Phrase: Sendable {
  private let characters: [Character]

  init(_ text: String) { characters = Phrase.prepared(text) }

  /// A field's text made ready once for many phrases.
  struct Text: Sendable {
    fileprivate let characters: [Character]
    /// Bytes of a field that are looked at: a longer one is an attack, not a subject.
    static let limit = 64 * 1024

    init(_ text: String) {
      characters = Phrase.prepared(text.utf8.count > Text.limit ? String(text.unicodeScalars.prefix(Text.limit)) : text)
    }
  }

  /// Whether the phrase stands in the text.
  func isFound(in text: Text) -> Bool {
    let text = text.characters
    guard let first = characters.first, let last = characters.last, text.count >= characters.count else { return false }
    for start in 0...(text.count - characters.count) where text[start] == first {
      let end = start + characters.count
      guard text[start..<end].elementsEqual(characters) else { continue }
      let openBefore = start == 0 || !(Phrase.bindsToNeighbours(first) && Phrase.bindsToNeighbours(text[start - 1]))
      let openAfter = end == text.count || !(Phrase.bindsToNeighbours(last) && Phrase.bindsToNeighbours(text[end]))
      if openBefore && openAfter { return true }
    }
    return false
  }

  private static func prepared(_ text: String) -> [Character] {
    var result: [Character] = []
    for character in text.lowercased() {
      if character.isWhitespace {
        if result.last != " " { result.append(" ") }
      } else {
        result.append(character)
      }
    }
    if result.first == " " { result.removeFirst() }
    if result.last == " " { result.removeLast() }
    return result
  }

  /// Letters and digits of scripts that put spaces between words. From U+2E80 on come the ideographs and kana;
  /// Thai, Lao and Khmer have no spaces either. Hangul (U+AC00…U+D7A3) attaches particles to words.
  private static func bindsToNeighbours(_ character: Character) -> Bool {
    guard character.isLetter || character.isNumber, let scalar = character.unicodeScalars.first else { return false }
    switch scalar.value {
    case 0x0e00...0x0eff, 0x1780...0x17ff, 0x2e80...: return false
    default: return true
    }
  }
}
