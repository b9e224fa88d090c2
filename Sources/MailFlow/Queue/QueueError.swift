public import Store

/// Why a recipient could not be changed by hand.
public enum QueueError: Error, Sendable, Hashable, CustomStringConvertible {
  case notThere(RecipientID)
  /// It is in a state from which this cannot be done.
  case wrongState(RecipientID, RecipientState)
  /// It is being sent at this moment.
  case underWay(RecipientID)
  /// Releasing would lead nowhere: the address is nobody's any more, or its mailbox is full.
  case refused(RecipientID, Answer)
  /// The configuration changed while it was being released.
  case tryAgain(RecipientID)

  public var description: String {
    switch self {
    case .notThere(let id): "there is no recipient \(id): see `postroom queue list`"
    case .wrongState(let id, let state): "recipient \(id) is \(state): this cannot be done with it"
    case .underWay(let id): "recipient \(id) is being sent at this moment: try again in a minute"
    case .refused(let id, let answer): "recipient \(id) cannot be released: \(answer.text) (\(answer.enhanced))"
    case .tryAgain(let id): "the configuration changed while \(id) was being released: try again"
    }
  }
}
