internal import Logging

/// The writer's housework in slices of at most 10 ms: folding hashes in, reaping, giving free pages back, the ballast. A little of it
/// goes with every batch; the rest is done when nothing else waits. Belongs to the writer thread.
final class Upkeep {
  private static let sliceNanoseconds: UInt64 = 8_000_000
  private static let retryNanoseconds: UInt64 = 5_000_000_000

  private let core: WriterCore
  private let ballast: Ballast
  private let logger: Logger
  /// Upkeep failed: not before this time again.
  private var notBefore: UInt64 = 0
  private var mayVacuum = false
  private var ballastChecked: UInt64 = 0

  init(core: WriterCore, ballast: Ballast, logger: Logger) {
    self.core = core
    self.ballast = ballast
    self.logger = logger
  }

  /// Whether an idle writer should do a slice now.
  var hasWork: Bool {
    if core.leases.takeReleased() { core.reaper.lookAgain() }
    remakeBallast()
    guard monotonicNanoseconds() >= notBefore else { return false }
    return core.reaper.mayHaveWork || mayVacuum || core.hashes.isFolding
  }

  /// A slice inside the writer's transaction.
  func step(isIdle: Bool) throws {
    guard monotonicNanoseconds() >= notBefore else { return }
    let added = core.pending.hashes.count
    core.pending.folded = try core.hashes.fold(isIdle ? 500 : max(8, added * 4), into: core.database)
    var reaper = core.reaper
    if core.pending.hasGarbage { reaper.mayHaveWork = true }
    let start = monotonicNanoseconds()
    while reaper.mayHaveWork {
      try reaper.slice(core, rows: 10)
      if !isIdle || monotonicNanoseconds() &- start > Self.sliceNanoseconds { break }
    }
    core.pending.reaper = reaper
    if isIdle, !reaper.mayHaveWork { try vacuum() }
  }

  /// After a commit.
  func committed() {
    guard core.reaper.hasFreed else { return }
    core.reaper.hasFreed = false
    mayVacuum = true
  }

  /// After a failure: not again for a while.
  func postpone() { notBefore = monotonicNanoseconds() + Self.retryNanoseconds }

  /// Gives free pages back to the file system while more than a tenth of the file is free.
  private func vacuum() throws {
    guard mayVacuum else { return }
    let free = try core.database.pragma("freelist_count")
    let pages = try core.database.pragma("page_count")
    if free > 1024, free > pages / 10 {
      try core.database.execute("PRAGMA incremental_vacuum(64)")
    } else {
      mayVacuum = false
    }
  }

  /// Lets the ballast go, so that deleting can go on when the disk is full.
  /// - Returns: whether there was any.
  func releaseBallast() -> Bool {
    guard ballast.release() else { return false }
    logger.warning("the disk is full: the ballast file was let go so that mail can be deleted")
    notBefore = 0
    return true
  }

  private func remakeBallast() {
    let now = monotonicNanoseconds()
    guard now &- ballastChecked > 30_000_000_000 else { return }
    ballastChecked = now
    ballast.remake()
  }
}
