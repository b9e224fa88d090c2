/// Encoded words: text beyond ASCII in header fields (RFC 2047, with the language tags of RFC 2231 §5).
public enum EncodedWord {
  /// Decodes unstructured text: encoded words to their characters, white space between two of them dropped, other
  /// octets as UTF-8 with broken ones replaced. Never longer than a few times its input.
  public static func decode(_ bytes: some Collection<UInt8>) -> String { EncodedWordDecoder.decode(Array(bytes)) }

  /// Text as it may stand in an unstructured field: as it is if it is printable ASCII that cannot be mistaken for
  /// encoded words, else as encoded words of UTF-8, each at most 75 octets, separated by a space.
  public static func encode(_ text: some StringProtocol) -> [UInt8] { EncodedWordEncoder.unstructured(String(text)) }

  /// A display name as a phrase before `<address>`: atoms, a quoted string, or encoded words (RFC 2047 §5 (3)).
  public static func encodePhrase(_ text: some StringProtocol) -> [UInt8] { EncodedWordEncoder.phrase(String(text)) }
}
