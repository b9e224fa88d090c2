public import NIOCore
internal import Synchronization

extension Connection {
  /// Writes bytes behind all that was written before.
  ///
  /// They are gathered until the session flushes or waits for input, or until 32 KiB have come together. Waits, for at
  /// most ``writeTimeLimit``, while more than 128 KiB have not left this process: so a peer that does not read costs
  /// that much and no more.
  ///
  /// - Throws: ``ConnectionError``, or `CancellationError`: a cancelled session has nothing more to say.
  public func write(_ bytes: some Collection<UInt8> & Sendable) async throws {
    try await write { $0.writeBytes(bytes) }
  }

  /// Writes text as UTF-8.
  public func write(_ text: String) async throws {
    try await write { $0.writeString(text) }
  }

  /// Writes a buffer's readable bytes. A large one goes out in parts, as fast as the peer takes it.
  public func write(_ buffer: ByteBuffer) async throws {
    var rest = buffer
    while let part = rest.readSlice(length: min(rest.readableBytes, Self.outputChunk)), part.readableBytes > 0 {
      try await write { $0.writeImmutableBuffer(part) }
    }
  }

  /// Writes by filling the output buffer directly, at most 64 KiB at a time.
  public func write(filling: (inout ByteBuffer) -> Void) async throws {
    try Task.checkCancellation()
    let (flush, wait) = try state.withLock { state -> (Bool, Bool) in
      if let failure = state.failure { throw failure }
      if state.closed || state.lingering { throw ConnectionError.closed }
      filling(&state.output)
      let flush = state.output.readableBytes >= Self.outputChunk && !state.flushScheduled
      if flush { state.flushScheduled = true }
      return (flush, state.output.readableBytes + state.inFlight > Self.outputBound)
    }
    if flush { onLoop { $0.flushOnLoop() } }
    if wait { try await waitForRoom(atMost: Self.outputResume, within: writeTimeLimit) }
  }

  /// Hands all that was written to the network. Does not wait for the peer to take it.
  public func flush() {
    let flush = state.withLock { state -> Bool in
      guard state.output.readableBytes > 0, !state.flushScheduled else { return false }
      state.flushScheduled = true
      return true
    }
    if flush { onLoop { $0.flushOnLoop() } }
  }

  /// Hands all that was written to the network and waits until the kernel has taken it.
  public func drain(within: Duration? = nil) async throws {
    try await waitForRoom(atMost: 0, within: within ?? writeTimeLimit)
  }

  private func waitForRoom(atMost bound: Int, within limit: Duration) async throws {
    let deadline = self.deadline(within: limit)
    while true {
      let done = try state.withLock { state -> Bool in
        if let failure = state.failure { throw failure }
        if state.output.readableBytes + state.inFlight <= bound { return true }
        if state.closed { throw ConnectionError.closed }
        return false
      }
      if done { return }
      try await wait(.room(atMost: bound), until: deadline)
    }
  }

  /// Hands the gathered output to the channel. The bytes are taken here, on the event loop, so that their order does
  /// not depend on which threads the session has run on.
  func flushOnLoop() {
    let bytes = state.withLock { state -> ByteBuffer? in
      state.flushScheduled = false
      guard state.output.readableBytes > 0, !state.closed else { return nil }
      let bytes = state.output
      state.output = ByteBuffer()
      state.inFlight += bytes.readableBytes
      return bytes
    }
    guard let bytes else { return }
    let length = bytes.readableBytes
    channel.writeAndFlush(bytes).assumeIsolated().whenComplete { result in
      self.written(length, result)
    }
  }

  private func written(_ length: Int, _ result: Result<Void, any Error>) {
    state.withLock { state in
      switch result {
      case .success: state.inFlight -= length
      case .failure(let error):
        // What failed stays counted as unsent.
        if state.failure == nil && !state.closed { state.failure = ConnectionError(error) }
      }
    }
    resumeWaiters()
  }
}

extension ConnectionError {
  /// Puts an error of the channel into our words.
  init(_ error: any Error) {
    switch error {
    case let own as ConnectionError: self = own
    case is IOError: self = .broken(systemWords(error))
    case let error as ChannelError:
      switch error {
      case .ioOnClosedChannel, .alreadyClosed, .outputClosed, .inputClosed, .eof: self = .closed
      default: self = .broken("\(error)")
      }
    default: self = .broken("\(error)")
    }
  }
}
