internal import Configuration
public import MailFlow
internal import Platform

/// MailFlow's judge: asks the administrator's rules about each recipient of a message.
///
/// It only reads, holds nothing between messages, and takes the rules from the configuration that came with the
/// message, so a reload needs nothing here. One value serves all sessions.
public struct RuleJudge: Judge {
  private let now: @Sendable () -> ContinuousClock.Instant

  /// - Parameter now: the clock against which a message's deadline is held.
  public init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

  public func judge(_ message: JudgedMessage) async -> [Verdict] {
    if let verdicts = verdictsAtOnce(message) { return verdicts }
    let book = RuleBook(message.configuration.rules)
    let recipients = message.envelope.recipients
    let isLate = { now() >= message.deadline || Task.isCancelled }
    guard !isLate() else { return recipients.map { _ in Self.late(message.configuration.rules.count) } }
    let facts = RuleFacts(message, for: book)
    let (candidates, untried) = book.candidates(facts, isLate: isLate)
    return recipients.map { recipient in
      let about = RecipientFacts(recipient.address, message.configuration)
      let applying = candidates.filter { RuleBook.applies($0.rule, to: about, facts) }
      return Self.verdict(applying, untried: untried)
    }
  }

  /// What the appliance writes itself is not filtered: a notification that waits in quarantine tells nobody anything.
  public func verdictsAtOnce(_ message: JudgedMessage) -> [Verdict]? {
    plantedTrap(.filter, in: message.header.bytes)
    guard message.configuration.rules.isEmpty || message.envelope.origin == .notification else { return nil }
    return message.envelope.recipients.map { _ in .accept }
  }

  private static func late(_ untried: Int) -> Verdict { verdict([], untried: untried) }

  /// Puts the rules that hold for one recipient together: tags add up until the first rule that decides.
  static func verdict(_ candidates: [RuleBook.Candidate], untried: Int) -> Verdict {
    var factors: [Factor] = []
    var tag: Tag?
    for candidate in candidates {
      let rule = candidate.rule
      factors.append(factor(candidate))
      switch rule.action {
      case .tag: tag = (tag ?? Tag()).adding(rule)
      case .reject: return Verdict(.reject(refusal(rule)), factors: factors)
      case .quarantine: return Verdict(.quarantine(reason: reason(rule)), factors: factors)
      case .discard: return Verdict(.discard(reason: reason(rule)), factors: factors)
      }
    }
    // A rule that was not tried might have decided otherwise; after a decision above it could not have.
    if untried > 0 {
      let words = untried == 1 ? "1 rule was" : "\(untried) rules were"
      factors.append(Factor(test: "deadline", reason: "\(words) not tried in time and count as unknown"))
    }
    return Verdict(tag.map(Verdict.Action.tag) ?? .accept, factors: factors)
  }

  private static func factor(_ candidate: RuleBook.Candidate) -> Factor {
    let reasons = candidate.reasons.isEmpty ? ["it names no condition about the message"] : candidate.reasons
    return Factor(
      test: "rule \(candidate.rule.name)",
      reason: "\(candidate.rule.action.rawValue): "
        + reasons.map { String($0.prefix(200)) }.joined(separator: "; "))
  }

  private static func reason(_ rule: Configuration.Rule) -> String {
    rule.text.isEmpty ? "rule \(rule.name)" : "rule \(rule.name): \(rule.text)"
  }

  /// 550 5.7.1: delivery not authorised, message refused (RFC 3463 §3.8, X.7.1).
  private static func refusal(_ rule: Configuration.Rule) -> Answer {
    Answer(550, "5.7.1", asciiLine(rule.text.isEmpty ? "The message is refused by a rule of this site" : rule.text))
  }

  /// A reply is ASCII unless the client asked for SMTPUTF8 (RFC 5321 §4.2): other characters become `?`.
  static func asciiLine(_ text: String) -> String {
    String(text.prefix(400).map { $0.isASCII && $0 >= " " && $0 != "\u{7f}" ? $0 : $0.isWhitespace ? " " : "?" })
  }
}

extension Tag {
  /// The mark of one more rule: its words before the subject, its name in a field of its own.
  fileprivate func adding(_ rule: Configuration.Rule) -> Tag {
    var tag = self
    tag.fields.append(Field("X-Postroom-Rule", RuleJudge.asciiLine(rule.name)))
    if !rule.text.isEmpty {
      tag.subjectPrefix = [tag.subjectPrefix, rule.text].compactMap { $0 }.joined(separator: " ")
    }
    return tag
  }
}
