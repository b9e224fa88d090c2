internal import Configuration
internal import MailAuthentication
public import MailFlow
internal import Message
public import Platform
public import Resolver

/// MailFlow's sender check: SPF, DKIM, DMARC, ARC and iprev of mail from outside, and what follows from them.
///
/// One value serves all sessions. Whatever the DNS does, it ends within ``budget``: what was not found out by then is an
/// error in the results, and nobody is refused for it.
public struct SenderAuthentication: SenderCheck {
  /// How long looking up may take; less where the message's own deadline is nearer.
  static let budget = Duration.seconds(12)
  /// What is left to the filters and the plan of the message's time.
  private static let rest = Duration.seconds(3)
  private static let piece = 64 << 10

  private let dns: any DNS
  private let clock: Clock
  private let keys = VerifyingKeyCache()

  public init(dns: any DNS, clock: Clock = .system) {
    self.dns = AnswerCache(dns)
    self.clock = clock
  }

  public func check(_ message: JudgedMessage) async -> SenderFacts? {
    let configuration = message.configuration
    guard configuration.authentication.incoming != .off else { return nil }
    let authenticator = MessageAuthenticator(
      dns: dns, receiver: configuration.hostname, keys: keys, clock: clock)
    let client = message.envelope.peer.address.map {
      MessageAuthenticator.Client(
        address: $0, helo: message.envelope.peer.helo, sender: message.envelope.reversePath?.description ?? "")
    }
    let (header, body) = (message.content.header, message.content.body)
    let task = Task {
      try? await authenticator.report(on: header, client: client) { try await body.bytes(from: $0, count: Self.piece) }
    }
    let end = min(ContinuousClock.now + Self.budget, message.deadline - Self.rest)
    let timer = Task {
      try? await Task.sleep(until: end, clock: .continuous)
      // Look-ups end at once then, and the report is made of what is there.
      task.cancel()
    }
    defer { timer.cancel() }
    guard let report = await task.value else { return nil }
    return Self.facts(report, header, configuration)
  }

  static func facts(
    _ report: AuthenticationReport, _ header: HeaderSection, _ configuration: Configuration
  ) -> SenderFacts {
    let results = report.results(authority: configuration.hostname)
    return SenderFacts(
      fields: results.field, words: results.entries.map { "\($0.method)=\($0.result)" }.joined(separator: " "),
      isSenderProven: isProven(report),
      consequence: configuration.authentication.incoming == .enforce
        ? consequence(report, trusted: configuration.authentication.trustedSealers) : .none,
      listID: header.first("List-Id").flatMap { listID($0.unfolded) }, evidence: report)
  }

  /// Whether the reverse-path is its owner's: by SPF, or by a signature of that very domain.
  private static func isProven(_ report: AuthenticationReport) -> Bool {
    guard let spf = report.spf, spf.identity == .mailfrom else { return false }
    if spf.result == .pass { return true }
    guard let domain = DomainName(spf.domain) else { return false }
    return report.dkim.contains { signature in
      signature.result == .pass
        && signature.domain.flatMap { DomainName($0) }.map { PublicSuffixList.installed.areOneOwners($0, domain) }
          ?? false
    }
  }

  static func consequence(_ report: AuthenticationReport, trusted: Set<String>) -> SenderFacts.Consequence {
    switch report.author {
    // RFC 7489 §6.6.1: nobody could say whose policy holds.
    case .missing: return .refuse(Answer(550, "5.7.1", "The message has no author (From)"))
    case .several: return .refuse(Answer(550, "5.7.1", "The message has several authors, or several From fields"))
    case .unknown, .domain: break
    }
    let domain = report.dmarc.domain ?? ""
    switch report.dmarc.disposition {
    case .none: return .none
    case _ where report.arc.provesDMARC(trusted: trusted): return .none
    case .quarantine:
      return .junk("\(domain) asks for that with mail that is not proven to be its own (DMARC)")
    case .reject:
      return .refuse(Answer(550, "5.7.1", "\(domain) asks to refuse mail that is not proven to be its own (DMARC)"))
    }
  }

  /// RFC 2919 §3: what stands between the last brackets, or the whole.
  static func listID(_ value: [UInt8]) -> String? {
    var id = value[...]
    if let end = id.lastIndex(of: UInt8(ascii: ">")), let start = id[..<end].lastIndex(of: UInt8(ascii: "<")) {
      id = id[(start + 1)..<end]
    }
    let text = String(decoding: id, as: UTF8.self).lowercased()
    return text.isEmpty ? nil : text
  }
}
