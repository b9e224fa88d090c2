/// Words of running text, in pieces of any size, without a string being made of any.
///
///     letters, digits, $ ! % ──▶ a word goes on      - ' . , _ inside it ──▶ join what stands on both sides
///     white space and the rest ──▶ it ends           http:// ──▶ a link, to its end
///
/// Letters keep their case, for spam shouts; invisible characters vanish, full-width ones become ASCII. Scripts without
/// spaces give each pair of neighbouring characters. Bytes that are no UTF-8 separate.
struct WordScanner {
  /// Bytes of words that are looked at whole; of longer ones the beginning and the length count.
  private static let longest = 24

  let place: UInt64

  // The word under way.
  private var hash: UInt64
  /// The hash when it became longer than the longest.
  private var beginning: UInt64 = 0
  private var length = 0
  private var capitals = 0
  private var digits = 0
  /// Its last eight bytes.
  private var tail: UInt64 = 0
  /// A joiner that stands behind the word, and counts if the word goes on.
  private var joiner: UInt8 = 0
  /// The character before, where it belongs to a script without spaces.
  var unspaced: UInt32 = 0

  // The character under way.
  var scalar: UInt32 = 0
  var missing = 0

  private var link = LinkScanner()

  init(_ place: Token.Place, salt: UInt64 = 0) {
    self.place = Token.adding(number: salt, to: place.rawValue)
    hash = self.place
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer, into set: inout TokenSet) {
    for byte in bytes { take(byte, into: &set) }
  }

  mutating func append(_ bytes: some Sequence<UInt8>, into set: inout TokenSet) {
    for byte in bytes { take(byte, into: &set) }
  }

  /// The text ended.
  mutating func end(into set: inout TokenSet) {
    missing = 0
    link.end(into: &set)
    endWord(into: &set)
    unspaced = 0
  }

  @inline(__always)
  mutating func take(_ byte: UInt8, into set: inout TokenSet) {
    if link.isOpen, link.take(byte, into: &set) { return }
    if byte < 0x80 {
      missing = 0
      takeASCII(byte, into: &set)
    } else {
      takeUTF8(byte, into: &set)
    }
  }

  private enum Class: UInt8 { case separator, lower, upper, digit, mark, joiner, colon }

  private static let classes: [Class] = (0..<128).map { code in
    switch UInt8(code) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): .lower
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): .upper
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .digit
    case UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "%"): .mark
    case UInt8(ascii: "-"), UInt8(ascii: "'"), UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: "_"): .joiner
    case UInt8(ascii: ":"): .colon
    default: .separator
    }
  }

  @inline(__always)
  mutating func takeASCII(_ byte: UInt8, into set: inout TokenSet) {
    switch Self.classes[Int(byte)] {
    case .lower: grow(byte, into: &set)
    case .upper:
      grow(byte, into: &set)
      capitals &+= 1
    case .digit:
      grow(byte, into: &set)
      digits &+= 1
    case .mark: grow(byte, into: &set)
    case .joiner:
      if length > 0, joiner == 0 { joiner = byte } else { endWord(into: &set) }
    case .colon:
      if LinkScanner.isScheme(tail, length: length) { link.begin() }
      endWord(into: &set)
    case .separator: endWord(into: &set)
    }
  }

  @inline(__always)
  mutating func grow(_ byte: UInt8, into set: inout TokenSet) {
    if joiner != 0 { join(byte, into: &set) }
    hash = Token.adding(byte, to: hash)
    tail = tail << 8 | UInt64(byte)
    length &+= 1
    if length == Self.longest { beginning = hash }
  }

  /// Another byte stands behind a joiner. A comma joins digits only: 1,000.
  private mutating func join(_ byte: UInt8, into set: inout TokenSet) {
    let character = joiner
    joiner = 0
    if character == UInt8(ascii: ","), digits < length || byte &- 48 > 9 { return endWord(into: &set) }
    hash = Token.adding(character, to: hash)
    tail = tail << 8 | UInt64(character)
    length += 1
    if digits == length - 1 { digits += 1 }
    if length == Self.longest { beginning = hash }
  }

  @inline(__always)
  mutating func endWord(into set: inout TokenSet) {
    joiner = 0
    if length > 0 { finishWord(into: &set) }
  }

  private mutating func finishWord(into set: inout TokenSet) {
    if length > Self.longest {
      // So long are numbers, encoded data and what tries to look like a word.
      hash = Token.adding(number: UInt64(min(length / 8, 16)), to: beginning)
    }
    if length > 2 {
      set.insert(Token.finished(hash))
      if capitals > 2, capitals &* 4 > length &* 3 {
        set.insert(Token.finished(Token.adding(number: Token.Place.capitals.rawValue, to: hash)))
      }
    }
    (hash, length, capitals, digits, tail) = (place, 0, 0, 0, 0)
    unspaced = 0
  }

  /// A token of its own in the middle of the text.
  mutating func insert(_ value: UInt64, into set: inout TokenSet) {
    set.insert(Token.finished(Token.adding(number: value, to: place)))
  }
}
