internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

extension Connection {
  /// Ends the connection in good order: what was written goes out, then the end of the stream (with close_notify), and
  /// then input is thrown away for a moment, until the peer closes too. Without that last step the kernel answers input
  /// that nobody read with a reset, and the peer may lose our last reply.
  ///
  /// - Parameters:
  ///   - within: time limit for the output to leave.
  ///   - lingering: how long to wait for the peer's end.
  /// - Returns: how it ended. Calling it again gives the same answer.
  @discardableResult
  public func close(within: Duration = .seconds(10), lingering: Duration = .seconds(2)) async -> Ending {
    await uncancelled {
      try? await self.drain(within: within)
      let alone = self.state.withLock { state -> Bool in
        state.lingering = true
        _ = state.input.drop()
        return state.inputEnded || state.closed || state.failure != nil
      }
      if !alone { await self.linger(lingering) }
      try? await self.channel.eventLoop.submit { self.closeOnLoop() }.get()
      try? await self.channel.closeFuture.get()
    }
    return ending
  }

  /// Ends our side only, with close_notify; what the peer still sends can be read.
  public func endOutput(within: Duration = .seconds(10)) async throws {
    try await drain(within: within)
    do {
      try await channel.close(mode: .output).get()
    } catch {
      throw ConnectionError(error)
    }
  }

  /// Closes at once: what was written and has not left is dropped, nobody is told. May be called from anywhere.
  public func abort() {
    onLoop { $0.closeOnLoop() }
  }

  /// How the connection ended, or stands now.
  public var ending: Ending {
    state.withLock { state in
      Ending(
        orderly: state.orderly && state.failure == nil, unsent: state.output.readableBytes + state.inFlight,
        unacknowledged: state.unacknowledged)
    }
  }

  /// Asks now how much of what was written the peer's TCP has not acknowledged. A line that arrives proves that the
  /// reply before it was read only if this says so: it may have been pipelined.
  public func currentEnding() async -> Ending {
    if channel.eventLoop.inEventLoop {
      sampleUnacknowledged()
    } else {
      try? await channel.eventLoop.submit { self.sampleUnacknowledged() }.get()
    }
    return ending
  }

  /// Ends our side and waits for the peer's.
  private func linger(_ limit: Duration) async {
    let closed = channel.closeFuture
    try? await channel.eventLoop.submit {
      self.sampleUnacknowledged()
      let timer = self.channel.eventLoop.scheduleTask(in: TimeAmount(limit)) { self.closeOnLoop() }
      closed.whenComplete { _ in timer.cancel() }
      self.channel.close(mode: .output, promise: nil)
      self.channel.read()
    }.get()
    try? await closed.get()
  }

  private func closeOnLoop() {
    let first = state.withLock { state -> Bool in
      state.lingering = true
      state.abandoned = true
      return !state.closed
    }
    guard first else { return }
    sampleUnacknowledged()
    channel.close(mode: .all, promise: nil)
  }

  /// Runs something to its end although the task may be cancelled: a connection must not leak because of that.
  private func uncancelled(_ body: @escaping @Sendable () async -> Void) async {
    if Task.isCancelled {
      await Task { await body() }.value
    } else {
      await body()
    }
  }

  /// Asks the kernel for the bytes that are sent and not acknowledged (SIOCOUTQ). Only on the event loop.
  func sampleUnacknowledged() {
    let queued = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
      descriptor -> Int? in
      var bytes: CInt = 0
      return ioctl(descriptor, UInt(TIOCOUTQ), &bytes) == 0 ? Int(bytes) : nil
    }
    guard let queued = queued ?? nil else { return }
    state.withLock { state in
      // After our FIN the kernel counts it as one byte.
      state.unacknowledged = state.lingering && queued == 1 ? 0 : queued
    }
  }
}
