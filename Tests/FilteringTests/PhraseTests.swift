import Testing

@testable import Filtering

@Suite("Words in header fields")
struct PhraseTests {
  static let found: [(String, String)] = [
    ("lottery", "You won the LOTTERY!"), ("lottery", "lottery"), ("final notice", "FINAL \r\n\t notice."),
    ("éclair", "e\u{301}CLAIR au café"), ("$$$", "make $$$fast"), ("50%", "now 50% off"), ("C++", "learn C++ today"),
    ("宝くじ", "当選宝くじです"), ("rechnung", "Ihre Rechnung"), ("sale", "wholesale, sale"), (" sale ", "a sale"),
  ]

  static let notFound: [(String, String)] = [
    ("sale", "wholesale"), ("sale", "sales"), ("sale", ""), ("", "anything"), ("sale now", "salenow"),
    ("50", "1500 things"), ("lottery", "lotter"), ("über", "Darüber"),
  ]

  @Test(arguments: found) func isFound(_ word: String, _ text: String) {
    #expect(Phrase(word).isFound(in: Phrase.Text(text)))
  }

  @Test(arguments: notFound) func isNotFound(_ word: String, _ text: String) {
    #expect(!Phrase(word).isFound(in: Phrase.Text(text)))
  }

  @Test func aFieldOfMegabytesIsCut() {
    let long = String(repeating: "a ", count: 1_000_000) + "lottery"
    #expect(!Phrase("lottery").isFound(in: Phrase.Text(long)))
    #expect(Phrase("a a").isFound(in: Phrase.Text(long)))
  }
}
