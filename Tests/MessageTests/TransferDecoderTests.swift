import Testing

@testable import Message

@Suite struct TransferDecoderTests {
  private func decode(_ text: [UInt8], _ encoding: TransferEncoding, pieces: Int) -> (bytes: [UInt8], isDamaged: Bool) {
    guard var decoder = TransferDecoder(encoding) else { return ([], true) }
    var output: [UInt8] = []
    var start = 0
    while start < text.count {
      let end = min(text.count, start + pieces)
      decoder.decode(text[start..<end], into: &output)
      start = end
    }
    decoder.finish(into: &output)
    return (output, decoder.isDamaged)
  }

  @Test(arguments: [
    ("", "", false), ("Zg==", "f", false), ("Zm8=", "fo", false), ("Zm9v", "foo", false),
    ("Zm9v\r\nYmFy\r\n", "foobar", false),
    ("Zm9vYg==", "foob", false), ("Zm9vYg", "foob", true), ("Zm9vYmE", "fooba", true), ("Zm9v!YmFy", "foobar", true),
    ("Zg==Zg==", "ff", true), ("Zg=", "f", true), ("=", "", true), ("====", "", true), ("Z", "", true),
    ("Zh==", "f", true),
  ])
  func base64(_ text: String, _ expected: String, _ isDamaged: Bool) {
    for pieces in [1, 2, 3, 5, 1000] {
      let result = decode(text.bytes, .base64, pieces: pieces)
      #expect(result.bytes.text == expected)
      #expect(result.isDamaged == isDamaged)
    }
  }

  @Test func base64IsStrictForSecrets() {
    for length in 0..<50 {
      let bytes = (0..<length).map { UInt8($0 * 37 & 255) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
    for bad in [
      "Zg", "Zg=", "Zg==\n", " Zg==", "Zg==Zg==", "Zh==", "Z===", "====", "Zm9=", "Zm9v=", "Zm9v====", "Z\u{E9}g=",
    ] {
      #expect(Base64.decode(bad.bytes) == nil, "\(bad)")
    }
    #expect(Base64.decode("".bytes) == [])
  }

  @Test func base64BodiesRoundTrip() {
    let bytes = (0..<1000).map { UInt8($0 * 31 & 255) }
    for pieces in [1, 56, 57, 58, 1000] {
      var encoder = Base64Encoder()
      var output: [UInt8] = []
      for start in stride(from: 0, to: bytes.count, by: pieces) {
        encoder.encode(bytes[start..<min(bytes.count, start + pieces)], into: &output)
      }
      encoder.finish(into: &output)
      #expect(output.split(separator: 10).allSatisfy { $0.count <= 77 })
      #expect(decode(output, .base64, pieces: 7).bytes == bytes)
    }
  }

  @Test(arguments: [
    ("a=3Db", "a=b", false), ("a=\r\nb", "ab", false), ("a=\nb", "ab", false), ("a= \t\r\nb", "ab", false),
    ("a  \r\nb", "a\r\nb", false), ("a  ", "a", false), ("a b", "a b", false), ("=c3=A4", "ä", false),
    ("a=", "a", false),
    ("a=zz", "a=zz", true), ("a=4", "a=4", true), ("a=4z", "a=4z", true), ("==41", "=A", true), ("a\rb", "a\rb", false),
    ("a=\rb", "a=\rb", true), ("=20\r\n", " \r\n", false),
  ])
  func quotedPrintable(_ text: String, _ expected: String, _ isDamaged: Bool) {
    for pieces in [1, 2, 3, 1000] {
      let result = decode(text.bytes, .quotedPrintable, pieces: pieces)
      #expect(result.bytes.text == expected, "\(text) in \(pieces)")
      #expect(result.isDamaged == isDamaged, "\(text) in \(pieces)")
    }
  }

  @Test func quotedPrintableRoundTrips() {
    var random = SplitMix(state: 3)
    for _ in 0..<200 {
      let alphabet: [UInt8] = [32, 9, 61, 65, 195, 164, 46, 10, 0, 127]
      var text = (0..<Int.random(in: 0...300, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 65 }
      text = text.flatMap { $0 == 10 ? [13, 10] : [$0] }
      let encoded = QuotedPrintable.encode(text)
      #expect(encoded.split(separator: 10, omittingEmptySubsequences: false).allSatisfy { $0.count <= 77 })
      #expect(encoded.allSatisfy { $0 >= 32 && $0 < 127 || $0 == 13 || $0 == 10 || $0 == 9 })
      let decoded = decode(encoded, .quotedPrintable, pieces: 11)
      #expect(decoded.bytes == text)
      #expect(!decoded.isDamaged)
    }
  }

  @Test func blanksWithoutEndAreNotHeldForEver() {
    let blanks = [UInt8](repeating: 32, count: 100_000)
    #expect(decode(blanks + "x".bytes, .quotedPrintable, pieces: 4096).bytes.count == 100_001)
  }

  @Test func unknownEncodingsAreNotDecoded() {
    #expect(TransferDecoder(.unknown("X-UUE")) == nil)
    #expect(decode("a=3D".bytes, .eightBit, pieces: 2).bytes.text == "a=3D")
  }
}
