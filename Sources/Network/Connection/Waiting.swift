internal import NIOCore
internal import Synchronization

/// A task that waits on a connection, for input or for room in the output.
struct Waiter {
  /// What it waits for.
  enum Demand {
    /// A whole line; `wakeable` if ``Connection/wake()`` may end the wait.
    case line(limit: Int, wakeable: Bool)
    /// Anything.
    case bytes
    case exactly(Int)
    /// The output to shrink to at most so many bytes.
    case room(atMost: Int)
  }

  /// Why the wait ended. The waiter looks at the state again, whatever the reason.
  enum Outcome {
    case look
    case timedOut
    case cancelled
    case busy
  }

  var demand: Demand
  var deadline: NIODeadline?
  var continuation: CheckedContinuation<Outcome, Never>
}

extension Connection {
  /// Waits until the demand may be met. The caller then looks at the state again.
  ///
  /// All output goes out first: the peer may be waiting for it.
  func wait(_ demand: Waiter.Demand, until deadline: NIODeadline?) async throws {
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        register(Waiter(demand: demand, deadline: deadline, continuation: continuation))
      }
    } onCancel: {
      cancelWaits()
    }
    switch outcome {
    case .look: return
    case .timedOut: throw ConnectionError.timedOut
    case .cancelled: throw CancellationError()
    case .busy: throw ConnectionError.busy
    }
  }

  private func register(_ waiter: Waiter) {
    enum Next {
      case resume(Waiter.Outcome)
      case wait(flush: Bool, arm: Bool, read: Bool)
    }
    let next = state.withLock { state -> Next in
      if Task.isCancelled { return .resume(.cancelled) }
      if state.isMet(waiter.demand) { return .resume(.look) }
      if case .room = waiter.demand {
        if state.writer != nil { return .resume(.busy) }
        state.writer = waiter
      } else {
        if state.reader != nil { return .resume(.busy) }
        state.reader = waiter
      }
      let flush = state.output.readableBytes > 0 && !state.flushScheduled
      if flush { state.flushScheduled = true }
      let arm: Bool
      switch (waiter.deadline, state.timerAt) {
      case (nil, _): arm = false
      case (_, nil): arm = true
      case (let deadline?, let timer?): arm = timer > deadline
      }
      // What this waiter wants may be longer than what made reading pause.
      let read = state.readingPaused && state.input.count < state.inputBound
      if read { state.readingPaused = false }
      return .wait(flush: flush, arm: arm, read: read)
    }
    switch next {
    case .resume(let outcome): waiter.continuation.resume(returning: outcome)
    case .wait(flush: false, arm: false, read: false): break
    case .wait(let flush, let arm, let read):
      onLoop { connection in
        if flush { connection.flushOnLoop() }
        if arm { connection.armTimer() }
        if read { connection.channel.read() }
      }
    }
  }

  private func cancelWaits() {
    let waiting = state.withLock { state in
      defer { (state.reader, state.writer) = (nil, nil) }
      return (state.reader, state.writer)
    }
    waiting.0?.continuation.resume(returning: .cancelled)
    waiting.1?.continuation.resume(returning: .cancelled)
  }

  /// Resumes whoever waits for something that is now there. Called after every change of the state.
  func resumeWaiters() {
    let ready = state.withLock { state -> (Waiter?, Waiter?) in
      var ready: (Waiter?, Waiter?) = (nil, nil)
      if let reader = state.reader, state.isMet(reader.demand) {
        state.reader = nil
        ready.0 = reader
      }
      if let writer = state.writer, state.isMet(writer.demand) {
        state.writer = nil
        ready.1 = writer
      }
      return ready
    }
    ready.0?.continuation.resume(returning: .look)
    ready.1?.continuation.resume(returning: .look)
  }

  /// Runs on the event loop, at once if this is it.
  func onLoop(_ body: @escaping @Sendable (Connection) -> Void) {
    let loop = channel.eventLoop
    if loop.inEventLoop {
      body(self)
    } else {
      loop.execute { body(self) }
    }
  }

  /// Sets the connection's one timer to the nearest deadline. A timer that fires early only looks again, so that the
  /// usual case, one more wait with the same time limit, costs nothing.
  private func armTimer() {
    let (at, superseded) = state.withLock { state -> (NIODeadline?, Scheduled<Void>?) in
      guard let nearest = state.nearestDeadline, !state.closed else { return (nil, nil) }
      if let timer = state.timerAt, timer <= nearest { return (nil, nil) }
      state.timerAt = nearest
      return (nearest, state.timer)
    }
    guard let at else { return }
    superseded?.cancel()
    let timer = channel.eventLoop.scheduleTask(deadline: at) { self.timerFired(at) }
    state.withLock { $0.timer = timer }
  }

  /// Ends the timer. It would keep the connection in memory until it fires, minutes after the last byte.
  func disarmTimer() {
    let timer = state.withLock { state in
      defer { (state.timer, state.timerAt) = (nil, nil) }
      return state.timer
    }
    timer?.cancel()
  }

  private func timerFired(_ at: NIODeadline) {
    let now = channel.eventLoop.now
    let late = state.withLock { state -> (Waiter?, Waiter?) in
      // An earlier timer has taken this one's place.
      guard state.timerAt == at else { return (nil, nil) }
      (state.timer, state.timerAt) = (nil, nil)
      var late: (Waiter?, Waiter?) = (nil, nil)
      if let deadline = state.reader?.deadline, deadline <= now {
        late.0 = state.reader
        state.reader = nil
      }
      if let deadline = state.writer?.deadline, deadline <= now {
        late.1 = state.writer
        state.writer = nil
      }
      return late
    }
    late.0?.continuation.resume(returning: .timedOut)
    late.1?.continuation.resume(returning: .timedOut)
    armTimer()
  }

  /// The deadline of a wait that begins now.
  func deadline(within limit: Duration?) -> NIODeadline? {
    limit.map { channel.eventLoop.now + TimeAmount($0) }
  }
}

extension Connection.State {
  /// Whether a waiter has something to look at.
  mutating func isMet(_ demand: Waiter.Demand) -> Bool {
    if failure != nil || closed { return true }
    switch demand {
    case .line(let limit, let wakeable):
      return input.hasLine(limit: limit) || inputEnded || shutdownRequested || (wakeable && woken)
        || input.discarded > Connection.endlessLine
    case .bytes: return input.count > 0 || inputEnded
    case .exactly(let length): return input.count >= length || inputEnded
    case .room(let most): return output.readableBytes + inFlight <= most
    }
  }

  fileprivate var nearestDeadline: NIODeadline? {
    switch (reader?.deadline, writer?.deadline) {
    case (let a?, let b?): min(a, b)
    case (let a, let b): a ?? b
    }
  }

  /// How much input the handler lets come together.
  var inputBound: Int {
    switch reader?.demand {
    case .exactly(let length): max(Connection.inputBound, length)
    case .line(let limit, _): max(Connection.inputBound, min(limit, Connection.largestPiece) + 2)
    default: Connection.inputBound
    }
  }
}
