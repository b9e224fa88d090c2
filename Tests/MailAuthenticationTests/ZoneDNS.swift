import Platform
import Resolver
import Synchronization

/// A DNS out of a table: what is not in it does not exist.
final class ZoneDNS: DNS {
  private struct State {
    var records: [String: [DNSRecordType: [DNSRecord]]] = [:]
    var failing: [String: Set<DNSRecordType>] = [:]
    var failingAlways: Set<String> = []
    var asked: [String] = []
  }

  private let state = Mutex(State())

  var asked: [String] { state.withLock { $0.asked } }

  @discardableResult func txt(_ name: String, _ texts: String...) -> ZoneDNS {
    add(name, .txt, texts.map { .txt($0) })
    return self
  }

  func host(_ name: String, _ addresses: String...) {
    for address in addresses.compactMap({ IPAddress($0) }) {
      add(name, address.isIPv4 ? .a : .aaaa, [.address(address)])
    }
  }

  func mx(_ name: String, _ hosts: String...) {
    add(
      name, .mx,
      hosts.map { .mx(MXRecord(preference: 10, exchange: $0 == "." ? .root : DomainName(octets: Array($0.utf8))!)) })
  }

  func ptr(_ address: String, _ names: String...) {
    add(
      "\(DomainName.reverse(of: IPAddress(address)!))", .ptr,
      names.compactMap { DomainName(octets: Array($0.utf8)) }.map { .name($0) })
  }

  func add(_ name: String, _ type: DNSRecordType, _ records: [DNSRecord]) {
    state.withLock { $0.records[name.lowercased(), default: [:]][type, default: []] += records }
  }

  func fail(_ name: String, _ type: DNSRecordType? = nil) {
    state.withLock { state in
      if let type { state.failing[name.lowercased(), default: []].insert(type) }
      if type == nil { state.failingAlways.insert(name.lowercased()) }
    }
  }

  func records(_ type: DNSRecordType, of name: DomainName) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    let (found, fails) = state.withLock { state -> ([DNSRecordType: [DNSRecord]]?, Bool) in
      state.asked.append("\(type) \(name)")
      let found = state.records[name.ascii]
      let fails =
        state.failing[name.ascii]?.contains(type) ?? false
        || (state.failingAlways.contains(name.ascii) && found?[type] == nil)
      return (found, fails)
    }
    if fails { throw DNSFailure(kind: .timedOut, name: name, type: type, reason: "it is told to") }
    if found?[type] == nil, case .name(let alias)? = found?[.cname]?.first { return try await records(type, of: alias) }
    let values = found?[type] ?? []
    return DNSAnswer(
      existence: values.isEmpty ? (found == nil ? .noSuchName : .noData) : .records, values: values, name: name,
      isSecure: false, timeToLive: .seconds(60))
  }
}

/// Text as a message has it: lines end in CRLF.
func mail(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }
