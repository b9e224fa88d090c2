/// The content of an element in which there are no tags (`<style>`, `<script>`, `<title>` …), to its end tag and not before: an
/// open quote in it does not matter, nor another element's end tag.
///
///     content ──</name──▶ and a blank, / or > ──▶ its end
///
///     script: <!-- ──▶ escaped ──<script──▶ twice: the next </script is that one's ──▶ escaped ──--> ──▶ as before
struct RawText {
  private enum State { case content, open, closing, opening, bang, bangDash }
  private enum Escape { case none, once, twice }

  private let name: UInt64
  private let isScript: Bool
  private var state = State.content
  private var escape = Escape.none
  /// The hash of the letters behind `<` or `</`.
  private var letters: UInt64 = 0
  private var dashes = 0

  /// - Parameter name: the hash of the element's name.
  init(_ name: UInt64) {
    // That one has no end.
    self.name = name == HTMLElement.plaintext ? 0 : name
    isScript = name == HTMLElement.script
  }

  /// - Returns: whether the name of its end tag has just ended: the byte is the first behind it.
  mutating func take(_ byte: UInt8) -> Bool {
    let letter = Token.lowercased(byte)
    let isLetter = letter &- 97 < 26
    switch state {
    case .content: break
    case .open:
      if byte == UInt8(ascii: "/") {
        (state, letters) = (.closing, HTMLElement.noName)
        return false
      }
      if isScript, isLetter, escape == .once {
        (state, letters) = (.opening, Token.adding(letter, to: HTMLElement.noName))
        return false
      }
      if isScript, byte == UInt8(ascii: "!"), escape == .none {
        state = .bang
        return false
      }
    case .closing, .opening:
      if isLetter {
        letters = Token.adding(letter, to: letters)
        return false
      }
      if HTMLElement.isBlank(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ">"), letters == name {
        if state == .opening {
          escape = .twice
        } else if escape == .twice {
          escape = .once
        } else {
          return true
        }
      }
    case .bang, .bangDash:
      if byte == UInt8(ascii: "-") {
        if state == .bangDash { (escape, dashes) = (.once, 2) }
        state = state == .bang ? .bangDash : .content
        return false
      }
    }
    takeContent(byte)
    return false
  }

  private mutating func takeContent(_ byte: UInt8) {
    state = byte == UInt8(ascii: "<") ? .open : .content
    if byte == UInt8(ascii: ">"), dashes >= 2 { escape = .none }
    dashes = byte == UInt8(ascii: "-") ? dashes + 1 : 0
  }
}
