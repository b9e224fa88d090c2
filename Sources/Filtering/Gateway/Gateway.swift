internal import Configuration
internal import MailFlow
internal import Platform

/// MailFlow's judge: all checks side by side, then the administrator's rules, then a verdict for each recipient.
///
///     checks (budget) ──▶ findings ─┐
///                                   ├─▶ a recipient's verdict: a rule that decides, else the strongest demand, else the sum
///     rules ──▶ verdicts ───────────┘    of the scores
///
/// A rule that rejects, quarantines or discards decides alone. Otherwise the strongest demand of any check counts: reject
/// before come-again before quarantine before Junk. A sum of scores from `spam.junk-score` on means Junk too. What the checks
/// found is in the verdict's factors, whatever decided.
struct GatewayJudge: Judge {
  private let checks: [any ContentCheck]
  private let rules: RuleJudge
  private let greylist: Greylist?
  private let now: @Sendable () -> ContinuousClock.Instant

  /// What is left for rules, planning and the reply when a check is late.
  private static let margin = Duration.milliseconds(500)

  init(
    checks: [any ContentCheck], greylist: Greylist? = nil,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.checks = checks
    self.now = now
    self.greylist = greylist
    rules = RuleJudge(now: now)
  }

  func verdictsAtOnce(_ message: JudgedMessage) -> [Verdict]? {
    guard let verdicts = rules.verdictsAtOnce(message) else { return nil }
    let isOurs = message.envelope.origin == .notification
    return isOurs || !checks.contains(where: { $0.applies(to: message) }) ? verdicts : nil
  }

  func judge(_ message: JudgedMessage) async -> [Verdict] {
    if let verdicts = verdictsAtOnce(message) { return verdicts }
    let findings = await examine(message)
    let verdicts = await rules.judge(message)
    let junkScore = message.configuration.spam.junkScore
    var judged = verdicts.enumerated().map { index, verdict in
      let opinion = findings.map { $0.opinion(index) }.reduce(.nothing, +)
      return Self.verdict(verdict, opinion, junkScore: Double(junkScore))
    }
    guard message.envelope.origin.isFromOutside else { return judged }
    if let greylist { judged = await greylist.apply(judged, message) }
    return judged.map { Explanation.added(to: $0, junkScore: junkScore) }
  }

  /// All checks at once, in their order.
  private func examine(_ message: JudgedMessage) async -> [CheckFindings] {
    let applying = checks.filter { $0.applies(to: message) }
    let deadline = Self.deadline(message.deadline, now())
    if applying.count == 1, let check = applying.first { return [await Self.bounded(check, message, deadline)] }
    return await withTaskGroup(of: (Int, CheckFindings).self) { group in
      for (index, check) in applying.enumerated() {
        group.addTask { (index, await Self.bounded(check, message, deadline)) }
      }
      var findings: [Int: CheckFindings] = [:]
      for await (index, found) in group { findings[index] = found }
      return applying.indices.compactMap { findings[$0] }
    }
  }

  /// Before the message's own deadline, so that what is known by then still counts.
  static func deadline(_ all: ContinuousClock.Instant, _ now: ContinuousClock.Instant) -> ContinuousClock.Instant {
    let left = max(all - now, .zero)
    return now + max(left - margin, left / 2)
  }

  private static func bounded(
    _ check: any ContentCheck, _ message: JudgedMessage, _ deadline: ContinuousClock.Instant
  ) async -> CheckFindings {
    let findings = await before(deadline) { await check.examine(message) }
    return findings ?? .unknown(check.test, "it did not answer in time")
  }

  // MARK: Verdicts

  static func verdict(_ ruled: Verdict, _ opinion: Opinion, junkScore: Double) -> Verdict {
    var factors = ruled.factors + opinion.factors
    switch ruled.action {
    case .reject, .quarantine, .discard: return Verdict(ruled.action, factors: factors)
    case .accept, .tag: break
    }
    var tag = Tag()
    if case .tag(let own) = ruled.action { tag = own }
    tag.fields += opinion.fields
    tag.edits += opinion.edits
    for demand in opinion.demands { if case .tag(let field) = demand { tag.fields.append(field) } }
    let score = opinion.factors.map(\.score).reduce(0, +)
    switch opinion.demands.max(by: { $0.weight < $1.weight }) {
    case .reject(let answer): return Verdict(.reject(answer), factors: factors)
    case .discard(let reason): return Verdict(.discard(reason: reason), factors: factors)
    case .quarantine(let reason): return Verdict(.quarantine(reason: reason), factors: factors)
    case .junk: tag.isJunk = true
    case .tag, nil: break
    }
    if score >= junkScore {
      tag.isJunk = true
      factors.append(Factor(test: "score", reason: "\(rounded(score)) of \(rounded(junkScore)) in all: Junk"))
    }
    return Verdict(tag == Tag() ? .accept : .tag(tag), factors: factors)
  }

  /// A score with at most one digit behind the point.
  static func rounded(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }
}
