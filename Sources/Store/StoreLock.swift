internal import Glibc

/// Keeps two processes (or two stores of one process) from one database.
///
/// On a side file: closing any other descriptor of the database file itself would drop SQLite's own locks.
final class StoreLock: Sendable {
  private let file: Int32

  /// - Parameter patience: how long to wait for another process to let go. Blocks meanwhile.
  init(folder: String, patience: Duration = .zero) throws {
    let path = folder + "/lock"
    var opened = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    // On a write-protected file system it can still be locked.
    if opened < 0, errno == EROFS { opened = Glibc.open(path, O_RDONLY | O_CLOEXEC) }
    file = opened
    guard file >= 0 else {
      let advice = errno == EACCES ? ": ask as root, or as the user whose folder it is" : ""
      throw StoreError.file(path: path, errorText() + advice)
    }
    guard Self.take(file, until: ContinuousClock.now + patience) else {
      let isTaken = errno == EWOULDBLOCK
      let words = errorText()
      // The file is closed by `deinit`, which runs for an object that was complete when its initialiser threw.
      throw isTaken ? StoreError.locked(path: folder) : StoreError.file(path: path, words)
    }
  }

  deinit { if file >= 0 { Glibc.close(file) } }

  /// `flock` waits for ever or not at all: hence the turns.
  private static func take(_ file: Int32, until end: ContinuousClock.Instant) -> Bool {
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EINTR || (errno == EWOULDBLOCK && ContinuousClock.now < end) else { return false }
      usleep(20_000)
    }
    return true
  }
}

/// The operating system's words for the present `errno`.
func errorText() -> String { String(cString: strerror(errno)) }
