@testable import Resolver

extension FuzzTarget {
  /// The data of records as they are on the wire. The first octet chooses the type.
  static let dnsRecords = FuzzTarget(
    "dns-records", covers: ["Resolver/DNSRecord+Wire.swift", "Resolver/DNSRecord+Text.swift"],
    words: [
      "\u{0}\u{a}", "\u{2}mx", "\u{4}mail", "\u{7}example", "\u{3}org", "\u{0}", "\u{3f}", "\u{40}", "\u{5}_dmarc",
      "v=spf1",
    ],
    seeds: [
      "\u{0}\u{0}\u{a}\u{2}mx\u{7}example\u{0}", "\u{1}\u{6}v=spf1\u{4}-all", "\u{2}\u{4}mail\u{7}example\u{3}org\u{0}",
      "\u{3}\u{0}\u{1}\u{0}\u{2}\u{1}\u{5}\u{2}mx\u{0}", "\u{4}\u{3}\u{1}\u{1}abcd", "\u{5}abcd",
      "\u{6}abcdabcdabcdabcd",
      "\u{7}abcd",
    ]
  ) { bytes in
    let types: [DNSRecordType] = [
      .mx, .txt, .ptr, .srv, .tlsa, .a, .aaaa, .cname, .ns, DNSRecordType(rawValue: 999),
    ]
    guard let first = bytes.first else { return }
    let type = types[Int(first) % types.count]
    let data = Array(bytes.dropFirst())
    guard let record = DNSRecord(type, data) else { return }
    let text = record.zoneText
    try require(text.utf8.allSatisfy { (0x20..<0x7f).contains($0) }, "a zone file would have other than ASCII: \(text)")
    switch record {
    case .name(let name):
      try require(name.ascii.utf8.count <= DomainName.longest, "a name is too long")
      try require(name.ascii.utf8.count + (name.isRoot ? 1 : 2) == data.count, "octets were lost")
      try Planted.bug(where: name.labels.count == 3 && name.labels[1] == "x")
    case .mx(let mx):
      try require(data.count == mx.exchange.ascii.utf8.count + (mx.exchange.isRoot ? 3 : 4), "octets were lost")
    case .tlsa(let tlsa): try require(tlsa.data.count + 3 == data.count, "octets were lost")
    default: break
    }
  }

  /// Names as people write them.
  static let dnsNames = FuzzTarget(
    "dns-names", covers: ["Resolver/DomainName.swift"],
    words: [
      "example", ".", "..", "xn--", "xn--mller-kva", "\u{e9}", "m\u{fc}ller", "\u{3002}", "_25._tcp", "*", "-", "\u{0}",
    ],
    seeds: [
      "mail.example.org", "m\u{fc}ller.example.", "_25._tcp.mx.example", "xn--mller-kva.example", ".", "*.example",
    ]
  ) { bytes in
    guard let name = DomainName(String(decoding: bytes, as: UTF8.self)) else { return }
    try require(name.ascii.utf8.allSatisfy { $0 < 0x80 && !(0x41...0x5a).contains($0) }, "no A-labels: \(name.ascii)")
    try require(name.ascii.utf8.count <= DomainName.longest, "a name is too long")
    try require(name.labels.allSatisfy { (1...63).contains($0.utf8.count) }, "a label is too long")
    if !name.isRoot {
      try require(DomainName(name.ascii) == name, "\(name.ascii) is another name when it is read again")
    }
    try Planted.bug(where: name.ascii.hasPrefix("xn--") && name.labels.count == 4)
  }
}
