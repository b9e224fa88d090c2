internal import NIOCore

/// Stops accepting for a moment when the process, or the system, is out of descriptors or memory.
///
/// The waiting connection stays in the kernel's queue and keeps the listening socket readable, so that trying again at
/// once would only burn the processor. NIO's own handler for this holds back reads that are asked for, but after a
/// failed accept the earlier one is still pending; switching reading off altogether is what ends it.
final class AcceptPausing: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private static let pause = TimeAmount.milliseconds(500)
  private var isPaused = false

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Whatever it is, the listener lives on: nobody's connection attempt ends the service.
    guard !isPaused, context.channel.isActive, let options = context.channel.syncOptions else { return }
    isPaused = true
    try? options.setOption(.autoRead, value: false)
    let loop = context.eventLoop.assumeIsolated()
    loop.scheduleTask(in: Self.pause) {
      self.isPaused = false
      if context.channel.isActive { try? context.channel.syncOptions?.setOption(.autoRead, value: true) }
    }
  }
}
