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

  /// What a browser shows, the classifier sees, and as it is shown: pairs of HTML and the words that a reader has before him.
  private static let shown: [(html: String, words: String)] = [
    // Comments, as they end: HTML, §13.2.5.43 to 52.
    ("via<!---->gra", "viagra"), ("via<!-- > -- > x -->gra", "viagra"), ("via<!-->gra", "viagra"),
    ("via<!--->gra", "viagra"), ("via<!-- x --!>gra", "viagra"), ("via<!--!> x --->gra", "viagra"),
    ("via<!-- <!-- -->gra", "viagra"), ("via<!-- <!-->gra", "viagra"), ("via<!----!>gra", "viagra"),
    ("via<!-- x --!->x-->gra", "viagra"), ("via<!---!>--gra<!-- -->gra", "viagra"),
    // Declarations, instructions, end tags that are none: to the next >, whatever is in them.
    ("via<!x>gra", "viagra"), ("via<!>gra", "viagra"), ("via<!->gra", "viagra"), ("via<!x -- >gra", "viagra"),
    ("via<!DOCTYPE a \"-- >gra", "viagra"), ("via<![CDATA[x>gra", "viagra"), ("via<![if !mso]>gra<![endif]>", "viagra"),
    ("via<?php -- \" ?>gra", "viagra"), ("via</>gra", "viagra"), ("via</ b=\">gra", "viagra"),
    ("via</3 '>gra", "viagra"),
    // Tags: unknown ones are in the line, and quotes matter only around values.
    ("via<x-y>gra", "viagra"), ("via<wbr>gra", "viagra"), ("via<b\">gra", "viagra"), ("via<b a'>gra", "viagra"),
    ("via<b a=x\">gra", "viagra"), ("via<b a=\">\">gra", "viagra"), ("via<b a='\">'/>gra", "viagra"),
    ("via<b =\">gra", "viagra"), ("via<b/=/a=\"x\"'>gra", "viagra"), ("via</b a=\"x>\">gra", "viagra"),
    ("1 < 2 pills <3 pills <", "pills"), ("<<b>pills", "pills"), ("<&#112;ills", "pills"),
    ("pills<!-- that nobody sees", "pills"), ("pills<a href=\"x", "pills"), ("pills<!x", "pills"), ("pills</", "pills"),
    ("cheap<br>pills<p>here", "cheap pills here"), ("cheap<td>pills</td>here", "cheap pills here"),
    // Without tags in them, to their own end tags.
    ("via<style>a<b c=\"</style>gra", "viagra"), ("via<script>if (a<b) x='</script>gra", "viagra"),
    ("via<script>\"</style>\"<!-- </script>gra", "viagra"), ("via<style><!-- </style>gra", "viagra"),
    ("via<script><!-- <script> </script> x </script>gra", "viagra"),
    ("via<script><!--><script></script>gra", "viagra"), ("via<style>x</STYLE a='>'\n>gra", "viagra"),
    ("via<style>x</styles></style/>gra", "viagra"), ("via<noscript>gra", "viagra"),
    ("<style\u{0}>pills", "pills"), ("<styles>pills", "pills"), ("<style-x>pills", "pills"),
    ("<textarea>cheap <b>pills</textarea>here", "cheap pills here"), ("<xmp>cheap <!-- pills", "cheap pills"),
    ("<title>&#112;ills</title>here", "pills here"), ("<plaintext></plaintext><!-- pills", "pills"),
    ("<title>cheap</titles pills", "cheap pills"),
    // Where other rules hold, what HTML would hide can be seen.
    ("<svg><style><p>cheap pills", "cheap pills"), ("<svg><foreignObject><![CDATA[cheap pills]]>", "cheap pills"),
    // Characters.
    ("vi&#97;gra", "viagra"), ("vi&#x00000000000061gra", "viagra"), ("vi&#97gra", "viagra"),
    ("vi&#X61;gra", "viagra"), ("via&shygra", "viagra"), ("via&ZeroWidthSpace;gra", "viagra"),
    ("via&zwnj;gra", "viagra"),
    ("via\u{0}gra", "viagra"), ("via&#x202D;gra", "viagra"), ("via\u{E0061}gra", "viagra"), ("f&oumlrdern", "fördern"),
    ("f&ouml;rdern", "fördern"), ("don&#146;t", "don't"), ("AT&T pills", "pills"), ("x&unknown;pills", "pills"),
  ]

  @Test func nothingHidesText() {
    for page in Self.shown { #expect(words(page.words).isSubset(of: html(page.html)), "\(page)") }
  }

  @Test func whatNobodySeesIsNotCounted() {
    for page in [
      "<!-- pills -->", "<!-- pills", "<!--!> pills -->", "<script>pills</script>",
      "<script><!-- <script></script> pills",
      "<style>pills</style>", "<style>pills", "<b pills>", "<a title='> pills'>", "<!pills>", "<?pills?>", "</ pills>",
      "<iframe>pills</iframe>",
    ] { #expect(html(page).isDisjoint(with: words("pills")), "\(page)") }
    // An end tag's name is no word of what it ends.
    #expect(html("<textarea>x</textarea>").isDisjoint(with: words("textarea")))
  }

  @Test func linksInAttributesAreReadAsBrowsersReadThem() {
    let host = words("http://shop.spam.example/").subtracting(words("http"))
    for link in [
      "<a href='&#104;ttp://shop.spam.example/'>", "<a href=\"http://shop.sp\nam.exa\tmple/\">",
      "<a href=http&colon;//shop.spam.example>", "<a href='http://shop.spam.exam&#112;le'>",
    ] { #expect(html(link).isSuperset(of: host), "\(link)") }
  }

  @Test func tokensDoNotDependOnPieces() {
    let text =
      "<p class=x>Käufe http://a.example/b?c=d &amp; FREE!! 東京 </p><!-- -- > --!><img src='http://b.example/'>"
      + "<!-->x<!x>y</ z><script><!-- <script></script>--></script>f&oumlr&#x41;<title>a</t &lt;</title a='>'>&am"
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
