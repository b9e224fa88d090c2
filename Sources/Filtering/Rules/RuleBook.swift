internal import Configuration

/// The administrator's rules, ready to be asked. Pure: facts in, decisions out.
struct RuleBook: Sendable {
  /// A rule that holds for the message, with the reasons, before recipients are looked at.
  struct Candidate: Sendable {
    let rule: Configuration.Rule
    let reasons: [String]
  }

  private struct Prepared: Sendable {
    let rule: Configuration.Rule
    let phrases: [[Phrase]]
  }

  private let rules: [Prepared]

  init(_ rules: [Configuration.Rule]) {
    self.rules = rules.map { rule in Prepared(rule: rule, phrases: rule.headers.map { $0.words.map(Phrase.init) }) }
  }

  var isEmpty: Bool { rules.isEmpty }

  /// Names, in lower case, of the header fields that some rule asks about.
  var fieldNames: Set<String> { Set(rules.flatMap { $0.rule.headers.map { $0.field.lowercased() } }) }
  var asksAboutAttachments: Bool {
    rules.contains { !$0.rule.attachmentNames.isEmpty || !$0.rule.attachmentTypes.isEmpty }
  }

  /// The rules whose conditions about the message itself hold, and how many were not tried because time was up.
  func candidates(_ facts: RuleFacts, isLate: () -> Bool) -> (found: [Candidate], untried: Int) {
    var found: [Candidate] = []
    for (index, prepared) in rules.enumerated() {
      if isLate() { return (found, rules.count - index) }
      if let reasons = reasons(prepared, facts) { found.append(Candidate(rule: prepared.rule, reasons: reasons)) }
    }
    return (found, 0)
  }

  /// Whether the conditions about the recipient hold: direction and address.
  static func applies(_ rule: Configuration.Rule, to recipient: RecipientFacts, _ facts: RuleFacts) -> Bool {
    if !rule.directions.isEmpty {
      guard let direction = direction(fromInside: facts.isFromInside, toInside: recipient.isInside),
        rule.directions.contains(direction)
      else { return false }
    }
    return rule.recipients.isEmpty || rule.recipients.contains { recipient.addresses.contains(where: $0.matches) }
  }

  /// `nil`: from a stranger to a stranger, which is never accepted.
  static func direction(fromInside: Bool, toInside: Bool) -> Configuration.Rule.Direction? {
    switch (fromInside, toInside) {
    case (false, true): .incoming
    case (true, false): .outgoing
    case (true, true): .internal
    case (false, false): nil
    }
  }

  /// Why the rule holds for the message, or `nil` if it does not.
  private func reasons(_ prepared: Prepared, _ facts: RuleFacts) -> [String]? {
    let rule = prepared.rule
    var reasons: [String] = []
    if !rule.senders.isEmpty {
      guard let sender = firstMatch(rule.senders, facts.senders) else { return nil }
      reasons.append("sender \(sender)")
    }
    if let limit = rule.largerThan {
      guard facts.size > limit else { return nil }
      reasons.append("\(facts.size) bytes, more than \(limit)")
    }
    for (condition, phrases) in zip(rule.headers, prepared.phrases) {
      guard let word = firstWord(condition, phrases, facts) else { return nil }
      reasons.append("\(condition.field) has \"\(word)\"")
    }
    if !rule.attachmentNames.isEmpty {
      guard let name = firstMatch(rule.attachmentNames, facts.attachmentNames) else { return nil }
      reasons.append("attachment \"\(name)\"")
    }
    if !rule.attachmentTypes.isEmpty {
      guard let type = firstMatch(rule.attachmentTypes, facts.attachmentTypes) else { return nil }
      reasons.append("part of type \(type)")
    }
    return reasons
  }

  private func firstMatch(_ patterns: [Configuration.Pattern], _ texts: [String]) -> String? {
    texts.first { text in patterns.contains { $0.matches(text) } }
  }

  private func firstWord(
    _ condition: Configuration.Rule.HeaderCondition, _ phrases: [Phrase], _ facts: RuleFacts
  ) -> String? {
    guard let texts = facts.fields[condition.field.lowercased()] else { return nil }
    for (word, phrase) in zip(condition.words, phrases) where texts.contains(where: { phrase.isFound(in: $0) }) {
      return word
    }
    return nil
  }
}
