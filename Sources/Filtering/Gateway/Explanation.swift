internal import MailFlow

/// What was found, as fields of the message itself: whoever has it can see why it is where it is.
enum Explanation {
  /// Fields of one message at most.
  private static let limit = 40

  /// The verdict with `X-Postroom-Score` and an `X-Postroom-Factor` for each factor, where the message goes on.
  static func added(to verdict: Verdict, junkScore: Int) -> Verdict {
    guard !verdict.factors.isEmpty else { return verdict }
    var tag: Tag
    switch verdict.action {
    case .accept: tag = Tag()
    case .tag(let own): tag = own
    case .reject, .quarantine, .discard: return verdict
    }
    let score = verdict.factors.map(\.score).reduce(0, +)
    tag.fields.append(Tag.Field(Tag.scoreField, "\(GatewayJudge.rounded(score)) of \(junkScore)"))
    for factor in verdict.factors.prefix(limit) {
      let text = "\(factor.test); score=\(GatewayJudge.rounded(factor.score)); \(factor.reason)"
      tag.fields.append(Tag.Field(Tag.factorField, RuleJudge.asciiLine(text)))
    }
    return Verdict(.tag(tag), factors: verdict.factors)
  }
}
