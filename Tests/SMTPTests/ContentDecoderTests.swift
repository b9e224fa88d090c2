import Testing

@testable import SMTP

private func decode(
  _ input: String, _ framing: ContentDecoder.Framing, _ discipline: ContentDecoder.Discipline,
  pieces: [Int]? = nil, lineLimit: Int = ProtocolLimits.textLine
) -> (content: String, rest: String, decoder: ContentDecoder) {
  var decoder = ContentDecoder(framing: framing, discipline: discipline, lineLimit: lineLimit)
  var output: [UInt8] = []
  let bytes = Array(input.utf8)
  var used = 0
  var index = 0
  for size in pieces ?? [bytes.count] {
    let piece = Array(bytes[index..<index + size])
    index += size
    if !decoder.isComplete { used += piece.withUnsafeBytes { decoder.decode($0, into: &output) } }
  }
  if framing == .counted { decoder.finish(into: &output) }
  return (String(decoding: output, as: UTF8.self), String(decoding: bytes[used...], as: UTF8.self), decoder)
}

private func decode(
  _ input: String, _ discipline: ContentDecoder.Discipline
) -> (content: String, rest: String, decoder: ContentDecoder) {
  decode(input, .dot, discipline)
}

/// All splits into bytes, and some random ones.
private func splits(of count: Int, rounds: Int = 12, seed: UInt64 = 7) -> [[Int]] {
  var generator = SplitMix(state: seed)
  var all = [Array(repeating: 1, count: count)]
  for _ in 0..<rounds {
    var rest = count
    var pieces: [Int] = []
    while rest > 0 {
      let size = Int.random(in: 1...max(1, min(rest, 9)), using: &generator)
      pieces.append(size)
      rest -= size
    }
    all.append(pieces)
  }
  return all
}

@Suite struct ContentDecoderTests {
  @Test func takesContentUpToTheDot() {
    let (content, rest, decoder) = decode("Subject: a\r\n\r\nb\r\n.\r\nQUIT\r\n", .strict)
    #expect(content == "Subject: a\r\n\r\nb\r\n")
    #expect(rest == "QUIT\r\n")
    #expect(decoder.isComplete)
    #expect(decoder.fault == nil)
    #expect(decoder.size == content.utf8.count)
  }

  @Test func takesOutDoubledDots() {
    #expect(decode("..\r\n..a\r\n.b\r\na.b\r\n...\r\n.\r\n", .strict).content == ".\r\n.a\r\nb\r\na.b\r\n..\r\n")
  }

  @Test func emptyContentEndsAtOnce() {
    let (content, rest, decoder) = decode(".\r\nX", .strict)
    #expect(content.isEmpty && rest == "X" && decoder.isComplete)
  }

  /// Everything that some server has taken for the end of a message, except the one thing that is: read to the true
  /// end, refused by `strict`, put in order by `normalizing`, and never the end itself.
  static let before = ["\r\n", "\n", "\r", "\r\r\n", "\r\n\0", "\0\r\n", "\n\r"]
  static let after = ["\r\n", "\n", "\r", "\r\r\n", "\0\r\n", "\n\r", "\r\0\n"]

  @Test func onlyTheDotBetweenTwoLineEndsEnds() {
    for before in Self.before {
      for after in Self.after {
        let isEnd = (before.hasSuffix("\r\n") && after == "\r\n")
        let text = "a\(before).\(after)MAIL FROM:<evil@example.org>\r\n.\r\nNOOP\r\n"
        for pieces in [[text.utf8.count]] + splits(of: text.utf8.count, rounds: 4) {
          for discipline in [ContentDecoder.Discipline.strict, .normalizing] {
            let (content, rest, decoder) = decode(text, .dot, discipline, pieces: pieces)
            #expect(decoder.isComplete)
            if isEnd {
              #expect(rest == "MAIL FROM:<evil@example.org>\r\n.\r\nNOOP\r\n", "\(before.debugDescription)")
            } else {
              #expect(rest == "NOOP\r\n", "\(before.debugDescription) \(after.debugDescription)")
            }
            let hasLone = Self.hasLoneLineEnd(String(decoding: text.utf8.dropLast(rest.utf8.count), as: UTF8.self))
            switch discipline {
            case .strict:
              #expect((decoder.fault != nil) == hasLone, "\(before.debugDescription) \(after.debugDescription)")
            case .normalizing:
              #expect(decoder.fault == nil)
              #expect(!Self.hasLoneLineEnd(content))
            }
          }
        }
      }
    }
  }

