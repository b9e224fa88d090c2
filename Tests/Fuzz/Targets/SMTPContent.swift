@testable import SMTP

extension FuzzTarget {
  /// The content of DATA and BDAT, and the dots of the sending side.
  static let smtpContent = FuzzTarget(
    "smtp-content", covers: ["SMTP/ContentDecoder.swift", "SMTP/DotEncoder.swift"],
    words: ["\r\n", "\r\n.\r\n", ".", "\r", "\n", "\r\n..", "\n.\n", "\r\n.\n", "\n.\r\n", "\r\r\n", "\u{0}"],
    seeds: [
      "\u{0}a\r\n..b\r\n.\r\nrest", "\u{1}a\r\nb\nc\rd\r\n.\r\n", "\u{2}a\r\n.\r\n", "\u{3}x\ny\r",
      "\u{4}0123456789\r\n.\r\n",
    ]
  ) { bytes in
    guard let choice = bytes.first else { return }
    let input = Array(bytes.dropFirst())
    let framing = choice & 2 == 0 ? ContentDecoder.Framing.dot : .counted
    let discipline = choice & 1 == 0 ? ContentDecoder.Discipline.strict : .normalizing
    func decode(_ pieces: [ArraySlice<UInt8>]) -> (ContentDecoder, content: [UInt8], used: Int) {
      var decoder = ContentDecoder(framing: framing, discipline: discipline, lineLimit: choice & 4 == 0 ? 1000 : 8)
      var (content, used): ([UInt8], Int) = ([], 0)
      for piece in pieces where !decoder.isComplete {
        used += piece.withUnsafeBytes { decoder.decode($0, into: &content) }
      }
      if framing == .counted { decoder.finish(into: &content) }
      return (decoder, content, used)
    }
    let whole = decode([input[...]])
    let torn = decode(pieces(input, longest: 7))
    // Of content that is refused for a line's length, how much of that line was put out is nobody's business.
    try require(whole.content == torn.content || whole.0.fault == .lineTooLong, "the content depends on the splits")
    try require(whole.used == torn.used, "the end of the content depends on the splits")
    try require(
      whole.0.fault == torn.0.fault && whole.0.isComplete == torn.0.isComplete, "the end depends on the splits")
    try require(whole.0.size == whole.content.count, "the size is not that of the content")
    if framing == .dot, whole.0.isComplete {
      let end = input[..<whole.used]
      try require(end == [46, 13, 10] || end.suffix(5) == [13, 10, 46, 13, 10], "the content ended without CRLF.CRLF")
    }
    guard whole.0.fault == nil, whole.0.isComplete else { return }
    try Planted.bug(
      where: whole.content.count > 12 && whole.content.starts(with: [46, 13, 10, 46]) && discipline == .normalizing)
    // What came in goes out again, and comes in there as the same.
    var (encoder, wire): (DotEncoder, [UInt8]) = (DotEncoder(), [])
    for piece in pieces(whole.content, longest: 5) { piece.withUnsafeBytes { encoder.encode($0, into: &wire) } }
    encoder.finish(into: &wire)
    var (decoder, again): (ContentDecoder, [UInt8]) = (ContentDecoder(framing: .dot, discipline: .strict), [])
    let used = wire.withUnsafeBytes { decoder.decode($0, into: &again) }
    try require(used == wire.count && decoder.isComplete && decoder.fault == nil, "what we send has no right end")
    // A chunk may end within a line; for DATA the line gets its end.
    let isWhole = whole.content.isEmpty || whole.content.last == 10
    try require(again == whole.content + (isWhole ? [] : [13, 10]), "what we send is another content")
  }
}
