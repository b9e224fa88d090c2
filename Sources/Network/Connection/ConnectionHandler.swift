internal import NIOCore
internal import Synchronization

/// The last handler of a channel: moves what arrives into the connection's accumulator, and asks for more only while
/// there is room.
final class ConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let connection: Connection
  private var active: ((Connection) -> Void)?

  init(_ connection: Connection, active: @escaping (Connection) -> Void) {
    self.connection = connection
    self.active = active
  }

  func channelActive(context: ChannelHandlerContext) {
    connection.setAddresses(peer: PeerAddress(context.remoteAddress), local: PeerAddress(context.localAddress))
    context.read()
    active?(connection)
    active = nil
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    connection.state.withLock { state in
      if !state.lingering { state.input.append(bytes) }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // The last moment at which the socket can be asked: when both sides have ended it is closed at once.
    if connection.state.withLock({ $0.lingering }) { connection.sampleUnacknowledged() }
    // Before the room is measured: looking for a line throws away what is over its limit.
    connection.resumeWaiters()
    let more = connection.state.withLock { state -> Bool in
      let bound = state.inputBound
      state.readingPaused = state.input.count >= bound
      return !state.readingPaused
    }
    if more { context.read() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed, TLSEvent.closeNotify:
      connection.sampleUnacknowledged()
      connection.inputDidEnd()
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    connection.sampleUnacknowledged()
    connection.didFail(ConnectionError(error))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    connection.didClose()
    context.fireChannelInactive()
  }
}

extension Connection {
  /// The peer ended its side.
  func inputDidEnd() {
    state.withLock { state in
      if !state.inputEnded && state.failure == nil { state.orderly = true }
      state.inputEnded = true
    }
    resumeWaiters()
  }

  func didFail(_ error: ConnectionError) {
    state.withLock { state in
      if state.failure == nil && !state.closed { state.failure = error }
    }
    resumeWaiters()
  }

  func didClose() {
    state.withLock { state in
      state.closed = true
      guard state.failure == nil, !state.inputEnded else { return }
      if state.abandoned {
        state.failure = .closed
      } else {
        // Our side had ended before: then the peer's end closes the channel without a word of its own.
        state.inputEnded = true
        state.orderly = true
      }
    }
    disarmTimer()
    resumeWaiters()
  }
}
