import Testing

@testable import Message

@Suite struct EncodedWordTests {
  @Test(arguments: [
    // RFC 2047 §8.
    ("=?ISO-8859-1?Q?a?=", "a"),
    ("=?ISO-8859-1?Q?a?= b", "a b"),
    ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
    ("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"),
    ("=?ISO-8859-1?Q?a_b?=", "a b"),
    ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
    ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
    ("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik Fältström"),
    ("=?iso-8859-8?b?7eXs+SDv4SDs6Oj08A==?=", "םולש ןב לטטפנ"),
    // RFC 2231 §5.
    ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
    // A character between two words, which senders split.
    ("=?utf-8?B?w6Q=?= =?utf-8?B?w7Y=?=", "äö"),
    ("=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "ä"),
    ("a=?utf-8?Q?b?=c", "abc"),
    ("=?x-unknown?Q?abc?=", "abc"),
    ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
    ("=?utf-8?Q?abc", "=?utf-8?Q?abc"),
    ("=?=?=?=?", "=?=?=?=?"),
    ("=?", "=?"),
    ("=", "="),
    ("", ""),
    ("  a  ", "  a  "),
    ("ä raw", "ä raw"),
    ("=?shift_jis?B?k/qWew==?=", "日本"),
    ("=?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=", "Привет"),
  ])
  func decoding(_ text: String, _ expected: String) { #expect(EncodedWord.decode(text.bytes) == expected) }

  @Test func brokenBytesAreReplaced() {
    #expect(EncodedWord.decode([0x61, 0xFF, 0x62]) == "a\u{FFFD}b")
    #expect(
      EncodedWord.decode("=?utf-8?Q?=FF=41?=".bytes) == "\u{FFFD}A"
        || EncodedWord.decode("=?utf-8?Q?=FF=41?=".bytes) == "ÿA")
  }

  @Test(arguments: [
    "plain", "", "für", "日本語のとても長い件名です。これは何行にもわたって折り返される必要があります。はい。", "a=?b", "with  two spaces ä", "🎉🎉🎉 party",
    "Re: Grüße aus München, wie geht es dir heute so? Wir hoffen, es geht dir gut und du hast Spaß",
  ])
  func roundTrip(_ text: String) {
    let encoded = EncodedWord.encode(text)
    #expect(encoded.allSatisfy { $0 >= 32 && $0 < 127 })
    #expect(EncodedWord.decode(encoded) == text)
    for word in encoded.split(separator: 32) where word.starts(with: "=?".bytes) { #expect(word.count <= 75) }
    let field = HeaderSection.field(name: "Subject", text: text)
    #expect(HeaderSection(field).text("subject") == text.trimmedEnds)
    let phrase = EncodedWord.encodePhrase(text)
    if !text.isEmpty {
      let list = AddressList(phrase + " <a@b>".bytes)
      #expect(list.mailboxes.first?.displayName == text)
    }
  }

  @Test func phrasesAreQuotedWhereTheyMust() {
    #expect(EncodedWord.encodePhrase("John Doe").text == "John Doe")
    #expect(EncodedWord.encodePhrase("Doe, John").text == "\"Doe, John\"")
    #expect(EncodedWord.encodePhrase("a\"b\\").text == "\"a\\\"b\\\\\"")
  }

  @Test func textCannotBeginAnotherField() {
    let field = HeaderSection.field(name: "Subject", text: "hi\r\nBcc: all@example.com\r\n\r\nbody")
    #expect(HeaderSection(field).count == 1)
    #expect(HeaderSection(field).bytes == field)
  }
}

extension String {
  fileprivate var trimmedEnds: String {
    var text = self[...]
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
