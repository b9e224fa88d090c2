internal import Platform

/// The header that a proxy puts before a connection to tell whose it is: HAProxy's PROXY protocol, versions 1 and 2.
///
/// A pure machine: fed bytes, it says how many more it needs, what it found, or why the header is no good.
public struct ProxyHeader: Hashable, Sendable {
  /// The client and the address that it connected to; `nil` if the proxy speaks for itself (LOCAL, UNKNOWN).
  public var source: PeerAddress?
  public var destination: PeerAddress?
  /// Bytes of the header.
  public var length: Int

  public enum Outcome: Hashable, Sendable {
    /// At least so many more bytes are needed.
    case needs(Int)
    case header(ProxyHeader)
    case invalid(String)
  }

  /// The longest header that is read: version 1 has at most 107 bytes; of version 2 more than this is refused.
  public static let longest = 16 + 2048

  private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]

  /// Looks at the beginning of a connection.
  public static func parse(_ bytes: some RandomAccessCollection<UInt8>) -> Outcome {
    let bytes = Array(bytes.prefix(longest))
    // The first byte tells the version; the shortest line of version 1 has less than a header of version 2.
    guard let first = bytes.first else { return .needs(1) }
    return first == UInt8(ascii: "P") ? parseText(bytes) : parseBinary(bytes)
  }

  // MARK: Version 1

  /// The longest line of version 1, with its CRLF.
  private static let longestText = 107

  private static func parseText(_ bytes: [UInt8]) -> Outcome {
    let start = Array("PROXY ".utf8)
    guard zip(bytes, start).allSatisfy({ $0 == $1 }) else { return .invalid("no PROXY header") }
    guard let end = bytes.prefix(longestText).firstIndex(of: 0x0a) else {
      // Not a byte more than the line has may be read: what follows belongs to the session. Its length is unknown.
      return bytes.count < longestText ? .needs(1) : .invalid("the PROXY line is too long")
    }
    guard end >= start.count, bytes[end - 1] == 0x0d else { return .invalid("the PROXY line does not end in CRLF") }
    let words = bytes[start.count..<(end - 1)].split(separator: 0x20, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    let length = end + 1
    if words.first == "UNKNOWN" { return .header(ProxyHeader(source: nil, destination: nil, length: length)) }
    guard words.count == 5, words[0] == "TCP4" || words[0] == "TCP6", let source = IPAddress(words[1]),
      let destination = IPAddress(words[2]), let sourcePort = port(words[3]), let destinationPort = port(words[4]),
      words[0] == "TCP6" || (source.isIPv4 && destination.isIPv4)
    else { return .invalid("the PROXY line has no valid addresses") }
    return .header(
      ProxyHeader(
        source: PeerAddress(address: source, port: sourcePort),
        destination: PeerAddress(address: destination, port: destinationPort), length: length))
  }

  private static func port(_ text: String) -> Int? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text),
      port <= 65535
    else { return nil }
    return port
  }

  // MARK: Version 2

  private static func parseBinary(_ bytes: [UInt8]) -> Outcome {
    guard zip(bytes, signature).allSatisfy({ $0 == $1 }) else { return .invalid("no PROXY header") }
    guard bytes.count >= 16 else { return .needs(16 - bytes.count) }
    guard bytes[12] >> 4 == 2 else { return .invalid("the PROXY header has an unknown version") }
    let length = 16 + Int(bytes[14]) << 8 + Int(bytes[15])
    guard length <= longest else { return .invalid("the PROXY header is too long") }
    guard bytes.count >= length else { return .needs(length - bytes.count) }
    let own = ProxyHeader(source: nil, destination: nil, length: length)
    switch bytes[12] & 0x0f {
    case 0: return .header(own)
    case 1: break
    default: return .invalid("the PROXY header has an unknown command")
    }
    let body = bytes[16..<length]
    switch bytes[13] {
    case 0x11: return addresses(body, width: 4, length)
    case 0x21: return addresses(body, width: 16, length)
    // AF_UNSPEC, AF_UNIX, datagrams: "the receiver should ignore" the address information.
    default: return .header(own)
    }
  }

  private static func addresses(_ body: ArraySlice<UInt8>, width: Int, _ length: Int) -> Outcome {
    let bytes = Array(body)
    guard bytes.count >= width * 2 + 4, let source = IPAddress(bytes: Array(bytes[..<width])),
      let destination = IPAddress(bytes: Array(bytes[width..<(width * 2)]))
    else { return .invalid("the PROXY header is too short for its addresses") }
    let ports = bytes[(width * 2)...].map { Int($0) }
    return .header(
      ProxyHeader(
        source: PeerAddress(address: source, port: ports[0] << 8 | ports[1]),
        destination: PeerAddress(address: destination, port: ports[2] << 8 | ports[3]), length: length))
  }
}
