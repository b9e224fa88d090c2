import Testing

@testable import Message

@Suite struct DisplayableTests {
  @Test(arguments: [
    ("plain für 日本 🎉", "plain für 日本 🎉"),
    ("\u{1B}[31mred", "\\x1B[31mred"),
    ("a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"),
    ("\u{7F}\u{9B}", "\\x7F\\u{009B}"),
    ("exe\u{202E}fdp", "exe\\u{202E}fdp"),
    ("\u{2066}\u{2069}\u{200E}\u{200F}\u{2028}", "\\u{2066}\\u{2069}\\u{200E}\\u{200F}\\u{2028}"),
    ("back\\slash \\x1B", "back\\\\slash \\\\x1B"),
    ("\u{E0041}", "\\u{E0041}"),
  ])
  func escapes(_ text: String, _ expected: String) { #expect(displayable(text) == expected) }

  @Test func invalidUTF8() {
    #expect(displayable([0x61, 0xFF, 0xC3, 0x62, 0xED, 0xA0, 0x80] as [UInt8]) == "a\\xFF\\xC3b\\xED\\xA0\\x80")
    #expect(displayable([0xF4, 0x90, 0x80, 0x80] as [UInt8]) == "\\xF4\\x90\\x80\\x80")
    #expect(displayable([0xE2, 0x82] as [UInt8]) == "\\xE2\\x82")
  }

  @Test func longTextIsCut() {
    #expect(displayable(String(repeating: "ä", count: 100), limit: 3) == "äää…")
    #expect(displayable("abc", limit: 3) == "abc")
    #expect(displayable("abc", limit: 0) == "…")
  }

  @Test func everyByteComesOutHarmless() {
    for byte in UInt8.min...UInt8.max {
      for scalar in displayable([byte]).unicodeScalars { #expect(scalar.value >= 32 && scalar.value < 127) }
    }
  }
}
