internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// What the writer thread is doing, for others to see.
final class ProgressBoard: Sendable {
  private struct State {
    var activity = WriterProgress.Activity.idle
    var since = monotonicNanoseconds()
    var commits = 0
    var closures = 0
    /// Where the system tells of the writer's thread; `nil` where it does not.
    var thread: String?
  }

  private let state = Mutex(State())

  func set(_ activity: WriterProgress.Activity) {
    let now = monotonicNanoseconds()
    state.withLock {
      $0.activity = activity
      $0.since = now
    }
  }

  func committed(_ closures: Int) {
    state.withLock {
      $0.commits += 1
      $0.closures += closures
    }
  }

  var counts: (commits: Int, closures: Int) { state.withLock { ($0.commits, $0.closures) } }

  /// Called once on the writer's thread.
  func watchThisThread() {
    var link = [CChar](repeating: 0, count: 64)
    // `123/task/456` (proc(5)).
    let count = readlink("/proc/thread-self", &link, link.count - 1)
    guard count > 0 else { return }
    let path = "/proc/" + String(decoding: link.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/stat"
    state.withLock { $0.thread = path }
  }

  func progress(waiting: Int) -> WriterProgress {
    let (activity, since, thread) = state.withLock { ($0.activity, $0.since, $0.thread) }
    let elapsed = monotonicNanoseconds() &- since
    // A disk that does not answer is met outside of commits too: a page that is read, the shared index of the log.
    let isStuck = activity == .working && elapsed > 1_000_000_000 && thread.map(Self.waitsForDisk) == true
    return WriterProgress(
      activity: isStuck ? .syncing : activity, since: .nanoseconds(Int64(clamping: elapsed)), waiting: waiting)
  }

  /// Whether a thread is in a wait that nothing interrupts: state `D`, behind the name in parentheses (proc(5)).
  private static func waitsForDisk(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &bytes, bytes.count)
    return state(ofThread: bytes.prefix(max(count, 0))) == UInt8(ascii: "D")
  }

  static func state(ofThread line: some BidirectionalCollection<UInt8>) -> UInt8? {
    guard let end = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    return line[end...].dropFirst(2).first
  }
}
