internal import Synchronization

/// Waits for work until a deadline and goes on without it then.
///
/// The work is cancelled at the deadline but not waited for: a filter that ignores its cancellation costs one
/// task, never the reply to the client.
///
/// - Returns: the work's value, or `nil` when it was late.
package func before<Value: Sendable>(
  _ deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () async -> Value
) async -> Value? {
  let gate = FirstAnswer<Value>()
  let worker = Task { gate.answer(await work()) }
  let timer = Task {
    try? await Task.sleep(until: deadline, clock: .continuous)
    gate.answer(nil)
  }
  let value = await withTaskCancellationHandler {
    await gate.value()
  } onCancel: {
    worker.cancel()
  }
  worker.cancel()
  timer.cancel()
  return value
}

/// The first of several answers; the others are dropped.
private final class FirstAnswer<Value: Sendable>: Sendable {
  private enum State {
    case open
    case waiting(CheckedContinuation<Value?, Never>)
    case answered(Value?)
  }
  private let state = Mutex(State.open)

  func answer(_ value: Value?) {
    let waiting: CheckedContinuation<Value?, Never>? = state.withLock { state in
      switch state {
      case .open:
        state = .answered(value)
        return nil
      case .waiting(let continuation):
        state = .answered(value)
        return continuation
      case .answered:
        return nil
      }
    }
    waiting?.resume(returning: value)
  }

  func value() async -> Value? {
    await withCheckedContinuation { continuation in
      let answered: Value?? = state.withLock { state in
        if case .answered(let value) = state { return .some(value) }
        state = .waiting(continuation)
        return nil
      }
      if let answered { continuation.resume(returning: answered) }
    }
  }
}