  private static func hasLoneLineEnd(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.indices.contains { index in
      (bytes[index] == 10 && (index == 0 || bytes[index - 1] != 13))
        || (bytes[index] == 13 && (index + 1 == bytes.count || bytes[index + 1] != 10))
    }
  }

  /// What is put out after normalizing must not hold an end for the next server either, once it is encoded again.
  @Test func normalizedContentSurvivesTheNextHop() {
    for before in Self.before {
      for after in Self.after {
        let (content, _, _) = decode("a\(before).\(after)b\r\n.\r\n", .dot, .normalizing)
        var encoder = DotEncoder()
        var wire: [UInt8] = []
        encoder.encode(content.utf8, into: &wire)
        encoder.finish(into: &wire)
        let again = decode(String(decoding: wire, as: UTF8.self), .strict)
        #expect(again.content == content)
        #expect(again.rest.isEmpty && again.decoder.fault == nil)
      }
    }
  }

  @Test func normalizes() {
    #expect(decode("a\nb\r\nc\rd\r\r\n.\r\n", .normalizing).content == "a\r\nb\r\ncd\r\n")
    // The dot after a bare LF was not stuffed by anybody, and stays.
    #expect(decode("a\n.b\n.\n..\r\n.\r\n", .normalizing).content == "a\r\n.b\r\n.\r\n..\r\n")
    #expect(decode(".\rx\r\n.\r\n", .normalizing).content == "x\r\n")
  }

  @Test func chunksHaveNoDots() {
    let (content, _, decoder) = decode("..a\r\n.\r\nb\r\n", .counted, .strict)
    #expect(content == "..a\r\n.\r\nb\r\n")
    #expect(decoder.fault == nil && decoder.isComplete)
  }

  @Test func chunksAreWatchedToo() {
    #expect(decode("a\nb\r\n", .counted, .strict).decoder.fault == .bareLineFeed)
    #expect(decode("a\r\n.\r", .counted, .strict).decoder.fault == .bareCarriageReturn)
    #expect(decode("a\n.\r\nb\r", .counted, .normalizing).content == "a\r\n.\r\nb")
  }

  @Test func nothingDependsOnTheSplits() {
    let text = "a: b\r\n..x\r\n\r\nlong line here\nlone\rret\r\r\n.\r.\n..\0\r\n.\r\nrest"
    for discipline in [ContentDecoder.Discipline.strict, .normalizing] {
      for framing in [ContentDecoder.Framing.dot, .counted] {
        let whole = decode(text, framing, discipline)
        for pieces in splits(of: text.utf8.count, rounds: 60) {
          let split = decode(text, framing, discipline, pieces: pieces)
          #expect(split.content == whole.content && split.rest == whole.rest)
          #expect(split.decoder.fault == whole.decoder.fault)
        }
      }
    }
  }

  @Test func longLinesPassUpToTheLimit() {
    let line = String(repeating: "x", count: 100)
    #expect(decode("\(line)\r\n.\r\n", .dot, .strict, lineLimit: 100).decoder.fault == nil)
    let over = decode("\(line)y\r\n.\r\nNOOP", .dot, .strict, lineLimit: 100)
    #expect(over.decoder.fault == .lineTooLong)
    #expect(over.rest == "NOOP")
  }

  @Test func nulAndEightBitsPass() {
    #expect(decode("a\0b\u{e4}\r\n.\r\n", .strict).content == "a\0b\u{e4}\r\n")
  }

  @Test func encoderUndoesDecoder() {
    var generator = SplitMix(state: 3)
    for _ in 0..<300 {
      let alphabet = ["a", ".", "\r\n", "..", "\0", "bc"]
      let content =
        (0..<Int.random(in: 0...20, using: &generator))
        .map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }.joined() + "\r\n"
      for pieces in splits(of: content.utf8.count, rounds: 2, seed: generator.next()) {
        var encoder = DotEncoder()
        var wire: [UInt8] = []
        var rest = Array(content.utf8)[...]
        for size in pieces {
          encoder.encode(rest.prefix(size), into: &wire)
          rest = rest.dropFirst(size)
        }
        encoder.finish(into: &wire)
        let (decoded, left, decoder) = decode(String(decoding: wire, as: UTF8.self), .strict)
        #expect(decoded == content && left.isEmpty && decoder.isComplete && decoder.fault == nil)
      }
    }
  }

  @Test func encoderCompletesTheLastLine() {
    var encoder = DotEncoder()
    var wire: [UInt8] = []
    encoder.encode("a\r\n.b".utf8, into: &wire)
    encoder.finish(into: &wire)
    #expect(String(decoding: wire, as: UTF8.self) == "a\r\n..b\r\n.\r\n")
  }
}

/// A small generator with a seed, so that a failure can be seen again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
