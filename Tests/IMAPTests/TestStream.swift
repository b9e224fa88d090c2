import Network
import Platform
import Synchronization

@testable import IMAP

/// A connection without a network: what the client sends is put in, what the session writes comes out.
final class TestStream: ClientStream {
  private struct State {
    var input: [UInt8] = []
    var ended = false
    var woken = false
    var failure: ConnectionError?
    var isEncrypted = false
    /// Octets that `content` gives at a time at most.
    var pace = Int.max
    var output: [UInt8] = []
    var isClosed = false
    /// Output above this waits until somebody takes it.
    var outputBound = Int.max
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())
  let canOfferTLS: Bool

  init(isEncrypted: Bool = true, canOfferTLS: Bool = false, pace: Int = .max, outputBound: Int = .max) {
    self.canOfferTLS = canOfferTLS
    state.withLock {
      $0.isEncrypted = isEncrypted
      $0.pace = pace
      $0.outputBound = outputBound
    }
  }

  // MARK: The session's side

  var peerAddress: IPAddress { IPAddress("192.0.2.7")! }
  var isEncrypted: Bool { state.withLock { $0.isEncrypted } }
  var canStartTLS: Bool { canOfferTLS && !isEncrypted }

  func line(limit: Int, within: Duration) async throws -> Line? {
    switch try await next(limit: limit, wakeable: false) {
    case .line(let line): line
    case .woken, .end: nil
    }
  }

  func lineOrWake(limit: Int, within: Duration) async throws -> LineOrWake {
    try await next(limit: limit, wakeable: true)
  }

  private func next(limit: Int, wakeable: Bool) async throws -> LineOrWake {
    try await wait { state in
      if let end = state.input.firstIndex(of: 10) {
        var line = Array(state.input[..<end])
        state.input.removeFirst(end + 1)
        if line.last == 13 { line.removeLast() }
        return .line(Line(bytes: line.count > limit ? [] : line, ending: line.count > limit ? .tooLong : .crlf))
      }
      if wakeable, state.woken {
        state.woken = false
        return .woken
      }
      if let failure = state.failure { throw failure }
      return state.ended ? .end : nil
    }
  }

  func content(
    upTo limit: Int, within: Duration, _ take: (UnsafeRawBufferPointer) -> Void
  ) async throws -> Int {
    let octets: [UInt8] = try await wait { state in
      if state.input.isEmpty { return state.ended ? [] : nil }
      let octets = Array(state.input.prefix(min(limit, state.pace)))
      state.input.removeFirst(octets.count)
      return octets
    }
    octets.withUnsafeBytes(take)
    return octets.count
  }

  func write(_ octets: [UInt8]) async throws {
    change { $0.output.append(contentsOf: octets) }
    try await wait { state in state.output.count <= state.outputBound ? () : nil }
  }

  func wake() { change { $0.woken = true } }

  func startTLS(goAhead: [UInt8]) async throws {
    change { state in
      state.output.append(contentsOf: goAhead)
      state.input.removeAll()
      state.isEncrypted = true
    }
  }

  // MARK: The client's side

  func send(_ octets: some Sequence<UInt8>) { change { $0.input.append(contentsOf: octets) } }
  func end() { change { $0.ended = true } }
  func fail(_ error: ConnectionError) { change { $0.failure = error } }
  /// The session is over.
  func sessionDidEnd() { change { $0.isClosed = true } }
  var isClosed: Bool { state.withLock { $0.isClosed } }
  var outputCount: Int { state.withLock { $0.output.count } }

  /// Waits until the output up to some place is there, or the session is over, and takes it out.
  func take(until isEnough: @Sendable @escaping ([UInt8]) -> Int?) async -> [UInt8] {
    let taken: [UInt8]? = try? await wait { state in
      guard let end = isEnough(state.output) ?? (state.isClosed ? state.output.count : nil) else { return nil }
      let taken = Array(state.output[..<end])
      state.output.removeFirst(end)
      return taken
    }
    return taken ?? []
  }

  // MARK: Waiting

  private func change(_ body: (inout State) -> Void) {
    let waiters = state.withLock { state in
      body(&state)
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  private func wait<T: Sendable>(for body: @Sendable (inout sending State) throws -> T?) async throws -> T {
    while true {
      if let value = try state.withLock({ try body(&$0) }) {
        change { _ in }
        return value
      }
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          // Something may have come since: look again rather than sleep through it.
          var probe = state
          do {
            if try body(&probe) != nil { return true }
          } catch {
            return true
          }
          state.waiters.append(continuation)
          return false
        }
        if isReady { continuation.resume() }
      }
    }
  }
}
