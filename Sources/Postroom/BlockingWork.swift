#if canImport(Glibc)
  import Glibc
#endif

/// Work that blocks for long (opening the store, reading files), on a thread of its own, away from the threads that
/// everything asynchronous shares.
enum BlockingWork {
  static func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let job = Unmanaged.passRetained(Job { continuation.resume(with: Result { try work() }) })
      var thread = pthread_t()
      let made = pthread_create(
        &thread, nil,
        { raw in
          guard let raw else { return nil }
          Unmanaged<Job>.fromOpaque(raw).takeRetainedValue().work()
          return nil
        }, job.toOpaque())
      if made == 0 {
        pthread_detach(thread)
      } else {
        job.release()
        continuation.resume(throwing: NoThread(number: made))
      }
    }
  }

  private final class Job: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }

  /// The system had no thread left.
  struct NoThread: Error, CustomStringConvertible {
    let number: Int32
    var description: String { "the system gives no thread: \(String(cString: strerror(number))): raise its limits" }
  }
}
