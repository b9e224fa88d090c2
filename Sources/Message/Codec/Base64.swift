/// Base64 (the alphabet of RFC 2045 §6.8) of small values, as SASL and headers use it. For bodies see
/// ``Base64Decoder``.
public enum Base64 {
  /// One line without breaks, padded.
  public static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] { Base64Encoder.line(Array(bytes)) }

  /// Decodes strictly: only the alphabet, right padding, no line breaks, unused bits zero. nil otherwise.
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var decoder = Base64Decoder()
    var result: [UInt8] = []
    let input = Array(text)
    guard input.count % 4 == 0, input.allSatisfy({ !ASCII.isSpace($0) }) else { return nil }
    decoder.decode(input[...], into: &result)
    return decoder.finish(into: &result) ? result : nil
  }
}
