internal import NIOCore
internal import Synchronization

extension Connection {
  /// The server's side of STARTTLS: sends the go-ahead in plain text and begins TLS in one turn of the event loop.
  ///
  /// Everything that the client sent after its command is thrown away and counted (RFC 3207 §4.2, RFC 9051 §6.2.1): it
  /// came in plain text, and anybody may have put it there.
  ///
  /// - Parameters:
  ///   - goAhead: the reply to the command, such as `220 2.0.0 Go ahead` with its line end. It must not have been
  ///     written before.
  ///   - within: time limit for the handshake.
  /// - Throws: ``ConnectionError/tls(_:)``; the connection is unusable then: close it.
  public func startTLS(
    _ contexts: TLSContexts, goAhead: [UInt8], within: Duration = .seconds(30)
  ) async throws -> StartedTLS {
    try await beginTLS(goAhead: goAhead, within: within) { try TLSEngine(server: contexts.now) }
  }

  /// The client's side of STARTTLS, to be called after the server's go-ahead was read. Whatever the server had sent
  /// behind it is thrown away and counted; a careful client ends such a connection.
  public func startTLS(_ client: ClientTLS) async throws -> StartedTLS {
    try await beginTLS(goAhead: [], within: client.timeLimit) { try TLSEngine(client: client) }
  }

  /// TLS from the first byte, server's side. What has arrived by now is the beginning of the handshake.
  func beginTLS(_ contexts: TLSContexts, within: Duration) async throws {
    _ = try await beginTLS(goAhead: [], within: within, keepingInput: true) { try TLSEngine(server: contexts.now) }
  }

  private func beginTLS(
    goAhead: [UInt8], within: Duration, keepingInput: Bool = false,
    makeEngine: @escaping @Sendable () throws -> TLSEngine
  ) async throws -> StartedTLS {
    let loop = channel.eventLoop
    guard tls == nil else { throw ConnectionError.tls("it is established already") }
    let limit = TimeAmount(within)
    do {
      return try await loop.flatSubmit { () -> EventLoopFuture<StartedTLS> in
        do {
          let (early, injected) = self.state.withLock { state -> (ByteBuffer?, Int) in
            state.output.writeBytes(goAhead)
            return (keepingInput ? state.input.takeBytes(upTo: .max) : nil, state.input.drop())
          }
          // Still in plain text, and nothing can arrive in between: this is one turn of the loop.
          self.flushOnLoop()
          let established = loop.makePromise(of: TLSSession.self)
          let handler = TLSHandler(try makeEngine(), timeLimit: limit, established: established)
          try self.channel.pipeline.syncOperations.addHandler(handler, position: .first)
          if let early { self.channel.pipeline.syncOperations.fireChannelRead(NIOAny(early)) }
          let isEnded = self.state.withLock { state in
            state.readingPaused = false
            return state.inputEnded
          }
          // The peer's end was told when the TLS handler was not there yet.
          if isEnded { self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
          self.channel.read()
          return established.futureResult.map { session in
            self.state.withLock { $0.tls = session }
            return StartedTLS(session: session, injected: injected)
          }
        } catch {
          return loop.makeFailedFuture(error)
        }
      }.get()
    } catch let error as TLSError {
      if let fault = error.fault { throw ConnectionError.untrusted(fault, error.description) }
      throw ConnectionError.tls(error.description)
    } catch {
      throw ConnectionError.tls("\(ConnectionError(error))")
    }
  }
}
