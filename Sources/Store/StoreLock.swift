internal import Glibc

/// Keeps two processes (or two stores of one process) from one database.
///
/// On a side file: closing any other descriptor of the database file itself would drop SQLite's own locks.
final class StoreLock: Sendable {
  private let file: Int32

  init(folder: String) throws {
    let path = folder + "/lock"
    file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreError.file(path: path, errorText()) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let isTaken = errno == EWOULDBLOCK
      let words = errorText()
      Glibc.close(file)
      throw isTaken ? StoreError.locked(path: folder) : StoreError.file(path: path, words)
    }
  }

  deinit { Glibc.close(file) }
}

/// The operating system's words for the present `errno`.
func errorText() -> String { String(cString: strerror(errno)) }
