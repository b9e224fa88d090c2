import Message
import Testing

@testable import Filtering

@Suite("Tokens") struct TokenizerTests {
  private func words(_ text: String) -> Set<UInt64> {
    var set = TokenSet()
    var scanner = WordScanner(.text)
    scanner.append(text.utf8, into: &set)
    scanner.end(into: &set)
    return Set(set.tokens)
  }

  private func html(_ text: String) -> Set<UInt64> {
    var set = TokenSet()
    var scanner = HTMLScanner()
    scanner.append(text.utf8, into: &set)
    scanner.end(into: &set)
    return Set(set.tokens)
  }

  @Test func wordsEndWhereTheyEnd() {
    #expect(words("buy pills now") == words("now,buy  pills\n"))
    #expect(words("one-two") != words("one two"))
    #expect(words("1,000") != words("1 000").union(words("000")))
    #expect(words("this, that").isSuperset(of: words("this")))
    #expect(words("a an").isEmpty)
    #expect(words("FREE") != words("free"))
    #expect(words("w\u{200B}ord").isSuperset(of: words("word")))
    #expect(words("ＢＵＹ") == words("BUY"))
    #expect(words("don\u{2019}t") == words("don't"))
  }

  @Test func scriptsWithoutSpacesGivePairs() {
    #expect(words("東京都").count == 2)
    #expect(words("東京 京都").isSuperset(of: words("東京")))
  }

  @Test func linksGiveTheirHosts() {
    let link = words("see http://shop.spam.example/buy/pills?x=1 now")
    #expect(link.isSuperset(of: words("see http://spam.example/ now")))
    let host = words("http://spam.example").subtracting(words("http"))
    #expect(host.count == 2)
    #expect(words("HTTPS://SHOP.Spam.example/buy/pills?x=1").isSuperset(of: host))
    #expect(html("<a href=\"http://shop.spam.example/\">x</a>").isSuperset(of: host))
  }

  @Test func markupIsNoText() {
    #expect(html("<p>via<b>gr</b>a").isSuperset(of: words("viagra")))
    #expect(html("via<!-- x -->gra").isSuperset(of: words("viagra")))
    #expect(html("one<br>two").isSuperset(of: words("one two")))
    #expect(html("<style>color red</style>").isDisjoint(with: words("color red")))
    #expect(html("f&ouml;rdern &#101;uro").isSuperset(of: words("fördern euro")))
    #expect(html("a < b and 1 <2").isSuperset(of: words("and")))
  }

  @Test func tokensDoNotDependOnPieces() {
    let text = "<p class=x>Käufe http://a.example/b?c=d &amp; FREE!! 東京 </p><!-- -- > --><img src='http://b.example/'>"
    let whole = html(text)
    let bytes = Array(text.utf8)
    for split in bytes.indices {
      var set = TokenSet()
      var scanner = HTMLScanner()
      scanner.append(bytes[..<split], into: &set)
      scanner.append(bytes[split...], into: &set)
      scanner.end(into: &set)
      #expect(Set(set.tokens) == whole)
    }
  }

  @Test func encodingsAndCharacterSetsMakeNoDifference() {
    func tokens(_ encoding: String, _ charset: String, _ body: [UInt8]) -> Set<UInt64> {
      let header = HeaderSection(
        Array(
          "Content-Type: text/plain; charset=\(charset)\r\nContent-Transfer-Encoding: \(encoding)\r\n\r\n".utf8))
      let structure = MIMEScanner.scan(header: header, body: body[...])
      return Set(Tokenizer.tokens(of: header, structure, body: body))
    }
    let plain = words("Größe zählt")
    #expect(tokens("8bit", "utf-8", Array("Größe zählt\r\n".utf8)).isSuperset(of: plain))
    #expect(tokens("quoted-printable", "iso-8859-1", Array("Gr=F6=DFe z=E4hlt\r\n".utf8)).isSuperset(of: plain))
    #expect(tokens("base64", "utf-8", Array("R3LDtsOfZSB6w6RobHQK\r\n".utf8)).isSuperset(of: plain))
    #expect(
      tokens("8bit", "iso-8859-1", [0x47, 0x72, 0xF6, 0xDF, 0x65, 0x20] + Array("z".utf8)).isSuperset(
        of: words("Größe")))
  }

  @Test func datesAndOtherFiltersTeachNothing() {
    func tokens(_ header: String) -> Set<UInt64> {
      var set = TokenSet()
      HeaderTokens.insert(HeaderSection(Array((header + "\r\n\r\n").utf8)), into: &set)
      return Set(set.tokens)
    }
    #expect(tokens("Date: Thu, 1 Jan 2026 00:00:00 +0000").isEmpty)
    #expect(tokens("X-Spam-Status: Yes, score=9").isEmpty)
    #expect(tokens("X-Postroom-Rule: offers").isEmpty)
    #expect(
      tokens("Received: from a.example by b.example; Thu, 1 Jan 2026")
        == tokens("Received: from a.example by b.example; Fri, 2 Feb 2027"))
    #expect(tokens("Subject: =?utf-8?Q?Angebot?=") == tokens("Subject: Angebot"))
    let from = tokens("From: Eve <eve@mail.spam.example>")
    #expect(!from.isDisjoint(with: tokens("From: <other@spam.example>")))
  }

  @Test func aMessageHasSoManyTokensAndNoMore() {
    var set = TokenSet()
    var scanner = WordScanner(.text)
    for number in 0..<20_000 { scanner.append("word\(number) ".utf8, into: &set) }
    scanner.end(into: &set)
    #expect(set.tokens.count == TokenSet.limit)
    #expect(set.tokens.allSatisfy { $0 > 0 && $0 <= Token.mask })
    #expect(Set(set.tokens).count == set.tokens.count)
  }

  @Test func onlySoMuchOfAMessageIsRead() {
    let header = HeaderSection(Array("Subject: x\r\n\r\n".utf8))
    let body = [UInt8](repeating: 0x61, count: 1 << 20)
    let structure = MIMEScanner.scan(header: header, body: body[...])
    #expect(Tokenizer.wanted(in: structure).map(\.range) == [0..<Tokenizer.textLimit])
  }
}
