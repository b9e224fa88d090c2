internal import Synchronization

/// One question on its way, from whoever asks to the resolver's thread and back.
final class Lookup: Sendable {
  typealias Result = Swift.Result<DNSAnswer<DNSRecord>, DNSFailure>

  let name: DomainName
  let type: DNSRecordType
  /// By a clock that nobody sets.
  let deadline: ContinuousClock.Instant

  private enum State: Sendable {
    case new
    case waiting(CheckedContinuation<Result, Never>)
    case finished(Result)
  }

  private let state = Mutex(State.new)

  init(name: DomainName, type: DNSRecordType, deadline: ContinuousClock.Instant) {
    self.name = name
    self.type = type
    self.deadline = deadline
  }

  /// Somebody waits for the answer. It may be there already: a task can be cancelled before it asks.
  func begin(_ continuation: CheckedContinuation<Result, Never>) {
    let early = state.withLock { state -> Result? in
      if case .finished(let result) = state { return result }
      state = .waiting(continuation)
      return nil
    }
    if let early { continuation.resume(returning: early) }
  }

  /// Answers whoever asked. Only the first answer counts.
  func finish(_ result: Result) {
    let waiting = state.withLock { state -> CheckedContinuation<Result, Never>? in
      switch state {
      case .new:
        state = .finished(result)
        return nil
      case .waiting(let continuation):
        state = .finished(result)
        return continuation
      case .finished: return nil
      }
    }
    waiting?.resume(returning: result)
  }

  var isFinished: Bool {
    state.withLock { state in
      if case .finished = state { true } else { false }
    }
  }

  func failure(_ kind: DNSFailure.Kind, _ reason: String) -> DNSFailure {
    DNSFailure(kind: kind, name: name, type: type, reason: reason)
  }
}

extension Lookup: Hashable {
  static func == (a: Lookup, b: Lookup) -> Bool { a === b }
  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
