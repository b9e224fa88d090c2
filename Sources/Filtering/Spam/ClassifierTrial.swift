/// The classifier without a store, for measuring how well it tells mail apart.
package struct ClassifierTrial {
  private var counts = CountTable(expecting: 1 << 18)

  package init() {}

  package mutating func learn(_ message: MessageTokens, isSpam: Bool) {
    counts.add(message.tokens, isSpam: isSpam, times: 1)
  }

  /// More is more spam: the indicator from 0 to 1, and what orders messages of equal certainty.
  package func rank(_ message: MessageTokens) -> Double { evidence(message).rank }

  /// What it would add to the message's score.
  package func score(_ message: MessageTokens) -> Double { evidence(message).score }

  private func evidence(_ message: MessageTokens) -> Evidence {
    Evidence(Evidence.probabilities(message.tokens, counts))
  }
}
