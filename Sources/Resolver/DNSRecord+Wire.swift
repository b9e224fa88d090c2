internal import Platform

extension DNSRecord {
  /// Reads a record's data as it is on the wire, names without compression. `nil`: it is malformed, or a name in it has
  /// characters that no name in mail has.
  init?(_ type: DNSRecordType, _ data: [UInt8]) {
    var reader = WireReader(data)
    guard let record = Self.read(type, data, &reader) else { return nil }
    self = record
  }

  private static func read(_ type: DNSRecordType, _ data: [UInt8], _ reader: inout WireReader) -> DNSRecord? {
    switch type {
    case .a: data.count == 4 ? IPAddress(bytes: data).map { .address($0) } : nil
    case .aaaa: data.count == 16 ? IPAddress(bytes: data).map { .address($0) } : nil
    case .cname, .ptr, .ns: reader.lastName().map { .name($0) }
    case .mx: mx(&reader)
    case .txt: reader.strings().map { .txt(String(decoding: $0, as: UTF8.self)) }
    case .srv: srv(&reader)
    case .tlsa: tlsa(&reader)
    default: .other(data)
    }
  }

  /// RFC 1035 §3.3.9.
  private static func mx(_ reader: inout WireReader) -> DNSRecord? {
    guard let preference = reader.number(), let exchange = reader.lastName() else { return nil }
    return .mx(MXRecord(preference: preference, exchange: exchange))
  }

  /// RFC 2782.
  private static func srv(_ reader: inout WireReader) -> DNSRecord? {
    guard let priority = reader.number(), let weight = reader.number(), let port = reader.number(),
      let target = reader.lastName()
    else { return nil }
    return .srv(SRVRecord(priority: priority, weight: weight, port: port, target: target))
  }

  /// RFC 6698 §2.1.
  private static func tlsa(_ reader: inout WireReader) -> DNSRecord? {
    guard let usage = reader.byte(), let selector = reader.byte(), let matching = reader.byte(), !reader.rest.isEmpty
    else { return nil }
    return .tlsa(TLSARecord(usage: usage, selector: selector, matchingType: matching, data: Array(reader.rest)))
  }
}

/// Reads a record's data from its beginning. Total: whatever the bytes are, it gives a value or `nil`.
struct WireReader {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func byte() -> UInt8? { rest.popFirst() }

  /// 16 bits, the higher ones first.
  mutating func number() -> UInt16? {
    guard rest.count >= 2, let high = byte(), let low = byte() else { return nil }
    return UInt16(high) << 8 | UInt16(low)
  }

  mutating func bytes(_ count: Int) -> [UInt8]? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// A name that must be all that is left.
  mutating func lastName() -> DomainName? {
    var labels: [[UInt8]] = []
    // Lengths above 63 are pointers or nothing at all (RFC 1035 §4.1.4); a label's own limit finds them.
    while let length = byte() {
      if length == 0 { return rest.isEmpty ? DomainName(labels: labels) : nil }
      guard length <= DomainName.longestLabel, let label = bytes(Int(length)) else { return nil }
      labels.append(label)
    }
    return nil
  }

  /// Character-strings up to the end, joined (RFC 1035 §3.3.14).
  mutating func strings() -> [UInt8]? {
    var all: [UInt8] = []
    while let length = byte() {
      guard let string = bytes(Int(length)) else { return nil }
      all += string
    }
    return all
  }
}
