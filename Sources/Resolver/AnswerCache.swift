internal import Synchronization

/// Answers kept for as long as they hold, before a resolver: asking its thread takes longer than all else that is done to
/// a small message.
///
/// Failures are not kept. What libunbound keeps itself is larger and lives longer; this is for what many messages of the
/// same minutes ask.
public final class AnswerCache: DNS, Sendable {
  private struct Question: Hashable {
    var name: DomainName
    var type: DNSRecordType
  }

  private struct Entry {
    var answer: DNSAnswer<DNSRecord>
    var until: ContinuousClock.Instant
  }

  private let dns: any DNS
  private let limit: Int
  private let longest: Duration
  private let now: @Sendable () -> ContinuousClock.Instant
  private let entries = Mutex<[Question: Entry]>([:])

  /// - Parameters:
  ///   - limit: answers at a time.
  ///   - longest: how long one is kept at most, whatever its time to live.
  public init(
    _ dns: any DNS, limit: Int = 4096, longest: Duration = .seconds(300),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.dns = dns
    self.limit = limit
    self.longest = longest
    self.now = now
  }

  public func records(
    _ type: DNSRecordType, of name: DomainName
  ) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    let question = Question(name: name, type: type)
    let time = now()
    if let known = entries.withLock({ $0[question] }), known.until > time { return known.answer }
    let answer = try await dns.records(type, of: name)
    guard answer.timeToLive > .zero, Self.size(answer) <= Self.largest else { return answer }
    let entry = Entry(answer: answer, until: time + min(answer.timeToLive, longest))
    entries.withLock { entries in
      if entries.count >= limit { entries = entries.filter { $0.value.until > time } }
      // Full of what still holds: begun anew rather than sorted.
      if entries.count >= limit { entries = [:] }
      entries[question] = entry
    }
    return answer
  }

  /// Octets of texts in an answer that is kept; strangers publish megabytes.
  private static let largest = 8 << 10

  private static func size(_ answer: DNSAnswer<DNSRecord>) -> Int {
    answer.values.reduce(0) { sum, record in
      switch record {
      case .txt(let text): sum + text.utf8.count
      case .other(let bytes): sum + bytes.count
      default: sum + 32
      }
    }
  }
}
