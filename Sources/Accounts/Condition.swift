#if canImport(Glibc)
  import Glibc
#endif

/// A POSIX condition variable with its mutex.
///
/// `@unchecked Sendable`: the two are made for being shared by threads, live at fixed addresses from `init` to `deinit`,
/// and nothing else is in here.
final class Condition: @unchecked Sendable {
  enum Outcome<Value> {
    case got(Value)
    case ended
    case wait
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deinitialize(count: 1)
    mutex.deinitialize(count: 1)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Blocks the thread until the attempt has an outcome; it is made again after every ``wake()``.
  /// - Returns: `nil` when it has ended.
  func wait<Value>(for attempt: () -> Outcome<Value>) -> Value? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      switch attempt() {
      case .got(let value): return value
      case .ended: return nil
      case .wait: pthread_cond_wait(condition, mutex)
      }
    }
  }

  /// Has every waiting thread try again. What it will find must be in place before.
  func wake() {
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
