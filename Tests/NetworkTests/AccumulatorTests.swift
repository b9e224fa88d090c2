import NIOCore
import Testing

@testable import Network

@Suite struct AccumulatorTests {
  static let stream = Array("EHLO a\r\nbare\nx\ry\r\n\r\n\(String(repeating: "l", count: 20))\r\nlast\r\n".utf8)
  static let expected = [
    Line(bytes: Array("EHLO a".utf8), ending: .crlf), Line(bytes: Array("bare".utf8), ending: .lf),
    Line(bytes: Array("x\ry".utf8), ending: .crlf), Line(bytes: [], ending: .crlf),
    Line(bytes: Array(repeating: UInt8(ascii: "l"), count: 10), ending: .tooLong),
    Line(bytes: Array("last".utf8), ending: .crlf),
  ]

  static func lines(_ pieces: [ArraySlice<UInt8>], limit: Int = 10) -> [Line] {
    var accumulator = Accumulator()
    var lines: [Line] = []
    for piece in pieces {
      accumulator.append(ByteBuffer(bytes: piece))
      while let line = accumulator.takeLine(limit: limit) { lines.append(line) }
    }
    #expect(accumulator.count == 0)
    return lines
  }

  @Test func linesAtEverySplit() {
    for cut in 0...Self.stream.count {
      #expect(Self.lines([Self.stream[..<cut], Self.stream[cut...]]) == Self.expected)
    }
  }

  @Test func linesByteByByte() {
    #expect(Self.lines(Self.stream.indices.map { Self.stream[$0...$0] }) == Self.expected)
  }

  @Test func linesAtRandomSplits() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let cuts = (0..<4).map { _ in Int.random(in: 0...Self.stream.count, using: &random) }.sorted()
      let edges = [0] + cuts + [Self.stream.count]
      #expect(Self.lines(zip(edges, edges.dropFirst()).map { Self.stream[$0..<$1] }) == Self.expected)
    }
  }

  /// The limit does not count the line end, and a line of exactly the limit is within it.
  @Test(arguments: [9, 10, 11]) func theLimitIsExact(length: Int) {
    let line = Array(repeating: UInt8(ascii: "a"), count: length)
    for end in ["\r\n", "\n"] {
      let bytes = line + Array(end.utf8)
      let whole = Self.lines([bytes[...]])
      #expect(whole.map(\.ending) == [length > 10 ? .tooLong : end == "\n" ? .lf : .crlf])
      #expect(Self.lines(bytes.indices.map { bytes[$0...$0] }) == whole)
    }
  }

  @Test func anOverlongLineTakesNoMemory() {
    var accumulator = Accumulator()
    for _ in 0..<1000 {
      accumulator.append(ByteBuffer(repeating: UInt8(ascii: "x"), count: 1000))
      #expect(accumulator.takeLine(limit: 100) == nil)
      #expect(accumulator.count <= 101)
    }
    #expect(accumulator.discarded == 1_000_000)
    accumulator.append(ByteBuffer(string: "\r\nnext\r\n"))
    #expect(accumulator.takeLine(limit: 100)?.ending == .tooLong)
    #expect(accumulator.takeLine(limit: 100)?.bytes == Array("next".utf8))
    #expect(accumulator.discarded == 0)
  }

  @Test func bytesAndLinesMix() {
    var accumulator = Accumulator()
    accumulator.append(ByteBuffer(string: "line\r\n12345tail\r\nno"))
    #expect(accumulator.takeLine(limit: 10)?.bytes == Array("line".utf8))
    #expect(accumulator.takeExactly(5) == Array("12345".utf8))
    #expect(accumulator.takeExactly(100) == nil)
    #expect(accumulator.takeBytes(upTo: 2).map { Array($0.readableBytesView) } == Array("ta".utf8))
    #expect(accumulator.takeLine(limit: 10)?.bytes == Array("il".utf8))
    #expect(accumulator.takeLine(limit: 10) == nil)
    #expect(accumulator.drop() == 2)
    #expect(accumulator.takeBytes(upTo: 10) == nil)
  }

  /// A client that always has half a line waiting must not make the buffer grow.
  @Test func aStreamThatNeverEmptiesItDoesNotGrowIt() {
    var accumulator = Accumulator()
    accumulator.append(ByteBuffer(string: "begin"))
    for _ in 0..<10_000 {
      accumulator.append(ByteBuffer(string: String(repeating: "x", count: 500) + "\r\nbegin"))
      #expect(accumulator.takeLine(limit: 1000) != nil)
    }
    #expect(accumulator.capacity < 16_384)
  }
}
