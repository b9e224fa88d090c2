@testable import Message

extension FuzzTarget {
  /// Encoded words, in and out.
  static let encodedWords = FuzzTarget(
    "encoded-words",
    covers: [
      "Message/Codec/EncodedWordDecoder.swift", "Message/Codec/EncodedWordEncoder.swift",
      "Message/Codec/EncodedWord.swift",
    ],
    words: [
      "=?utf-8?Q?", "=?utf-8?B?", "=?iso-8859-1*de?q?", "=?x?b?", "?=", "=E4", "_", "w6Q=", " ", "\r\n ", "ä", "=?",
    ],
    seeds: ["=?utf-8?Q?a=C3=A4_?= =?utf-8?B?w6Q=?= x =?iso-8859-1*de?q?=E4?=", "a ä b", "=?x?z?a?= =?utf-8?Q?a"]
  ) { bytes in
    let decoded = EncodedWord.decode(bytes)
    try require(decoded.utf8.count <= bytes.count * 4 + 16, "the text grew to \(decoded.utf8.count)")
    let words = text(bytes).split { $0 == " " }.filter { $0.hasPrefix("=?") && $0.hasSuffix("?=") }.count
    try Planted.bug(where: words > 2 && decoded.unicodeScalars.contains("ä") && !decoded.contains(" "))
    for original in [decoded, text(bytes)] {
      // A text without control characters comes back; the others have become spaces.
      let plain = String(decoding: original.utf8.map { $0 < 32 || $0 == 127 ? 32 : $0 }, as: UTF8.self)
      let encoded = EncodedWord.encode(original)
      try require(encoded.allSatisfy { (32...126).contains($0) }, "an encoded text is not printable ASCII")
      try require(EncodedWord.decode(encoded) == plain, "a text is another one when it is read again")
      for word in encoded.split(separator: 32) where word.starts(with: Array("=?utf-8?".utf8)) {
        try require(word.count <= 75, "an encoded word of \(word.count) octets")
      }
      try require(
        EncodedWord.encodePhrase(original).allSatisfy { (32...126).contains($0) }, "a phrase is not printable ASCII")
    }
  }

  /// Text in any character set, and the search in it: the first line is the name of the set, the second what is sought.
  static let charsets = FuzzTarget(
    "charsets",
    covers: [
      "Message/Codec/CharsetDecoder.swift", "Message/Codec/Charset.swift", "Message/Codec/CharsetNames.swift",
      "Message/Text/TextSearch.swift", "Message/Text/UTF8Scan.swift", "Message/Text/CaseFold.swift",
      "Message/Text/Display.swift",
    ],
    words: [
      "utf-8\n", "utf-7\n", "utf-16\n", "utf-16le\n", "utf-32\n", "iso-8859-1\n", "iso-2022-jp\n", "iso-2022-kr\n",
      "iso-2022-cn\n", "gb18030\n",
      "big5\n", "euc-kr\n", "shift_jis\n", "windows-1255\n", "viscii\n", "koi8-r\n", "x\n", "\u{1b}$B", "\u{1b}(B",
      "+AGE-", "ä", "\u{202e}", "ß", "İ",
    ],
    seeds: [
      "utf-8\nä\nxÄy", "iso-2022-jp\na\n\u{1b}$B$\"\u{1b}(B", "utf-7\na\n+AGE-b", "utf-16le\na\na\u{0}b\u{0}",
      "gb18030\n\n\u{81}0", "windows-1255\na\nab",
      "x\n\n\u{202e}\\\n",
    ]
  ) { bytes in
    let parts = bytes.split(separator: 10, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return }
    let (name, needle, content) = (text(parts[0]), text(parts[1]), Array(parts[2]))
    let whole = Charset.decode(content, as: name)
    try require(whole.utf8.count <= content.count * 12 + 16, "\(content.count) octets became \(whole.utf8.count)")
    try require(Charset.isKnown(name) == (CharsetDecoder(name) != nil), "a set is known and is not")
    if var decoder = CharsetDecoder(name) {
      var output: [UInt8] = []
      for piece in pieces(content, longest: 5) { decoder.decode(piece, into: &output) }
      decoder.finish(into: &output)
      // After an error the state of glibc's UTF-7 depends on how it was called.
      let isWellFormed = !whole.unicodeScalars.contains("\u{fffd}")
      try require(text(output) == whole || !isWellFormed, "the text depends on the splits in \(name)")
    }
    let isThere = TextSearch.contains(whole, needle)
    var search = TextSearch(needle)
    for piece in pieces(Array(whole.utf8), longest: 5) { search.append(piece) }
    try require(search.isFound == isThere, "what is found depends on the splits")
    try require(isThere || !Array(whole.utf8).contains(Array(needle.utf8)), "what is there was not found")
    try Planted.bug(
      where: name.hasPrefix("iso2022") && whole.unicodeScalars.contains { (0x4e00...0x9fff).contains($0.value) })
    let shown = displayable(content, limit: 100)
    try require(shown.utf8.count <= 100 * 12, "the shown text is long")
    try require(
      !shown.unicodeScalars.contains { $0.value < 32 || (0x7f...0x9f).contains($0.value) || $0.value == 0x202e },
      "a control is shown")
  }

