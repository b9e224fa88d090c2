internal import Configuration
internal import MailFlow

/// The classifier's word on mail from outside, for each recipient by everybody's lessons and the account's own.
struct SpamCheck: ContentCheck {
  let test = "bayes"
  let classifier: BayesClassifier

  func applies(to message: JudgedMessage) -> Bool {
    message.configuration.spam.enabled && message.envelope.origin.isFromOutside
      && classifier.hasLearned(message.configuration.spam.minimumLessons)
  }

  func examine(_ message: JudgedMessage) async -> CheckFindings {
    do {
      let tokens = try await Tokenizer.tokens(of: message.content)
      var findings = CheckFindings()
      var known: [String: Opinion] = [:]
      for (index, recipient) in message.envelope.recipients.enumerated() {
        let account = message.configuration.account(of: recipient.address)?.name ?? ""
        let opinion: Opinion
        if let same = known[account] {
          opinion = same
        } else {
          opinion = Self.opinion(try await classifier.classify(tokens, account: account))
          known[account] = opinion
        }
        findings.own[index] = opinion
      }
      return findings
    } catch {
      return .unknown(test, "\(error)")
    }
  }

  private static func opinion(_ said: Classification) -> Opinion {
    guard let probability = said.probability else { return .nothing }
    let percent = Int((probability * 1000).rounded())
    let share = "\(percent / 10).\(percent % 10) %"
    return Opinion(factors: [
      Factor(
        test: "bayes", score: (said.score * 10).rounded() / 10,
        reason: "spam to \(share), by \(said.used) of its \(said.tokens) words and signs and by "
          + "\(said.spamLessons) + \(said.hamLessons) messages that were called spam and not")
    ])
  }
}
