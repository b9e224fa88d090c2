import Platform
import Resolver
import Synchronization

/// Names and records of a test's own.
final class FakeDNS: DNS {
  private struct Entry: Sendable {
    var records: [DNSRecord]
    var isSecure: Bool
    var name: DomainName?
  }

  private struct Key: Hashable { let name: String; let type: DNSRecordType }

  private struct State {
    var entries: [Key: Entry] = [:]
    var failures: [Key: DNSFailure.Kind] = [:]
    var asked: [String] = []
  }

  private let state = Mutex(State())

  /// Questions so far: `TXT _mta-sts.example.net`.
  var asked: [String] { state.withLock { $0.asked } }

  func set(
    _ type: DNSRecordType, _ name: String, _ records: [DNSRecord], secure: Bool = false, at end: String? = nil
  ) {
    state.withLock {
      $0.failures[Key(name: name, type: type)] = nil
      $0.entries[Key(name: name, type: type)] = Entry(
        records: records, isSecure: secure, name: end.flatMap { DomainName($0) })
    }
  }

  func text(_ name: String, _ texts: String...) { set(.txt, name, texts.map { .txt($0) }) }

  func address(_ name: String, _ address: String = "127.0.0.1", secure: Bool = false, at end: String? = nil) {
    let parsed = IPAddress(address)!
    set(parsed.isIPv4 ? .a : .aaaa, name, [.address(parsed)], secure: secure, at: end)
  }

  func fail(_ type: DNSRecordType, _ name: String, _ kind: DNSFailure.Kind = .serverFailure) {
    state.withLock { $0.failures[Key(name: name, type: type)] = kind }
  }

  func remove(_ type: DNSRecordType, _ name: String) {
    state.withLock { $0.entries[Key(name: name, type: type)] = nil }
  }

  func records(_ type: DNSRecordType, of name: DomainName) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    let key = Key(name: name.ascii, type: type)
    let (entry, failure) = state.withLock { state in
      state.asked.append("\(type) \(name)")
      return (state.entries[key], state.failures[key])
    }
    if let failure { throw DNSFailure(kind: failure, name: name, type: type, reason: "\(failure)") }
    guard let entry else { return DNSAnswer(existence: .noSuchName, values: [], name: name, isSecure: false) }
    return DNSAnswer(
      existence: entry.records.isEmpty ? .noData : .records, values: entry.records, name: entry.name ?? name,
      isSecure: entry.isSecure)
  }
}
