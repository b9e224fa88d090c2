#if canImport(Glibc)
  import Glibc
#endif

/// How many descriptors the process may have open, and the part of them that connections leave to others.
///
/// Running out must not happen: libdispatch, on which Swift's tasks run, opens a file in /proc each second and ends the
/// process (SIGILL, without a word) if that fails. The store, name look-ups and log files need descriptors too.
public enum DescriptorLimit {
  /// The limit now in force (`RLIMIT_NOFILE`).
  public static var current: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    return Int(clamping: limit.rlim_cur)
  }

  /// Raises the limit as far as the system lets the process. For executables: it is the whole process's limit.
  public static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// Descriptors that accepted connections leave free.
  static func reserve(of limit: Int) -> Int { min(64, limit / 8) }

  /// Connections that there can be at most, beside what an appliance has open for itself.
  public static var connections: Int { max(current - 2 * reserve(of: current), 1) }

  /// Whether a new descriptor shows that few are left: the kernel gives the lowest number that is free.
  static func isNear(_ descriptor: Int32) -> Bool {
    let limit = current
    return Int(descriptor) >= limit - reserve(of: limit)
  }
}
