/// Character sets to UTF-8, through the C library's `iconv`.
public enum Charset {
  /// Whether text of this character set (its MIME name, in any case) can be decoded.
  public static func isKnown(_ name: some StringProtocol) -> Bool { CharsetDecoder(name) != nil }

  /// The text as UTF-8. Octets that the character set does not have become U+FFFD; a character set that is not
  /// known is read as UTF-8 where valid, else as windows-1252. Reads at most `limit` octets.
  public static func decode(
    _ bytes: some Collection<UInt8>, as name: some StringProtocol, limit: Int = 1 << 20
  ) -> String {
    let input = Array(bytes.prefix(Swift.max(limit, 0)))
    var output: [UInt8] = []
    var decoder = CharsetDecoder(name) ?? CharsetDecoder.guess(for: input)
    decoder.decode(input[...], into: &output)
    decoder.finish(into: &output)
    return String(decoding: output, as: UTF8.self)
  }
}
