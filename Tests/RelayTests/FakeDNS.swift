import Platform
import Resolver
import Synchronization

/// A DNS out of a table: what is not in it does not exist.
final class FakeDNS: DNS {
  struct Entry: Sendable {
    var records: [DNSRecord] = []
    var isSecure = false
    var failure: DNSFailure.Kind?
    /// What the name is an alias of.
    var canonical: DomainName?
  }

  private struct Key: Hashable {
    var name: DomainName
    var type: DNSRecordType
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var asked: [String] = []
  }

  private let state = Mutex(State())

  /// What was asked, as `MX far.example`.
  var asked: [String] { state.withLock { $0.asked } }

  func set(_ name: String, _ type: DNSRecordType, _ entry: Entry) {
    guard let name = DomainName(name) else { return }
    state.withLock { $0.entries[Key(name: name, type: type)] = entry }
  }

  /// `mx("far.example", (10, "mx1.far.example"), …)`.
  func mx(_ name: String, _ records: (Int, String)..., secure: Bool = false) {
    let values = records.compactMap { preference, exchange in
      DomainName(exchange).map { DNSRecord.mx(MXRecord(preference: UInt16(preference), exchange: $0)) }
    }
    set(name, .mx, Entry(records: values, isSecure: secure))
  }

  /// Addresses of both kinds.
  func host(_ name: String, _ addresses: String..., secure: Bool = false) {
    let found = addresses.compactMap { IPAddress($0) }
    let (four, six) = (found.filter(\.isIPv4), found.filter { !$0.isIPv4 })
    set(name, .a, Entry(records: four.map { .address($0) }, isSecure: secure))
    set(name, .aaaa, Entry(records: six.map { .address($0) }, isSecure: secure))
  }

  func fail(_ name: String, _ type: DNSRecordType, _ kind: DNSFailure.Kind = .serverFailure) {
    set(name, type, Entry(failure: kind))
  }

  func records(_ type: DNSRecordType, of name: DomainName) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    let (entry, exists) = state.withLock { state in
      state.asked.append("\(type) \(name)")
      return (
        state.entries[Key(name: name, type: type)],
        state.entries.keys.contains { $0.name.isWithin(name) }
      )
    }
    if let kind = entry?.failure { throw DNSFailure(kind: kind, name: name, type: type, reason: "it is told to") }
    guard let entry else {
      return DNSAnswer(existence: exists ? .noData : .noSuchName, values: [], name: name, isSecure: false)
    }
    return DNSAnswer(
      existence: entry.records.isEmpty ? .noData : .records, values: entry.records, name: entry.canonical ?? name,
      isSecure: entry.isSecure)
  }
}
