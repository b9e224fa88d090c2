import NIOCore

@testable import Network

extension FuzzTarget {
  /// The PROXY protocol, both versions.
  static let proxy = FuzzTarget(
    "proxy", covers: ["Network/Listening/ProxyHeader.swift"],
    words: [
      "PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "192.0.2.7 ", "2001:db8::9 ", "::ffff:1.2.3.4 ", "4660 ", "25", "65536",
      "\r\n", "\n",
      "\r\n\r\n\u{0}\r\nQUIT\n", "!\u{11}\u{0}\u{c}", "!!\u{0}$", " \u{0}\u{0}\u{0}",
    ],
    seeds: [
      "PROXY TCP4 192.0.2.7 198.51.100.1 4660 25\r\nEHLO x\r\n", "PROXY TCP6 2001:db8::9 2001:db8::1 65535 443\r\n",
      "PROXY UNKNOWN x\r\n",
      "\r\n\r\n\u{0}\r\nQUIT\n!\u{11}\u{0}\u{c}abcdefgh\u{0}\u{1}\u{0}\u{2}rest",
      "\r\n\r\n\u{0}\r\nQUIT\n \u{0}\u{0}\u{0}",
      "\r\n\r\n\u{0}\r\nQUIT\n!!\u{0}$abcdefghabcdefghabcdefghabcdefgh1234",
      "\r\n\r\n\u{0}\r\nQUIT\n!\u{31}\u{0}\u{1}x",
    ]
  ) { bytes in
    let whole = ProxyHeader.parse(bytes)
    if case .header(let header) = whole {
      try require((1...bytes.count).contains(header.length), "a header of \(header.length) octets in \(bytes.count)")
      for peer in [header.source, header.destination] {
        try require(peer.map { (0...65535).contains($0.port) } ?? true, "no port")
      }
      try require((header.source == nil) == (header.destination == nil), "half of the addresses")
      try Planted.bug(where: header.source?.address.isIPv4 == false && header.source?.port == 25)
    }
    for length in 0..<min(bytes.count, 300) {
      switch ProxyHeader.parse(bytes[..<length]) {
      case .needs(let more):
        try require(more >= 1, "nothing more is needed")
        if case .header(let header) = whole {
          try require(length + more <= header.length, "an octet of the session is asked for")
        }
      case .header(let early):
        guard case .header(let header) = whole else {
          throw Violation(description: "more octets made a header invalid")
        }
        try require(early == header && length >= early.length, "the header depends on what comes behind it")
      case .invalid:
        if case .header = whole { throw Violation(description: "more octets made a bad header good") }
      }
    }
  }

  /// Lines and counted octets out of a stream. The input is a list of steps: what to take, and what arrives.
  static let lines = FuzzTarget(
    "lines", covers: ["Network/Connection/Accumulator.swift"],
    words: ["\r\n", "\n", "\r", "\u{0}", "\u{1}", "\u{2}", "\u{3}", "\u{4}", "\u{5}"],
    seeds: [
      "\u{4}abc\r\ndef\n\u{20}\u{1}\u{40}", "\u{8}a long line that has no end\r\nx\r\n\u{10}\u{2}\u{3}\u{4}\u{5}",
    ]
  ) { bytes in
    guard let first = bytes.first else { return }
    let limit = Int(first & 31)
    let stream = Array(bytes.dropFirst())
    func lines(_ parts: [ArraySlice<UInt8>]) -> [Line] {
      var accumulator = Accumulator()
      var lines: [Line] = []
      for part in parts {
        accumulator.append(ByteBuffer(bytes: part))
        while let line = accumulator.takeLine(limit: limit) { lines.append(line) }
      }
      return lines
    }
    let whole = lines([stream[...]])
    try require(whole == lines(pieces(stream, longest: 9)), "the lines depend on how the stream was split")
    try require(whole.count == stream.count { $0 == 10 }, "\(whole.count) lines")
    try require(
      whole.allSatisfy { $0.bytes.count <= max(limit, 0) && !$0.bytes.contains(10) }, "a line is over the limit")
    try Planted.bug(
      where: whole.contains { $0.ending == .tooLong } && whole.contains { $0.ending == .lf && $0.bytes.last == 13 })
    // Taken in any way, every octet that arrived is taken once, in order.
    var (accumulator, taken, random): (Accumulator, [UInt8], SplitMix) = (Accumulator(), [], SplitMix(stream))
    for part in pieces(stream, longest: 9) {
      accumulator.append(ByteBuffer(bytes: part))
      switch Int.random(in: 0..<5, using: &random) {
      case 0:
        if let some = accumulator.takeBytes(upTo: 4) { taken += Array(some.readableBytesView) }
      case 1:
        if let some = accumulator.takeExactly(3) { taken += some }
      case 2:
        if let some = accumulator.takeBytes(upTo: 5) { accumulator.putBack(some) }
      case 3: _ = accumulator.hasLine(limit: .max - 1)
      default: break
      }
      try require(accumulator.capacity <= 4096, "the accumulator holds \(accumulator.capacity)")
    }
    if let some = accumulator.takeBytes(upTo: .max) { taken += Array(some.readableBytesView) }
    try require(taken == stream && accumulator.count == 0, "octets were lost, doubled or changed")
    accumulator.append(ByteBuffer(bytes: stream))
    try require(accumulator.drop() == stream.count && accumulator.count == 0, "something was kept")
  }
}
