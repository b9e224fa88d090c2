import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A few threads that do nothing but hash passwords, so that neither event loops nor Swift's own threads are held up by
/// work that is slow on purpose.
///
/// Work from places where an account logged in before goes first, and one thread takes nothing else while there are two:
/// however many strangers guess, the rightful user waits for one hash at most. Both queues are bounded.
final class HashingThreads: Sendable {
  enum Priority: Sendable {
    /// From where the account logged in before.
    case known
    case stranger
  }

  private struct State {
    var known: [@Sendable () -> Void] = []
    var strangers: [@Sendable () -> Void] = []
    var threads = 0
    var strangersAtWork = 0
    var isStopped = false
  }

  /// Shared with the threads, which must not keep `HashingThreads` itself alive.
  private final class Shared: Sendable {
    let state = Mutex(State())
    let condition = Condition()
    let limit: Int
    let longest: Int

    init(threads: Int, waiting: Int) {
      limit = threads
      longest = waiting
    }

    /// A job for a thread that has nothing to do; `nil` when it should wait.
    func next(_ state: inout State) -> (job: @Sendable () -> Void, isStranger: Bool)? {
      if !state.known.isEmpty { return (state.known.removeFirst(), false) }
      guard !state.strangers.isEmpty, limit == 1 || state.strangersAtWork < limit - 1 else { return nil }
      state.strangersAtWork += 1
      return (state.strangers.removeFirst(), true)
    }

    func run() {
      while let (job, isStranger) = condition.wait(for: { state.withLock { state in step(&state) } }) {
        job()
        if isStranger {
          state.withLock { $0.strangersAtWork -= 1 }
          condition.wake()
        }
      }
    }

    private func step(_ state: inout State) -> Condition.Outcome<(job: @Sendable () -> Void, isStranger: Bool)> {
      if let next = next(&state) { return .got(next) }
      if state.isStopped {
        state.threads -= 1
        return .ended
      }
      return .wait
    }
  }

  private let shared: Shared

  /// - Parameters:
  ///   - threads: at most; each is started when it is first needed.
  ///   - waiting: jobs that may wait in each of the two queues.
  init(threads: Int, waiting: Int) { shared = Shared(threads: max(threads, 1), waiting: waiting) }

  deinit { stop() }

  /// Jobs that wait in both queues.
  var waiting: Int { shared.state.withLock { $0.known.count + $0.strangers.count } }

  /// Lets the threads end when they have done what waits. Later jobs are refused.
  func stop() {
    shared.state.withLock { $0.isStopped = true }
    shared.condition.wake()
  }

  /// Runs a job on one of the threads; `nil` when too many wait already.
  func run<Value: Sendable>(_ priority: Priority, _ job: @escaping @Sendable () throws -> Value) async throws -> Value?
  {
    try await withCheckedThrowingContinuation { continuation in
      let isTaken = enqueue(priority) { continuation.resume(with: Result { try job() }) }
      if !isTaken { continuation.resume(returning: nil) }
    }
  }

  private func enqueue(_ priority: Priority, _ job: @escaping @Sendable () -> Void) -> Bool {
    let (isTaken, startsThread) = shared.state.withLock { state -> (Bool, Bool) in
      let waiting = priority == .known ? state.known.count : state.strangers.count
      guard !state.isStopped, waiting < shared.longest else { return (false, false) }
      switch priority {
      case .known: state.known.append(job)
      case .stranger: state.strangers.append(job)
      }
      guard state.threads < shared.limit else { return (true, false) }
      state.threads += 1
      return (true, true)
    }
    if startsThread { startThread() }
    if isTaken { shared.condition.wake() }
    return isTaken
  }

  private func startThread() {
    let shared = shared
    let started = Self.detach { shared.run() }
    // Without a thread the jobs that wait are done by those there are; with none at all, here and now.
    guard !started else { return }
    let isAlone = shared.state.withLock { state in
      state.threads -= 1
      return state.threads == 0
    }
    guard isAlone else { return }
    while let next = shared.state.withLock({ shared.next(&$0) }) {
      next.job()
      if next.isStranger { shared.state.withLock { $0.strangersAtWork -= 1 } }
    }
  }

  private static func detach(_ body: @escaping @Sendable () -> Void) -> Bool {
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    guard result == 0 else {
      box.release()
      return false
    }
    pthread_detach(thread)
    return true
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
