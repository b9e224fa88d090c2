import Platform
import Testing

@testable import Network

@Suite struct ProxyHeaderTests {
  static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
  static let four: [UInt8] =
    signature + [0x21, 0x11, 0, 12, 192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x34, 0, 25]
  static let six: [UInt8] =
    signature + [0x21, 0x21, 0, 39] + [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [9]
    + [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1] + [0xff, 0xff, 0x01, 0xbb] + [4, 0, 0]

  static func found(_ source: String, _ port: Int, to destination: String, _ other: Int, _ length: Int)
    -> ProxyHeader.Outcome
  {
    guard let source = IPAddress(source), let destination = IPAddress(destination) else { return .invalid("test") }
    return .header(
      ProxyHeader(
        source: PeerAddress(address: source, port: port), destination: PeerAddress(address: destination, port: other),
        length: length))
  }

  static let good: [(String, [UInt8], ProxyHeader.Outcome)] = [
    (
      "v1 IPv4", Array("PROXY TCP4 192.0.2.7 198.51.100.1 4660 25\r\n".utf8),
      found("192.0.2.7", 4660, to: "198.51.100.1", 25, 43)
    ),
    (
      "v1 IPv6", Array("PROXY TCP6 2001:db8::9 2001:db8::1 65535 443\r\n".utf8),
      found("2001:db8::9", 65535, to: "2001:db8::1", 443, 46)
    ),
    ("v1 shortest", Array("PROXY UNKNOWN\r\n".utf8), .header(ProxyHeader(source: nil, destination: nil, length: 15))),
    (
      "v1 unknown", Array("PROXY UNKNOWN ffff::1 x\r\n".utf8),
      .header(ProxyHeader(source: nil, destination: nil, length: 25))
    ),
    ("v2 IPv4", four, found("192.0.2.7", 4660, to: "198.51.100.1", 25, 28)),
    ("v2 IPv6 with a TLV", six, found("2001:db8::9", 65535, to: "2001:db8::1", 443, 55)),
    ("v2 LOCAL", signature + [0x20, 0, 0, 0], .header(ProxyHeader(source: nil, destination: nil, length: 16))),
    (
      "v2 unspecified", signature + [0x21, 0, 0, 2, 9, 9],
      .header(ProxyHeader(source: nil, destination: nil, length: 18))
    ),
  ]

  @Test func validHeadersByteByByte() {
    for (name, bytes, outcome) in Self.good {
      for length in 0..<bytes.count {
        guard case .needs(let more) = ProxyHeader.parse(bytes[..<length]) else {
          Issue.record("\(name): an answer after \(length) bytes")
          continue
        }
        // It must never ask for a byte that belongs to the session.
        #expect(more >= 1 && length + more <= bytes.count, "\(name)")
      }
      #expect(ProxyHeader.parse(bytes) == outcome, "\(name)")
      #expect(ProxyHeader.parse(bytes + Array("EHLO x\r\n".utf8)) == outcome, "\(name), with more behind it")
    }
  }

  @Test(arguments: [
    "PROXY TCP4 192.0.2.7 198.51.100.1 4660\r\n", "PROXY TCP4 2001:db8::1 198.51.100.1 1 2\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 66000 25\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 +1 25\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 1 25\n", "PROXY TCP5 192.0.2.7 198.51.100.1 1 25\r\n", "PROXY \r\n", "PROXY\r\n",
    "PROXY TCP4  192.0.2.7 198.51.100.1 1 25\r\n", "EHLO proxy\r\n", "POST / HTTP/1.0\r\n", "\r\n\r\nEHLO x",
    "PROXY TCP4 \(String(repeating: "1", count: 120))\r\n",
  ]) func badHeaders(text: String) {
    guard case .invalid = ProxyHeader.parse(Array(text.utf8)) else {
      Issue.record("accepted")
      return
    }
  }

  @Test func badBinaryHeaders() {
    var bad = [Self.four, Self.four, Self.four, Self.four]
    bad[0][12] = 0x31
    bad[1][12] = 0x22
    bad[2][15] = 11
    bad[3][14] = 0xff
    for bytes in bad {
      guard case .invalid = ProxyHeader.parse(bytes) else {
        Issue.record("accepted \(bytes)")
        continue
      }
    }
  }

  @Test func noBytesTrapIt() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = Self.good.randomElement(using: &random)?.1 ?? []
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        guard let place = bytes.indices.randomElement(using: &random) else { continue }
        bytes[place] = UInt8.random(in: .min ... .max, using: &random)
      }
      _ = ProxyHeader.parse(bytes[..<Int.random(in: 0...bytes.count, using: &random)])
    }
  }
}
