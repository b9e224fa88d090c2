internal import Synchronization

/// Why a run comes to its end; the first reason counts.
final class EndSignal: Sendable {
  enum Reason: Sendable {
    case asked
    case failed(any Error)
  }

  /// Ends the group of parts when nothing has failed.
  struct Asked: Error {}

  private let stream: AsyncStream<Reason>
  private let continuation: AsyncStream<Reason>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1)) }

  func signal(_ reason: Reason) { continuation.yield(reason) }

  /// The reason, once there is one. For one waiter.
  func wait() async -> Reason {
    for await reason in stream { return reason }
    return .asked
  }
}

/// Tells those who wait when the services are open, or will never be.
final class Readiness: Sendable {
  private struct State {
    var isOver = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  func begin() { release() }
  func end() { release() }

  private func release() {
    let waiting = state.withLock { state in
      state.isOver = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if !state.isOver { state.waiting.append(continuation) }
        return state.isOver
      }
      if isOver { continuation.resume() }
    }
  }
}
