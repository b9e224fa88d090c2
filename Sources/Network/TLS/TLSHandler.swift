internal import NIOCore

/// What the TLS handler tells the handlers behind it.
enum TLSEvent: Sendable {
  /// The handshake is finished.
  case established(TLSSession)
  /// The peer said that it sends no more.
  case closeNotify
}

/// Carries a ``TLSEngine``'s ciphertext and plaintext between the network and the connection's handler.
final class TLSHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let engine: TLSEngine
  private let established: EventLoopPromise<TLSSession>
  private var timer: Scheduled<Void>?
  private let timeLimit: TimeAmount
  private var isEstablished = false
  private var isFailed = false
  private var isSettled = false
  private var toldEnd = false
  /// Written before the handshake was finished.
  private var early: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []

  init(_ engine: TLSEngine, timeLimit: TimeAmount, established: EventLoopPromise<TLSSession>) {
    self.engine = engine
    self.timeLimit = timeLimit
    self.established = established
  }

  func handlerAdded(context: ChannelHandlerContext) {
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeLimit) {
      self.fail(context, TLSError("the handshake took too long"))
    }
    if context.channel.isActive { advance(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    advance(context)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isFailed else { return }
    engine.receive(unwrapInboundIn(data))
    if !isEstablished { advance(context) }
    if isEstablished { decrypt(context) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event, !isEstablished {
      fail(context, TLSError("the peer ended the connection during the handshake"))
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if !isEstablished { fail(context, TLSError("the connection ended during the handshake")) }
    finish(ChannelError.ioOnClosedChannel)
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { finish(ChannelError.ioOnClosedChannel) }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let bytes = unwrapOutboundIn(data)
    guard !isFailed else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    guard isEstablished else {
      early.append((bytes, promise))
      return
    }
    do {
      try engine.encrypt(bytes)
    } catch {
      promise?.fail(error)
      fail(context, error)
      return
    }
    if let output = engine.takeOutput() {
      context.write(wrapOutboundOut(output), promise: promise)
    } else {
      promise?.succeed()
    }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if mode != .input {
      engine.shutDown()
      sendOutput(context)
    }
    context.close(mode: mode, promise: promise)
  }

  private func advance(_ context: ChannelHandlerContext) {
    do {
      let progress = try engine.handshake()
      sendOutput(context)
      if case .finished = progress { establish(context) }
    } catch {
      fail(context, error)
    }
  }

  private func establish(_ context: ChannelHandlerContext) {
    guard !isEstablished else { return }
    isEstablished = true
    timer?.cancel()
    timer = nil
    let session = engine.session
    context.fireUserInboundEventTriggered(TLSEvent.established(session))
    established.succeed(session)
    let waiting = early
    early = []
    for (bytes, promise) in waiting { write(context: context, data: wrapOutboundOut(bytes), promise: promise) }
    if !waiting.isEmpty { context.flush() }
  }

  private func decrypt(_ context: ChannelHandlerContext) {
    do {
      let plain = try engine.decrypt(context.channel.allocator)
      // A key update is answered while reading.
      sendOutput(context)
      if let plain { context.fireChannelRead(wrapInboundOut(plain)) }
      if engine.isEnded && !toldEnd {
        toldEnd = true
        context.fireUserInboundEventTriggered(TLSEvent.closeNotify)
      }
    } catch {
      fail(context, error)
    }
  }

  private func sendOutput(_ context: ChannelHandlerContext) {
    if let output = engine.takeOutput() { context.writeAndFlush(wrapOutboundOut(output), promise: nil) }
  }

  /// Sends the alert, if there is one, and gives up.
  private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
    guard !isFailed else { return }
    isFailed = true
    sendOutput(context)
    finish(error)
    context.fireErrorCaught(ConnectionError.tls((error as? TLSError)?.description ?? "\(error)"))
  }

  private func finish(_ error: any Error) {
    timer?.cancel()
    timer = nil
    if !isEstablished && !isSettled { established.fail(error) }
    isSettled = true
    let waiting = early
    early = []
    for (_, promise) in waiting { promise?.fail(error) }
  }
}