  /// Base64 and quoted-printable, in pieces and back.
  static let transfer = FuzzTarget(
    "transfer",
    covers: [
      "Message/Codec/Base64Decoder.swift", "Message/Codec/Base64Encoder.swift", "Message/Codec/Base64.swift",
      "Message/Codec/QuotedPrintableDecoder.swift", "Message/Codec/QuotedPrintableEncoder.swift",
      "Message/Codec/TransferDecoder.swift",
    ],
    words: [
      "=", "==", "=3D", "=\r\n", "= \r\n", "=\n", "\r\n", " \r\n", "\t", "YWJj", "YQ==", "=4", "=G", "\r", "\u{0}",
    ],
    seeds: ["YWJj\r\nYQ==", "a=3Db=\r\nc \r\n=ZZ=", "YQ==YQ==", "a= \r\nb=4", "====", "x \ty \r\n"]
  ) { bytes in
    for encoding in [TransferEncoding.base64, .quotedPrintable, .sevenBit, .unknown("x")] {
      guard var whole = TransferDecoder(encoding), var torn = TransferDecoder(encoding) else { continue }
      var (a, b): ([UInt8], [UInt8]) = ([], [])
      whole.decode(bytes[...], into: &a)
      whole.finish(into: &a)
      for piece in pieces(bytes, longest: 6) { torn.decode(piece, into: &b) }
      torn.finish(into: &b)
      try require(a == b && whole.isDamaged == torn.isDamaged, "what is decoded depends on the splits in \(encoding)")
      try require(a.count <= bytes.count, "decoding made more of it")
      if encoding == .quotedPrintable {
        try Planted.bug(where: a.starts(with: Array("a=b\r\n".utf8)) && whole.isDamaged)
      }
    }
    try require(Base64.decode(Base64.encode(bytes)) == bytes, "Base64 does not come back")
    if let value = Base64.decode(bytes) { try require(Base64.encode(value) == bytes, "Base64 has two forms") }
    var (encoder, wire): (Base64Encoder, [UInt8]) = (Base64Encoder(), [])
    for piece in pieces(bytes) { encoder.encode(piece, into: &wire) }
    encoder.finish(into: &wire)
    try require(wire.split(separator: 10).allSatisfy { $0.count <= 77 }, "a line of Base64 is too long")
    var (lines, decoder): ([UInt8], Base64Decoder) = ([], Base64Decoder())
    decoder.decode(wire[...], into: &lines)
    try require(decoder.finish(into: &lines) && lines == bytes, "Base64 in lines does not come back")
    let encoded = QuotedPrintable.encode(bytes)
    try require(encoded.split(separator: 10).allSatisfy { $0.count <= 77 }, "a line of quoted-printable is too long")
    var (plain, reader): ([UInt8], QuotedPrintableDecoder) = ([], QuotedPrintableDecoder())
    reader.decode(encoded[...], into: &plain)
    try require(reader.finish(into: &plain), "our own quoted-printable is damaged")
    let hasLoneReturn = bytes.indices.contains { bytes[$0] == 13 && ($0 + 1 == bytes.count || bytes[$0 + 1] != 10) }
    if !hasLoneReturn {
      let lineEnds = bytes.indices.flatMap {
        bytes[$0] == 10 && ($0 == 0 || bytes[$0 - 1] != 13) ? [13, 10] : [bytes[$0]]
      }
      try require(plain == lineEnds, "quoted-printable does not come back")
    }
  }
}
