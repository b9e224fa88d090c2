internal import NIOCore
internal import Synchronization

/// Channels on their way from the accepting event loop to the task that serves them. None is forgotten: what nobody
/// took is closed.
final class AcceptedChannels: Sendable {
  let stream: AsyncStream<any Channel>
  private let continuation: AsyncStream<any Channel>.Continuation
  private let state = Mutex<(waiting: [ObjectIdentifier: any Channel], isFinished: Bool)>(([:], false))

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func add(_ channel: any Channel) {
    let isFinished = state.withLock { state in
      if !state.isFinished { state.waiting[ObjectIdentifier(channel)] = channel }
      return state.isFinished
    }
    if isFinished {
      channel.close(promise: nil)
    } else {
      continuation.yield(channel)
    }
  }

  func remove(_ channel: any Channel) {
    state.withLock { _ = $0.waiting.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  /// No more will come. Those that wait are still given out.
  func finish() { continuation.finish() }

  /// No more will come, and those that wait are closed.
  func closeAll() {
    finish()
    let waiting = state.withLock { state in
      state.isFinished = true
      defer { state.waiting = [:] }
      return Array(state.waiting.values)
    }
    for channel in waiting { channel.close(promise: nil) }
  }
}
