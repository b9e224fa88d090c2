import Platform
import Resolver

extension FakeDNS {
  func text(_ name: String, _ texts: String...) { set(name, .txt, Entry(records: texts.map { .txt($0) })) }

  /// One address, perhaps behind an alias.
  func address(_ name: String, _ address: String = "127.0.0.1", secure: Bool = false, at end: String? = nil) {
    guard let found = IPAddress(address) else { return }
    set(
      name, found.isIPv4 ? .a : .aaaa,
      Entry(records: [.address(found)], isSecure: secure, canonical: end.flatMap { DomainName($0) }))
  }

  func tlsa(_ name: String, _ records: TLSARecord..., port: Int = 25, secure: Bool = true) {
    set("_\(port)._tcp.\(name)", .tlsa, Entry(records: records.map { .tlsa($0) }, isSecure: secure))
  }

  func remove(_ name: String, _ type: DNSRecordType) { set(name, type, Entry()) }
}
