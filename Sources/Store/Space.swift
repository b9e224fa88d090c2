internal import Glibc
internal import Synchronization

/// How much room the database's file system has left.
final class Space: Sendable {
  private struct State {
    var left = 0
    var asked: UInt64 = 0
  }

  private let folder: String
  private let state = Mutex(State())

  init(folder: String) { self.folder = folder }

  /// Bytes that this user may still write; asked of the system at most ten times a second. `Int.max` when it does not say.
  var left: Int {
    let now = monotonicNanoseconds()
    return state.withLock { state in
      if state.asked == 0 || now &- state.asked > 100_000_000 {
        state.asked = now
        state.left = Self.ask(folder)
      }
      return state.left
    }
  }

  private static func ask(_ folder: String) -> Int {
    var facts = statvfs()
    guard statvfs(folder, &facts) == 0 else { return .max }
    let (bytes, overflow) = UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize))
    return overflow ? .max : Int(clamping: bytes)
  }
}

/// A file that only takes up room: on a full disk DELETE and checkpoints fail too, and then it is given up.
final class Ballast {
  private let path: String
  private let size: Int
  private let space: Space
  private let reserve: Int

  init(folder: String, size: Int, reserve: Int, space: Space) {
    path = folder + "/ballast"
    self.size = size
    self.space = space
    self.reserve = reserve
  }

  /// Makes the file when it is not there and twice its size is free above the reserve.
  func remake() {
    guard size > 0, access(path, F_OK) != 0, space.left / 2 > size + reserve / 2 else { return }
    let file = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { return }
    if posix_fallocate(file, 0, size) != 0 { unlink(path) }
    Glibc.close(file)
  }

  /// - Returns: whether there was any.
  func release() -> Bool { unlink(path) == 0 }
}
