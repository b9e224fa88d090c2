import Testing

@testable import Message

@Suite struct CharsetTests {
  @Test(
    arguments: [
      ([0xE4, 0x20, 0x80], "ISO-8859-1", "ä €"),
      ([0x93, 0xFA, 0x96, 0x7B], "Shift_JIS", "日本"),
      ([0xC6, 0xFC, 0xCB, 0xDC], "EUC-JP", "日本"),
      ([0x1B, 0x24, 0x42, 0x46, 0x7C, 0x4B, 0x5C, 0x1B, 0x28, 0x42], "iso-2022-jp", "日本"),
      ([0xD6, 0xD0, 0xCE, 0xC4], "gb2312", "中文"),
      ([0xA4, 0xA4, 0xA4, 0xE5], "big5", "中文"),
      ([0xC7, 0xD1, 0xB1, 0xDB], "ks_c_5601-1987", "한글"),
      ([0xF0, 0xD2], "koi8-r", "Пр"),
      ([0x41, 0xFF, 0x42], "utf-8", "A\u{FFFD}B"),
      ([0xFE, 0xFF, 0x00, 0x41], "utf-16", "A"),
      ([0xE4], "no-such-charset", "ä"),
      ([0xC3, 0xA4], "no-such-charset", "ä"),
      ([0xC3, 0xA4], "us-ascii", "ä"),
    ] as [([UInt8], String, String)])
  func decoding(_ bytes: [UInt8], _ charset: String, _ expected: String) {
    #expect(Charset.decode(bytes, as: charset) == expected)
    // The same in pieces of one octet, where the character set is known.
    guard var decoder = CharsetDecoder(charset) else { return }
    var output: [UInt8] = []
    for index in bytes.indices { decoder.decode(bytes[index...index], into: &output) }
    decoder.finish(into: &output)
    #expect(output.text == expected)
  }

  @Test func invalidOctetsAreReplacedOneByOne() {
    #expect(Charset.decode([0x41, 0x80, 0xFF, 0x42], as: "gb18030").unicodeScalars.last == "B")
    #expect(Charset.decode([0x93], as: "shift_jis") == "\u{FFFD}")
  }

  @Test(arguments: ["", "utf-8//IGNORE", "../../etc/passwd", "INTERNAL", String(repeating: "x", count: 100_000), "\0"])
  func strangersDoNotNameModules(_ name: String) {
    #expect(name == "utf-8//IGNORE" || !Charset.isKnown(name))
    #expect(Charset.decode("abc".bytes, as: name) == "abc")
  }

  @Test func everyNameInTheListIsKnownToTheLibrary() {
    for name in [
      "utf-7", "iso-8859-2", "iso-8859-8-i", "iso-8859-15", "iso-8859-16", "windows-1250", "windows-1258", "cp437",
      "ibm866",
      "koi8-u", "macintosh", "x-mac-cyrillic", "iso-2022-cn", "big5-hkscs", "cp950", "euc-tw", "euc-kr",
      "cp949",
      "iso-2022-kr", "johab", "tis-620", "viscii", "tcvn", "armscii-8", "hp-roman8", "utf-32be", "ucs-2",
      "iso-2022-jp-3",
      "koi8-ru",
    ] {
      #expect(Charset.isKnown(name), "\(name)")
    }
  }

  @Test func readsNoMoreThanItsLimit() {
    #expect(Charset.decode([UInt8](repeating: 0x41, count: 1000), as: "utf-8", limit: 10).count == 10)
    #expect(Charset.decode("abc".bytes, as: "utf-8", limit: -1) == "")
  }
}
