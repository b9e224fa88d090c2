internal import Message
internal import Metrics
public import Store

extension MailFlow {
  /// Traces mail that was refused before it was accepted: lazily, a few rows a minute and peer, the rest counted.
  ///
  /// Bytes of strangers may come as they are; they are made displayable here. Subjects are left out where the
  /// configuration keeps none.
  public func refused(_ refusal: Refusal) {
    var refusal = refusal
    refusal.helo = refusal.helo.map { displayable($0, limit: 255) }
    refusal.sender = refusal.sender.map { displayable($0, limit: 500) }
    refusal.recipient = refusal.recipient.map { displayable($0, limit: 500) }
    refusal.messageID = refusal.messageID.map { displayable($0, limit: 998) }
    refusal.subject = configuration().trace.subjects ? refusal.subject.map { displayable($0, limit: 500) } : nil
    refusal.words = displayable(refusal.words, limit: 2000)
    refusals.add(refusal)
  }

  /// For an orderly end, after the sessions and before the store is closed: refusals that are still being counted go
  /// into the trace, and whatever is under way makes nobody a suspect.
  public func finish() {
    refusals.sweep(all: true)
    crashes.slots?.clear()
  }

  func measure(_ acceptance: Acceptance, _ envelope: Envelope) {
    let outcome =
      switch acceptance {
      case .accepted: "accepted"
      case .refused(let answer): answer.isTransient ? "deferred" : "rejected"
      case .unknown: "unknown"
      }
    Counter(
      label: "postroom_messages_total", dimensions: [("origin", envelope.origin.name), ("outcome", outcome)]
    ).increment()
  }
}
