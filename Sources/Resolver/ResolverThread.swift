#if canImport(Glibc)
  import Glibc
#endif

/// A thread for libunbound: its calls must all come from one, and none of those that others need may wait for it.
enum ResolverThread {
  /// - Returns: why there is no thread; `nil`: there is one.
  static func start(_ body: @escaping @Sendable () -> Void) -> String? {
    let context = Unmanaged.passRetained(Start(body)).toOpaque()
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, resolverThreadMain, context)
    guard code == 0 else {
      Unmanaged<Start>.fromOpaque(context).release()
      return String(cString: strerror(code))
    }
    pthread_detach(thread)
    return nil
  }

  fileprivate final class Start: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}

private func resolverThreadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context else { return nil }
  Unmanaged<ResolverThread.Start>.fromOpaque(context).takeRetainedValue().body()
  return nil
}
