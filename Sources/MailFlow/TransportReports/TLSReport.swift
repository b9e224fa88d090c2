public import Platform
internal import Store

/// What TLS with one domain came to on one day, in the terms of RFC 8460 §4.4: encoded, it is the report's JSON.
public struct TLSReport: Codable, Sendable, Hashable {
  public struct DateRange: Codable, Sendable, Hashable {
    public var start: String
    public var end: String

    enum CodingKeys: String, CodingKey {
      case start = "start-datetime"
      case end = "end-datetime"
    }
  }

  public struct PolicyDescription: Codable, Sendable, Hashable {
    /// `tlsa`, `sts` or `no-policy-found`.
    public var type: String
    public var string: [String]?
    public var domain: String
    public var hosts: [String]?

    enum CodingKeys: String, CodingKey {
      case type = "policy-type"
      case string = "policy-string"
      case domain = "policy-domain"
      case hosts = "mx-host"
    }
  }

  public struct Summary: Codable, Sendable, Hashable {
    public var successes: Int
    public var failures: Int

    enum CodingKeys: String, CodingKey {
      case successes = "total-successful-session-count"
      case failures = "total-failure-session-count"
    }
  }

  public struct FailureDetail: Codable, Sendable, Hashable {
    public var result: String
    public var host: String?
    public var helo: String?
    public var address: String?
    public var sessions: Int
    public var reason: String?

    enum CodingKeys: String, CodingKey {
      case result = "result-type"
      case host = "receiving-mx-hostname"
      case helo = "receiving-mx-helo"
      case address = "receiving-ip"
      case sessions = "failed-session-count"
      case reason = "failure-reason-code"
    }
  }

  public struct Policy: Codable, Sendable, Hashable {
    public var policy: PolicyDescription
    public var summary: Summary
    public var failures: [FailureDetail]

    enum CodingKeys: String, CodingKey {
      case policy, summary
      case failures = "failure-details"
    }
  }

  public var organization: String
  public var range: DateRange
  /// Whom to ask.
  public var contact: String
  public var id: String
  public var policies: [Policy]

  enum CodingKeys: String, CodingKey {
    case organization = "organization-name"
    case range = "date-range"
    case contact = "contact-info"
    case id = "report-id"
    case policies
  }

  /// - Parameters:
  ///   - counts: of one domain and one day; at least one.
  ///   - hostname: of this appliance, which is the reporting organization.
  init?(_ counts: [TLSSessionCount], hostname: String, contact: String) {
    guard let first = counts.first else { return nil }
    let start = Moment(seconds: Int64(first.day) * 86_400)
    organization = hostname
    range = DateRange(start: "\(start)", end: "\(start + .seconds(86_399))")
    self.contact = contact
    id = "\(range.start.prefix(10))_\(first.domain)@\(hostname)"
    var policies: [Policy] = []
    for count in counts {
      let description = PolicyDescription(count)
      let index: Int
      if let known = policies.firstIndex(where: { $0.policy == description }) {
        index = known
      } else {
        index = policies.count
        policies.append(Policy(policy: description, summary: Summary(successes: 0, failures: 0), failures: []))
      }
      if count.result.isEmpty {
        policies[index].summary.successes += count.sessions
      } else {
        policies[index].summary.failures += count.sessions
        policies[index].failures.append(FailureDetail(count))
      }
    }
    self.policies = policies
  }
}

extension TLSReport.PolicyDescription {
  init(_ count: TLSSessionCount) {
    let lines = count.policy.split(separator: "\n").map(String.init)
    type = count.policyType
    string = lines.isEmpty ? nil : lines
    domain = count.domain
    let named = lines.filter { $0.hasPrefix("mx: ") }.map { String($0.dropFirst(4)) }
    hosts = type == "sts" && !named.isEmpty ? named : nil
  }
}

extension TLSReport.FailureDetail {
  init(_ count: TLSSessionCount) {
    func given(_ text: String) -> String? { text.isEmpty ? nil : text }
    result = count.result
    host = given(count.host)
    helo = given(count.helo)
    address = given(count.address)
    sessions = count.sessions
    reason = given(count.reason)
  }
}

extension TLSReport {
  /// For a person.
  public var text: String {
    var lines = ["\(range.start.prefix(10))  \(policies.first?.policy.domain ?? "?")"]
    for entry in policies {
      let summary = entry.summary
      lines.append(
        "  \(entry.policy.type): \(summary.successes) sessions succeeded, \(summary.failures) failed")
      for failure in entry.failures {
        var line = "    \(failure.sessions) × \(failure.result)"
        if let host = failure.host { line += " at \(host)" }
        if let address = failure.address { line += " [\(address)]" }
        if let reason = failure.reason { line += ": \(reason)" }
        lines.append(line)
      }
    }
    return lines.joined(separator: "\n")
  }
}

extension MailFlow {
  /// What TLS with other domains came to, by day and domain.
  ///
  /// - Parameters:
  ///   - days: from and until, in UTC; whole days.
  ///   - domain: `nil` for all.
  public func tlsReports(from: Moment, until: Moment, domain: String?) async throws -> [TLSReport] {
    let (first, last) = (TLSSessionCount.day(of: from), TLSSessionCount.day(of: until))
    guard first <= last else { return [] }
    let counts = try await store.read { try $0.tlsSessions(days: first...last, domain: domain?.lowercased()) }
    let configuration = configuration()
    let owner = configuration.domains.first?.name ?? configuration.hostname
    var groups: [[TLSSessionCount]] = []
    for count in counts {
      if let last = groups.last?.last, last.day == count.day, last.domain == count.domain {
        groups[groups.count - 1].append(count)
      } else {
        groups.append([count])
      }
    }
    return groups.compactMap { TLSReport($0, hostname: configuration.hostname, contact: "postmaster@\(owner)") }
  }
}
