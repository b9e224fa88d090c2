internal import Glibc
internal import Synchronization

/// A thread of the store's own: SQLite's calls block, and must not do so on threads that others need.
final class Worker: Sendable {
  private let thread: pthread_t
  private let isJoined = Atomic(false)

  /// - Parameter name: at most 15 bytes, for `ps` and debuggers.
  init(_ name: String, _ body: @escaping @Sendable () -> Void) throws {
    thread = try Self.create(Start(name: name, body: body))
  }

  private static func create(_ start: Start) throws -> pthread_t {
    let context = Unmanaged.passRetained(start).toOpaque()
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, threadMain, context)
    guard code == 0 else {
      Unmanaged<Start>.fromOpaque(context).release()
      throw StoreError.file(path: "thread \(start.name)", String(cString: strerror(code)))
    }
    return thread
  }

  /// `pthread_setname_np` is hidden from Swift; the kernel takes the name through a file as well.
  fileprivate static func nameThisThread(_ name: String) {
    let file = Glibc.open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = write(file, name, name.utf8.count)
    Glibc.close(file)
  }

  /// Waits for the end of the thread.
  func join() {
    if !isJoined.exchange(true, ordering: .relaxed) { pthread_join(thread, nil) }
  }

  deinit {
    if !isJoined.load(ordering: .relaxed) { pthread_detach(thread) }
  }

  fileprivate final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context else { return nil }
  let start = Unmanaged<Worker.Start>.fromOpaque(context).takeRetainedValue()
  Worker.nameThisThread(start.name)
  start.body()
  return nil
}
