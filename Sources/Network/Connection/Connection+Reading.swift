public import NIOCore
internal import Synchronization

/// What ``Connection/lineOrWake(limit:within:)`` brings.
public enum LineOrWake: Hashable, Sendable {
  case line(Line)
  /// ``Connection/wake()`` was called since the last wait.
  case woken
  /// The peer ended its side.
  case end
}

extension Connection {
  /// The next line without its end, or `nil` if the peer has ended its side (what came after the last line end is lost).
  ///
  /// - Parameters:
  ///   - limit: octets without the line end. A longer line is consumed, and reported as ``Line/Ending/tooLong``.
  ///   - within: time limit for the whole line, however it drips in.
  /// - Throws: ``ConnectionError`` (``ConnectionError/shuttingDown`` only when it would have to wait), or
  ///   `CancellationError`.
  public func line(limit: Int, within: Duration?) async throws -> Line? {
    switch try await nextLine(limit: limit, within: within, wakeable: false) {
    case .line(let line): line
    case .woken, .end: nil
    }
  }

  /// The next line, or a wake-up from outside if that comes first: for IMAP IDLE.
  ///
  /// A wake-up that came while nobody waited is kept, once. Lines that are already here come before wake-ups.
  public func lineOrWake(limit: Int, within: Duration?) async throws -> LineOrWake {
    try await nextLine(limit: limit, within: within, wakeable: true)
  }

  private func nextLine(limit: Int, within: Duration?, wakeable: Bool) async throws -> LineOrWake {
    var deadline: NIODeadline?
    while true {
      let (found, resume) = try takeInput { state -> LineOrWake? in
        if let line = state.input.takeLine(limit: limit) { return .line(line) }
        if state.input.discarded > Self.endlessLine { throw ConnectionError.endlessLine }
        if wakeable && state.woken {
          state.woken = false
          return .woken
        }
        if state.inputEnded { return .end }
        if let failure = state.failure { throw failure }
        if state.shutdownRequested { throw ConnectionError.shuttingDown }
        return nil
      }
      if resume { continueReading() }
      if let found { return found }
      if deadline == nil { deadline = self.deadline(within: within) }
      try await wait(.line(limit: limit, wakeable: wakeable), until: deadline)
    }
  }

  /// Whatever has arrived, as it came: at least one byte and at most `limit`; `nil` if the peer has ended its side.
  ///
  /// For content. The bytes are not copied.
  public func bytes(upTo limit: Int, within: Duration?) async throws -> ByteBuffer? {
    var deadline: NIODeadline?
    while true {
      let (found, resume) = try takeInput { state -> ByteBuffer?? in
        if let bytes = state.input.takeBytes(upTo: limit) { return .some(bytes) }
        if let failure = state.failure, !state.inputEnded { throw failure }
        return state.inputEnded ? .some(nil) : .none
      }
      if resume { continueReading() }
      if let found { return found }
      if deadline == nil { deadline = self.deadline(within: within) }
      try await wait(.bytes, until: deadline)
    }
  }

  /// Gives bytes back that ``bytes(upTo:within:)`` gave last: those behind the end of a content are commands.
  public func putBack(_ bytes: ByteBuffer) {
    state.withLock { $0.input.putBack(bytes) }
  }

  /// Exactly so many bytes, at most ``largestPiece``.
  /// - Throws: ``ConnectionError/endOfStream`` if the peer ended its side before.
  public func exactly(_ length: Int, within: Duration?) async throws -> [UInt8] {
    guard length <= Self.largestPiece else { throw ConnectionError.pieceTooLarge }
    var deadline: NIODeadline?
    while true {
      let (found, resume) = try takeInput { state -> [UInt8]? in
        if let bytes = state.input.takeExactly(length) { return bytes }
        if state.inputEnded { throw ConnectionError.endOfStream }
        if let failure = state.failure { throw failure }
        return nil
      }
      if resume { continueReading() }
      if let found { return found }
      if deadline == nil { deadline = self.deadline(within: within) }
      try await wait(.exactly(length), until: deadline)
      continueReading()
    }
  }

  /// Ends a ``lineOrWake(limit:within:)``, the present or else the next one.
  public func wake() {
    state.withLock { $0.woken = true }
    resumeWaiters()
  }

  /// Asks the session to end: a wait for a line throws ``ConnectionError/shuttingDown``, now and from now on. Content
  /// under way is not disturbed.
  public func requestShutdown() {
    state.withLock { $0.shutdownRequested = true }
    resumeWaiters()
  }

  /// Whether ``requestShutdown()`` was called.
  public var isShutdownRequested: Bool { state.withLock { $0.shutdownRequested } }

  /// Takes something out of the input.
  /// - Returns: what was taken, and whether the handler must be told that there is room again.
  private func takeInput<T: Sendable>(_ body: (inout sending State) throws -> T) throws -> (T, Bool) {
    try state.withLock { state in
      if state.lingering { throw state.failure ?? .closed }
      let taken = try body(&state)
      let resume = state.readingPaused && state.input.count <= Self.inputBound / 2
      if resume { state.readingPaused = false }
      return (taken, resume)
    }
  }

  private func continueReading() {
    onLoop { $0.channel.read() }
  }
}
