internal import CSQLite
internal import Logging
internal import Synchronization

/// Moves pages from the write-ahead log into the database, off the writer's path.
///
/// A thread of its own makes a PASSIVE checkpoint for every 4 MB of log. Under constant writing the log is never quite empty, so
/// past 64 MB the writer itself makes a RESTART, at a moment when the thread has just passed and little is left to do.
final class Checkpointer: Sendable {
  private let stepFrames: Int
  private var restartFrames: Int { stepFrames * 16 }

  private struct State {
    var isWanted = false
    var isClosing = false
  }

  private let monitor = Monitor(State())
  /// Frames in the log after the last commit.
  private let frames = Atomic(0)
  /// Frames in the log when the thread last passed.
  private let passed = Atomic(0)
  private let hasJustPassed = Atomic(false)
  private let logger: Logger

  /// - Parameter step: pages of log after which the thread passes; the writer restarts the log after 16 times as many.
  init(step: Int, logger: Logger) {
    stepFrames = max(step, 1)
    self.logger = logger
  }

  /// Bytes of log that hold commits.
  var logBytes: Int { frames.load(ordering: .relaxed) * (Database.pageSize + 24) }

  /// Counts the frames that the writer's connection commits. The checkpointer must live longer than the connection.
  func watch(_ database: Database) {
    sqlite3_wal_hook(
      database.handle,
      { context, _, _, count in
        guard let context else { return SQLITE_OK }
        let checkpointer = Unmanaged<Checkpointer>.fromOpaque(context).takeUnretainedValue()
        checkpointer.frames.store(Int(count), ordering: .relaxed)
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// The writer calls this between batches.
  func afterCommit(_ database: Database, isIdle: Bool) {
    let count = frames.load(ordering: .relaxed)
    // The log began anew.
    if count < passed.load(ordering: .relaxed) { passed.store(0, ordering: .relaxed) }
    let isDue = count - passed.load(ordering: .relaxed) >= stepFrames
    if isDue {
      monitor.withLock { $0.isWanted = true }
      monitor.signal()
    }
    if count > restartFrames, hasJustPassed.exchange(false, ordering: .acquiringAndReleasing) {
      restart(database)
    }
  }

  private func restart(_ database: Database) {
    // Readers are quick; one that is not must not stop the mail.
    sqlite3_busy_timeout(database.handle, 20)
    let code = sqlite3_wal_checkpoint_v2(database.handle, "main", SQLITE_CHECKPOINT_RESTART, nil, nil)
    sqlite3_busy_timeout(database.handle, 5000)
    switch code & 0xff {
    case SQLITE_OK: passed.store(0, ordering: .relaxed)
    case SQLITE_BUSY: break
    default: logger.warning("the log could not be restarted: \(database.failure(code))")
    }
  }

  /// Runs until ``stop()``, on a thread and a connection of its own.
  func run(_ database: Database) {
    while monitor.wait({ state -> Bool? in
      if state.isClosing { return false }
      if state.isWanted {
        state.isWanted = false
        return true
      }
      return nil
    }) == true {
      var log: Int32 = 0
      var done: Int32 = 0
      let code = sqlite3_wal_checkpoint_v2(database.handle, "main", SQLITE_CHECKPOINT_PASSIVE, &log, &done)
      if code == SQLITE_OK {
        passed.store(Int(log), ordering: .relaxed)
        hasJustPassed.store(true, ordering: .releasing)
      } else if code & 0xff != SQLITE_BUSY {
        logger.warning("a checkpoint failed, and is tried again with the next: \(database.failure(code))")
      }
    }
    database.close()
  }

  func stop() {
    monitor.withLock { $0.isClosing = true }
    monitor.signal()
  }
}
