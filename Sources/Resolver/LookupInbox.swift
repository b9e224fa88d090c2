internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Where questions wait for the resolver's thread, and what wakes it.
final class LookupInbox: Sendable {
  enum Put {
    case taken
    /// Taken, and nobody is there yet to look for it: a thread is to be started.
    case first
    case closed
  }

  /// What the thread finds.
  struct Content {
    var new: [Lookup]
    var isClosing: Bool
  }

  private struct State {
    var new: [Lookup] = []
    var isClosing = false
    var hasThread = false
    var hasEnded = false
    var whenEnded: [@Sendable () -> Void] = []
  }

  private let state = Mutex(State())
  /// The thread polls the second end; a byte into the first one wakes it. -1: the system gave none.
  private let writing: Int32
  let reading: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    if socketpair(AF_UNIX, kind, 0, &ends) != 0 { ends = [-1, -1] }
    (writing, reading) = (ends[0], ends[1])
  }

  deinit {
    if writing >= 0 { Glibc.close(writing) }
    if reading >= 0 { Glibc.close(reading) }
  }

  func put(_ lookup: Lookup) -> Put {
    let put = state.withLock { state -> Put in
      if state.isClosing { return .closed }
      state.new.append(lookup)
      defer { state.hasThread = true }
      return state.hasThread ? .taken : .first
    }
    if case .taken = put { wake() }
    return put
  }

  func take() -> Content {
    var drained = [UInt8](repeating: 0, count: 256)
    while reading >= 0, read(reading, &drained, drained.count) > 0 {}
    return state.withLock { state in
      defer { state.new = [] }
      return Content(new: state.new, isClosing: state.isClosing)
    }
  }

  /// Nothing is taken any more, and the thread is to end.
  ///
  /// - Returns: whether there is no thread (any more); `ended` is not called then.
  @discardableResult func close(_ ended: @escaping @Sendable () -> Void = {}) -> Bool {
    let isOver = state.withLock { state in
      state.isClosing = true
      guard state.hasThread, !state.hasEnded else { return true }
      state.whenEnded.append(ended)
      return false
    }
    if !isOver { wake() }
    return isOver
  }

  /// The thread has ended; nothing was left undone.
  func ended() {
    let told = state.withLock { state in
      state.hasEnded = true
      defer { state.whenEnded = [] }
      return state.whenEnded
    }
    for tell in told { tell() }
  }

  /// There is no thread, or it cannot go on: all that waits fails, and the next question starts one again.
  func abandon(_ reason: String) {
    let (left, told) = state.withLock { state in
      defer {
        (state.new, state.whenEnded) = ([], [])
        state.hasThread = false
      }
      return (state.new, state.whenEnded)
    }
    for lookup in left { lookup.finish(.failure(lookup.failure(.closed, reason))) }
    for tell in told { tell() }
  }

  private func wake() {
    var byte: UInt8 = 0
    // A full buffer has woken the thread already.
    if writing >= 0 { _ = send(writing, &byte, 1, Int32(MSG_NOSIGNAL)) }
  }
}
