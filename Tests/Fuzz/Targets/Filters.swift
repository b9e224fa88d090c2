import Message

@testable import Filtering

extension FuzzTarget {
  /// Words, HTML, links and headers, as the classifier sees them.
  static let tokens = FuzzTarget(
    "tokens",
    covers: [
      "Filtering/Classifier/WordScanner.swift", "Filtering/Classifier/WordScanner+Characters.swift",
      "Filtering/Classifier/LinkScanner.swift", "Filtering/Classifier/HTMLScanner.swift",
      "Filtering/Classifier/CharacterReference.swift", "Filtering/Classifier/RawText.swift",
      "Filtering/Classifier/HeaderTokens.swift", "Filtering/Classifier/TokenSet.swift",
    ],
    words: [
      "<a href=\"http://", "</a>", "<!--", "-->", "<style>", "</style>", "<font color=red>", "&amp;", "&#x41;",
      "&ouml;", "&shy", "<!-->", "--!>", "<!x", "<script>", "</script>", "<title>", "<plaintext>", "<svg>", "</ ", "<?",
      "https://a.b.example:8080/x?y=z#q", "mailto:a@b.example", "$1,000", "don't", "FREE!!", "ä", "東京", "\u{200b}",
      "\u{ff21}", "http://user@1.2.3.4/%41", "Subject: ", "From: A <a@b.example>\r\n",
      "Received: from a.example ([1.2.3.4]) by b; x\r\n", "Message-ID: <a@b>\r\n", "X-Spam: x\r\n", "=?utf-8?Q?a?=",
      "\r\n",
      "🎁", "\u{202e}",
    ],
    seeds: [
      "<p>Buy <b>now</b> at <a href='http://shop.example/x'>x</a> &euro; 1,000</p>",
      "Plain words, http://a.example/b c",
      "Subject: hello\r\nFrom: a@b.example\r\nReceived: from x.example; date\r\n\r\n", "東京都 ＢＵＹ w\u{200b}ord",
    ]
  ) { bytes in
    func html(_ pieces: [ArraySlice<UInt8>]) -> [UInt64] {
      var (set, scanner) = (TokenSet(), HTMLScanner())
      for piece in pieces { scanner.append(piece, into: &set) }
      scanner.end(into: &set)
      return set.tokens
    }
    func words(_ pieces: [ArraySlice<UInt8>]) -> [UInt64] {
      var (set, scanner) = (TokenSet(), WordScanner(.text))
      for piece in pieces { scanner.append(piece, into: &set) }
      scanner.end(into: &set)
      return set.tokens
    }
    let torn = pieces(bytes, longest: 7)
    try require(html([bytes[...]]) == html(torn), "tokens of HTML depend on the splits")
    try require(words([bytes[...]]) == words(torn), "tokens of text depend on the splits")
    var set = TokenSet()
    HeaderTokens.insert(HeaderSection(bytes), into: &set)
    let all = set.tokens + html(torn) + words(torn)
    try require(all.allSatisfy { $0 > 0 && $0 <= Token.mask }, "a token is out of its range")
    try require(set.tokens.count <= TokenSet.limit, "there are too many tokens")
    let text = text(bytes)
    try Planted.bug(where: text.contains("<!--") && text.contains("東京") && text.contains("mailto:"))
  }

  /// Zip directories, deflated data, compound files, and what names and first bytes say.
  static let archives = FuzzTarget(
    "archives",
    covers: [
      "Filtering/Attachments/ZipDirectory.swift", "Filtering/Attachments/Inflate.swift",
      "Filtering/Attachments/CompoundFile.swift", "Filtering/Attachments/FileKind.swift",
      "Filtering/Attachments/FileEnding.swift",
    ],
    words: [
      "PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "\u{0}\u{0}\u{0}\u{0}", "MZ", "PE\u{0}\u{0}", ".pdf.exe", ".docm",
      "#!/", "Rar!\u{1a}\u{7}", "\u{202e}", "V\u{0}B\u{0}A\u{0}",
    ],
    seeds: [
      "invoice.pdf.exe", "PK\u{5}\u{6}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}", "#!/bin/sh\n",
    ]
  ) { bytes in
    if let place = ZipDirectory.place(in: bytes, of: bytes.count) {
      try require(
        place.offset >= 0 && place.offset + place.size <= bytes.count, "a directory is outside of its archive")
      let found = ZipDirectory.entries(Array(bytes[place.offset..<(place.offset + place.size)]), shift: place.shift)
      try require(found.entries.count <= ZipDirectory.entryLimit, "there are too many files")
      _ = ZipDirectory.overlap(found.entries)
      for entry in found.entries {
        if let start = ZipDirectory.dataOffset(of: entry, localHeader: Array(bytes.dropFirst(entry.offset).prefix(30)))
        {
          try require(start >= entry.offset, "data begins before its header")
        }
      }
      try Planted.bug(where: found.entries.contains { $0.isEncrypted && $0.name.hasSuffix(".exe") })
    }
    for limit in [0, 1, 4096] {
      let (output, end) = Inflate.read(bytes[...], limit: limit)
      try require(output.count <= limit, "more came out than was allowed")
      if limit == 4096, end == .complete {
        try require(Inflate.read(bytes[...], limit: 1 << 16).bytes == output, "the limit changes what comes out")
      }
    }
    var reads = 0
    let file = CompoundFile.readAtOnce(bytes) { reads += $0 }
    try require(reads <= 300 * 4096 * 2, "a compound file makes us read for ever")
    _ = (file.hasMacros, file.isEncrypted)
    _ = FileKind(bytes[...])
    let name = text(bytes)
    if FileEnding.isDouble(name) {
      try require(FileEnding.executable.contains(FileEnding.of(name)), "a double ending that is none")
    }
  }

  /// What clamd and milters answer.
  static let helpers = FuzzTarget(
    "helpers",
    covers: ["Filtering/Malware/ClamdReply.swift", "Filtering/Milter/MilterPacket.swift"],
    words: [
      "stream: ", "OK", " FOUND", "ERROR", "y", "550 5.7.1 ", "450 ", "m\u{0}\u{0}\u{0}\u{1}", "h", "i", "q",
      "Subject\u{0}",
      "\u{0}", "O\u{0}\u{0}\u{0}\u{6}",
    ],
    seeds: [
      "stream: Eicar FOUND", "y550 5.7.1 no\u{0}", "m\u{0}\u{0}\u{0}\u{1}Subject\u{0}x\u{0}", "c",
      "O\u{0}\u{0}\u{0}\u{6}",
      "hX-A\u{0}b\u{0}", "y451-4.7.1 a\r\n451 4.7.1 b\u{0}", "i\u{0}\u{0}\u{0}\u{0}X\u{0}y\u{0}", "qwhy\u{0}",
    ]
  ) { bytes in
    if case .infected(let name) = ClamdReply(bytes) { try require(name.utf8.count <= 4096, "a long name") }
    guard let code = bytes.first else { return }
    let reply = MilterReply(code, Array(bytes.dropFirst()))
    switch reply {
    case .code(let code, let status, let text):
      try require((400...599).contains(code) && status.first == "\(code)".first, "a reply of no class")
      try require(!text.contains { $0.isNewline }, "a reply of several lines")
      try Planted.bug(where: code == 451 && status == "4.7.1" && text.contains("FOUND"))
    case .changeField(_, let number, _): try require(number >= 1, "a field before the first")
    default: break
    }
    _ = try? MilterOptions(Array(bytes.dropFirst()))
  }
}
