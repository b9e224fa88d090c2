/// Finds a string in text, whatever the case of either: for IMAP SEARCH.
///
/// Both sides are folded one character for one, a simple form of i;unicode-casemap. Feed the text in pieces; time
/// is linear (Knuth, Morris and Pratt).
public struct TextSearch: Sendable {
  private let needle: [UInt8]
  /// For each length of a matched beginning, the length of its longest end that is a beginning too.
  private let fallback: [Int]
  /// How much of the needle the last octets matched.
  private var matched = 0
  /// The beginning of a character whose rest did not come yet.
  private var held: [UInt8] = []
  /// Whether the string was found since the last ``reset()``. An empty string is in every text.
  public private(set) var isFound: Bool

  public init(_ needle: some StringProtocol) {
    let folded = CaseFold.fold(Array(needle.utf8))
    self.needle = folded
    self.fallback = TextSearch.fallback(folded)
    self.isFound = folded.isEmpty
  }

  /// Takes the next octets of UTF-8. Once found, it stays found.
  public mutating func append(_ piece: ArraySlice<UInt8>) {
    if isFound { return }
    let input = held.isEmpty ? piece : (held + piece)[...]
    let tail = UTF8Scan.incompleteTail(of: input)
    held = Array(input.suffix(tail))
    var folded: [UInt8] = []
    folded.reserveCapacity(input.count)
    CaseFold.append(input.dropLast(tail), to: &folded)
    match(folded)
  }

  /// The text ended: forget it, so that the next one can begin.
  public mutating func reset() {
    matched = 0
    held = []
    isFound = needle.isEmpty
  }

  /// Whether the text contains the string.
  public static func contains(_ text: some StringProtocol, _ needle: some StringProtocol) -> Bool {
    var search = TextSearch(needle)
    search.append(Array(text.utf8)[...])
    return search.isFound
  }

  private mutating func match(_ folded: [UInt8]) {
    for byte in folded {
      while matched > 0, needle[matched] != byte { matched = fallback[matched] }
      if needle[matched] == byte { matched += 1 }
      if matched == needle.count {
        isFound = true
        return
      }
    }
  }

  private static func fallback(_ needle: [UInt8]) -> [Int] {
    var table = [Int](repeating: 0, count: needle.count + 1)
    var length = 0
    for index in needle.indices.dropFirst() {
      while length > 0, needle[length] != needle[index] { length = table[length] }
      if needle[length] == needle[index] { length += 1 }
      table[index + 1] = length
    }
    return table
  }
}
