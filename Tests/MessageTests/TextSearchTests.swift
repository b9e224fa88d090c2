import Testing

@testable import Message

@Suite struct TextSearchTests {
  @Test(arguments: [
    ("Hello World", "o w", true), ("Hello", "HELLO", true), ("Hello", "hellos", false), ("", "", true),
    ("abc", "", true),
    ("ÄRGER", "ärger", true), ("ΣΊΣΥΦΟΣ", "σίσυφος", true), ("Привет", "ПРИВЕТ", true), ("日本語", "本", true),
    ("aaaab", "aaab", true), ("ababac", "abac", true), ("ababab", "abac", false), ("Kelvin \u{212A}", "n k", true),
    ("straße", "STRAßE", true), ("", "a", false),
  ])
  func contains(_ text: String, _ needle: String, _ expected: Bool) {
    #expect(TextSearch.contains(text, needle) == expected)
    var search = TextSearch(needle)
    for byte in text.utf8 { search.append([byte]) }
    #expect(search.isFound == expected)
  }

  @Test func textsAreApart() {
    var search = TextSearch("ab")
    search.append("a".bytes[...])
    search.reset()
    search.append("b".bytes[...])
    #expect(!search.isFound)
    search.append("AB".bytes[...])
    #expect(search.isFound)
    search.reset()
    #expect(!search.isFound)
  }

  @Test func agreesWithASimpleSearch() {
    var random = SplitMix(state: 11)
    for _ in 0..<500 {
      let text = String((0..<60).map { _ in "abB".randomElement(using: &random) ?? "a" })
      let needle = String(
        (0..<Int.random(in: 1...6, using: &random)).map { _ in "abA".randomElement(using: &random) ?? "a" })
      #expect(TextSearch.contains(text, needle) == text.lowercased().contains(needle.lowercased()))
    }
  }

  @Test func brokenUTF8DoesNotHideWhatFollows() {
    var search = TextSearch("needle")
    search.append([0xE2, 0x82])
    search.append([0xFF, 0xF0])
    search.append("NEEDLE".bytes[...])
    #expect(search.isFound)
  }
}
