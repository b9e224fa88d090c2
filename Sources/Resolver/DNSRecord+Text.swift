internal import Platform

extension DNSRecord {
  /// The record's data as a zone file has it (RFC 1035 §5.1), names with their last dot.
  public var zoneText: String {
    switch self {
    case .address(let address): "\(address)"
    case .name(let name): name.zoneText
    case .mx(let record): "\(record.preference) \(record.exchange.zoneText)"
    case .txt(let text): Self.quoted(text)
    case .srv(let record): "\(record.priority) \(record.weight) \(record.port) \(record.target.zoneText)"
    case .tlsa(let record): "\(record)"
    // RFC 3597 §5.
    case .other(let bytes): "\\# \(bytes.count) \(bytes.hexadecimal)"
    }
  }

  /// Character-strings of at most 255 octets, each in quotes.
  private static func quoted(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let starts = Array(stride(from: 0, to: max(bytes.count, 1), by: 255))
    return starts.map { start in
      let piece = bytes[start..<min(start + 255, bytes.count)]
      return "\"" + piece.map(escaped).joined() + "\""
    }.joined(separator: " ")
  }

  private static func escaped(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
    case 0x20..<0x7f: String(UnicodeScalar(byte))
    default: "\\" + String(repeating: "0", count: 3 - "\(byte)".count) + "\(byte)"
    }
  }
}

extension DomainName {
  /// With the last dot, as a zone file has it.
  public var zoneText: String { ascii + "." }
}
