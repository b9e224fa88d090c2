internal import Synchronization

/// Connections on their way from the accepting event loop to the tasks that serve them. None is forgotten: what nobody
/// took is closed.
final class AcceptedConnections: Sendable {
  let stream: AsyncStream<Connection>
  private let continuation: AsyncStream<Connection>.Continuation
  private let state = Mutex<(waiting: [Int: Connection], isFinished: Bool)>(([:], false))

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func add(_ connection: Connection) {
    let isFinished = state.withLock { state in
      if !state.isFinished { state.waiting[connection.number] = connection }
      return state.isFinished
    }
    if isFinished {
      connection.abort()
    } else {
      continuation.yield(connection)
    }
  }

  func remove(_ connection: Connection) {
    state.withLock { _ = $0.waiting.removeValue(forKey: connection.number) }
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
    for connection in waiting { connection.abort() }
  }
}
