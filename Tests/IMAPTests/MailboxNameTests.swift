import Testing

@testable import IMAP

@Suite struct ModifiedUTF7Tests {
  static let pairs: [(String, String)] = [
    ("~peter/mail/\u{53F0}\u{5317}/\u{65E5}\u{672C}\u{8A9E}", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
    ("&", "&-"), ("Entw\u{FC}rfe", "Entw&APw-rfe"), ("\u{263A}!", "&Jjo-!"),
    ("\u{53F0}\u{5317}\u{65E5}\u{672C}\u{8A9E}", "&U,BTF2XlZyyKng-"), ("\u{1F4E7}", "&2D3c5w-"), ("a&b", "a&-b"),
    ("", ""), ("\u{7F}\u{1}", "&AH8AAQ-"),
  ]

  @Test(arguments: pairs) func bothWays(_ pair: (name: String, encoded: String)) {
    #expect(ModifiedUTF7.encode(pair.name) == Array(pair.encoded.utf8))
    #expect(ModifiedUTF7.decode(Array(pair.encoded.utf8)) == pair.name)
  }

  /// RFC 3501 §5.1.3 names the first two; the others are further forms of one name, or halves of characters.
  @Test(arguments: [
    "&Jjo!", "&U,BTFw-&ZeVnLIqe-", "&AGE-", "&Jjo", "&", "&A-", "&2D0-", "&3Oc-", "&Jj-", "a\u{80}", "&J/o-", "&-&Jjo",
    "&JjoA-", "tab\u{9}",
  ])
  func onlyTheOneRightFormIsAccepted(_ encoded: String) { #expect(ModifiedUTF7.decode(Array(encoded.utf8)) == nil) }

  @Test func everyScalarComesBack() {
    var generator = SplitMix(seed: 7)
    for _ in 0..<2000 {
      var name = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0..<12, using: &generator) {
        let ceiling: UInt32 = Bool.random(using: &generator) ? 0x7F : 0x10FFFF
        if let scalar = Unicode.Scalar(UInt32.random(in: 0...ceiling, using: &generator)) { name.append(scalar) }
      }
      let encoded = ModifiedUTF7.encode(String(name))
      #expect(encoded.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
      #expect(ModifiedUTF7.decode(encoded)?.unicodeScalars.elementsEqual(name) == true)
    }
  }

  @Test func anyOctetsGiveANameOrNothing() {
    var generator = SplitMix(seed: 8)
    let alphabet = Array("&-,AJjowQ/+ \u{80}".utf8)
    for _ in 0..<5000 {
      let octets = (0..<Int.random(in: 0..<10, using: &generator)).compactMap { _ in
        alphabet.randomElement(using: &generator)
      }
      if let name = ModifiedUTF7.decode(octets) { #expect(ModifiedUTF7.encode(name) == octets) }
    }
  }
}

@Suite struct MailboxNameTests {
  private func name(_ text: String, _ encoding: MailboxName.Encoding = .utf8) -> MailboxName? {
    MailboxName(Array(text.utf8), encoding: encoding)
  }

  @Test func inboxIsInboxHoweverItIsWritten() {
    for text in ["inbox", "InBoX", "INBOX"] { #expect(name(text) == .inbox) }
    #expect(name("inbox/Lists")?.text == "INBOX/Lists")
    #expect(name("inboxes")?.text == "inboxes")
    #expect(name("Lists/inbox")?.text == "Lists/inbox")
  }

  @Test func decomposedNamesAreComposed() {
    #expect(name("Entwu\u{308}rfe")?.text.unicodeScalars.elementsEqual("Entw\u{FC}rfe".unicodeScalars) == true)
    #expect(name("Entwu\u{308}rfe") == name("Entw&APw-rfe", .modifiedUTF7))
  }

  @Test func namesTravelAsTheClientWantsThem() {
    let sent = MailboxName(stored: "Gel\u{F6}scht & weg")
    #expect(sent.encoded(.modifiedUTF7) == Array("Gel&APY-scht &- weg".utf8))
    #expect(sent.encoded(.utf8) == Array("Gel\u{F6}scht & weg".utf8))
    // RFC 6855 §3: UTF-8 is understood even before it is enabled.
    #expect(name("Gel\u{F6}scht", .modifiedUTF7) == name("Gel\u{F6}scht", .utf8))
    #expect(MailboxName([0xFF], encoding: .utf8) == nil)
    #expect(MailboxName([0xC3, 0x28], encoding: .modifiedUTF7) == nil)
  }

  @Test(arguments: ["", "a//b", "/a", "a/", "a\u{7}", "a\u{2028}", "50%", "a*"])
  func someNamesCannotBeMade(_ text: String) { #expect(MailboxName(stored: text).objection != nil) }

  @Test func aVeryLongNameIsNone() {
    #expect(name(String(repeating: "x", count: 1000)) != nil)
    #expect(name(String(repeating: "x", count: 1001)) == nil)
  }

  @Test func theHierarchy() {
    let leaf = MailboxName(stored: "a/b/c")
    #expect(leaf.parent == MailboxName(stored: "a/b"))
    #expect(leaf.isBelow(MailboxName(stored: "a")))
    #expect(!leaf.isBelow(leaf))
    #expect(!MailboxName(stored: "ab/c").isBelow(MailboxName(stored: "a")))
    #expect(MailboxName(stored: "a").parent == nil)
    #expect(MailboxName(stored: "a/").withoutTrailingDelimiter == MailboxName(stored: "a"))
  }
}

@Suite struct ListPatternTests {
  private func matches(_ pattern: String, _ name: String, reference: String = "") -> Bool {
    ListPattern(reference: reference, pattern: pattern).matches(MailboxName(stored: name))
  }

  @Test func theWildcards() {
    #expect(matches("*", "a/b/c"))
    #expect(matches("%", "abc"))
    #expect(!matches("%", "a/b"))
    #expect(matches("a/%", "a/b"))
    #expect(!matches("a/%", "a/b/c"))
    #expect(matches("a/*", "a/b/c"))
    #expect(!matches("a/*", "a"))
    #expect(matches("*2", "foo2/bar2"))
    #expect(matches("%/%", "a/b"))
    #expect(matches("a*c%e", "abcde"))
    #expect(matches("", ""))
    #expect(!matches("", "a"))
    #expect(matches("b%", "bb/x", reference: "") == false)
    #expect(matches("%", "foo/bar", reference: "foo/"))
    #expect(matches("inbox", "INBOX"))
    #expect(matches("%*%", "a/b"))
    #expect(!matches("Inbox2", "INBOX2"))
  }

  /// Backtracking would take longer than the universe has.
  @Test func wildcardsNeverTakeLong() {
    let pattern = String(repeating: "*a%", count: 100)
    #expect(!matches(pattern, String(repeating: "a", count: 900) + "b/c"))
  }

  @Test func itAgreesWithATrivialMatcher() {
    var generator = SplitMix(seed: 3)
    func slow(_ pattern: ArraySlice<Character>, _ name: ArraySlice<Character>) -> Bool {
      guard let first = pattern.first else { return name.isEmpty }
      switch first {
      case "*", "%":
        if slow(pattern.dropFirst(), name) { return true }
        guard let next = name.first, first == "*" || next != "/" else { return false }
        return slow(pattern, name.dropFirst())
      default: return name.first == first && slow(pattern.dropFirst(), name.dropFirst())
      }
    }
    func random(_ alphabet: [Character]) -> String {
      String(
        (0..<Int.random(in: 0..<7, using: &generator)).compactMap { _ in alphabet.randomElement(using: &generator) })
    }
    for _ in 0..<5000 {
      let (pattern, name) = (random(["a", "/", "*", "%"]), random(["a", "/", "b"]))
      #expect(matches(pattern, name) == slow(Array(pattern)[...], Array(name)[...]), "\(pattern) \(name)")
    }
  }
}
