#if canImport(Glibc)
  import Glibc
#endif

/// Tells the service manager how the service fares (`sd_notify(3)`).
///
/// Made from the environment by the executable, or from a path by a test; an appliance inside another program has none
/// and tells nobody.
public struct Notify: Sendable {
  /// The manager's datagram socket: a path, or `@` and a name in the abstract namespace.
  private let path: String?

  public init(path: String?) { self.path = path }

  /// The manager that started this process, if one did (`NOTIFY_SOCKET`).
  public static func fromEnvironment() -> Notify { Notify(path: getenv("NOTIFY_SOCKET").map { String(cString: $0) }) }

  /// Tells nobody.
  public static let nobody = Notify(path: nil)

  /// Whether there is anybody to tell.
  public var isSupervised: Bool { path != nil }

  /// The service is up.
  public func ready(status: String? = nil) { send(["READY=1"] + statusLine(status)) }

  /// One line on what it does now.
  public func status(_ text: String) { send(statusLine(text)) }

  /// It reads its configuration anew; ``ready(status:)`` says when that is done. The manager wants to know when it began.
  public func reloading() {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    send(["RELOADING=1", "MONOTONIC_USEC=\(microseconds)"])
  }

  /// It is on its way down.
  public func stopping(status: String? = nil) { send(["STOPPING=1"] + statusLine(status)) }

  /// It is alive.
  public func watchdog() { send(["WATCHDOG=1"]) }

  /// Starting (or stopping, or reloading) takes longer: wait so much from now.
  public func extendTimeout(by duration: Duration) {
    let microseconds = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
    send(["EXTEND_TIMEOUT_USEC=\(microseconds)"])
  }

  private func statusLine(_ text: String?) -> [String] {
    // A newline would begin another assignment.
    text.map { ["STATUS=" + String(decoding: $0.utf8.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)] } ?? []
  }

  private func send(_ assignments: [String]) {
    guard let path else { return }
    let message = Array(assignments.joined(separator: "\n").utf8)
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // Nothing can be done if the manager does not listen: it will notice by itself.
    _ = try? withLocalAddress(path) { address, length in
      sendto(
        descriptor, message, message.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), address, length
      )
    }
  }
}
