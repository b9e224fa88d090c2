import Glibc
import Platform
import Synchronization

/// A clock that a test turns by hand, and sleepers that wake when it passes their time.
final class ManualTime: Sendable {
  private struct State {
    var now = Moment(seconds: 1_800_000_000)
    var uptime = Duration.zero
    var next = 0
    var sleepers: [Int: (until: Moment, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var cancelled: Set<Int> = []
  }

  private let state = Mutex(State())

  var clock: Clock { Clock { [self] in state.withLock { $0.now } } }
  var now: Moment { state.withLock { $0.now } }
  /// How long the clock has gone on, steps of it left aside.
  var uptime: Duration { state.withLock { $0.uptime } }

  /// Somebody sets the clock back. Nobody wakes.
  func setBack(by step: Duration) { state.withLock { $0.now = $0.now - step } }

  func sleep(until: Moment) async throws {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let isOver: Bool? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return false }
          if until <= state.now { return true }
          state.sleepers[id] = (until, continuation)
          return nil
        }
        switch isOver {
        case true: continuation.resume()
        case false: continuation.resume(throwing: CancellationError())
        case nil: break
        }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        let sleeper = state.sleepers.removeValue(forKey: id)
        if sleeper == nil { state.cancelled.insert(id) }
        return sleeper
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Waits until somebody sleeps.
  func sleepers(atLeast count: Int) async {
    while state.withLock({ $0.sleepers.count }) < count { await Task.yield() }
  }

  func advance(_ duration: Duration) {
    let due = state.withLock { state in
      state.now = state.now + duration
      state.uptime += duration
      let due = state.sleepers.filter { $0.value.until <= state.now }
      for id in due.keys { state.sleepers[id] = nil }
      return due.values.map(\.continuation)
    }
    for continuation in due { continuation.resume() }
  }
}

/// Something that a server thread reaches and a test waits for.
final class Gate: Sendable {
  private let state = Mutex<(open: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

  func reached() {
    let waiting = state.withLock { state in
      state.open = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for one in waiting { one.resume() }
  }

  /// For a thread of its own, such as a fake server's.
  func waitOnThread() {
    while !state.withLock({ $0.open }) { usleep(1000) }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.open { state.waiting.append(continuation) }
        return state.open
      }
      if isOpen { continuation.resume() }
    }
  }
}
