public import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// How long a process waits before it begins, if those before it have ended again and again.
///
/// A service manager that starts a service anew at once is right nearly always, and wrong where nothing has changed in
/// between: a mistake in the configuration, a full disk. So each start is noted in a small file that a reboot clears, and
/// from the sixth within a minute on it waits: half a second, one, two, four, and at most ten. Meanwhile
/// connections wait in the sockets of the service manager.
public struct StartPace: Sendable {
  /// Within so much time starts count.
  static let span = Duration.seconds(60)
  /// So many of them are let through without waiting.
  static let free = 5
  static let longest = Duration.seconds(10)

  private let path: String

  /// - Parameter path: of the file; it need not exist.
  public init(path: String) { self.path = path }

  /// Notes a start. Blocks a moment, for the file.
  ///
  /// - Returns: how many came within the last minute, this one included, and how long to wait before going on.
  public func begin(at now: Moment) -> (starts: Int, wait: Duration) {
    let earlier = read().filter { $0 <= now && now - $0 < Self.span }
    // No more of them matter.
    let starts = Array((earlier + [now]).suffix(64))
    write(starts)
    return (starts.count, Self.wait(starts: starts.count))
  }

  static func wait(starts: Int) -> Duration {
    guard starts > free else { return .zero }
    return min(.milliseconds(500) * (1 << min(starts - free - 1, 10)), longest)
  }

  /// A file that cannot be read is one without starts: nobody must wait because of it.
  private func read() -> [Moment] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).split(separator: "\n").compactMap {
      Int64($0).map { Moment(microseconds: $0) }
    }
  }

  private func write(_ starts: [Moment]) {
    let text = Array(starts.map { "\($0.microseconds)\n" }.joined().utf8)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = Glibc.write(descriptor, text, text.count)
  }
}
