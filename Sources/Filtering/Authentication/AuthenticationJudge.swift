internal import Configuration
public import MailFlow
internal import Message

/// A judge before another one: what is known of the sender becomes part of each verdict.
///
/// A refusal for DMARC comes before the other's `accept` and `tag`; what the other decides itself, stays.
public struct AuthenticationJudge: Judge {
  private let other: any Judge

  public init(_ other: any Judge) { self.other = other }

  public func judge(_ message: JudgedMessage) async -> [Verdict] {
    Self.combined(await other.judge(message), message)
  }

  public func verdictsAtOnce(_ message: JudgedMessage) -> [Verdict]? {
    other.verdictsAtOnce(message).map { Self.combined($0, message) }
  }

  static func combined(_ verdicts: [Verdict], _ message: JudgedMessage) -> [Verdict] {
    guard let sender = message.sender, verdicts.count == message.envelope.recipients.count else { return verdicts }
    return zip(verdicts, message.envelope.recipients).map { verdict, recipient in
      var combined = verdict
      combined.factors.insert(Factor(test: "authentication", reason: sender.words), at: 0)
      switch sender.consequence {
      case .none: break
      case .junk(let reason): combined.file(inJunk: reason)
      case .refuse(let answer):
        if let list = keptList(sender, recipient.address, message.configuration) {
          combined.file(inJunk: "the account keeps the list \(list), whose mail would be refused else: \(answer.text)")
        } else {
          combined.refuse(answer)
        }
      }
      return combined
    }
  }

  /// The list of the message, if the recipient keeps it.
  private static func keptList(
    _ sender: SenderFacts, _ address: EmailAddress, _ configuration: Configuration
  ) -> String? {
    guard let list = sender.listID, let account = configuration.account(of: address) else { return nil }
    return account.keptLists.contains(list) ? list : nil
  }
}

extension Verdict {
  fileprivate mutating func file(inJunk reason: String) {
    factors.append(Factor(test: "dmarc", reason: reason))
    switch action {
    case .accept: action = .tag(Tag(isJunk: true))
    case .tag(var tag):
      tag.isJunk = true
      action = .tag(tag)
    case .quarantine, .reject, .discard: break
    }
  }

  fileprivate mutating func refuse(_ answer: Answer) {
    factors.append(Factor(test: "dmarc", reason: answer.text))
    switch action {
    case .accept, .tag: action = .reject(answer)
    case .quarantine, .reject, .discard: break
    }
  }
}
