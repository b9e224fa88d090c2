internal import CSQLite
internal import Glibc
internal import Logging
internal import Platform

/// The writer thread: takes all closures that wait, runs them in one transaction, commits once, and resumes every caller. While
/// one batch is being synced the next one gathers, so that syncs per message go towards zero under load.
///
///     sleeping ──work──▶ gathering ──▶ running ──▶ committing ──▶ effects ──▶ sleeping
///                 a closure threw: again with savepoints ◀─┘ │
///                 SQLite gave the batch up: one by one ◀─────┤
///                 a sync failed: outcome unknown, stopped ◀──┘
final class GroupCommit {
  private enum Outcome {
    case committed(CommitSummary)
    /// A closure threw; the transaction could be rolled back.
    case threw(any Error)
    /// SQLite failed, and nothing of the batch is kept.
    case lost(any Error)
    /// Whether it is on disk is not known.
    case unknown(StoreError)
  }

  let core: WriterCore
  let queue: Monitor<WriteQueue>
  let listeners: Listeners
  let progress: ProgressBoard
  let checkpointer: Checkpointer
  let upkeep: Upkeep
  let logger: Logger
  private var lastBatches = (1, 1)
  private var database: Database { core.database }

  init(
    core: WriterCore, queue: Monitor<WriteQueue>, listeners: Listeners, progress: ProgressBoard,
    checkpointer: Checkpointer, upkeep: Upkeep, logger: Logger
  ) {
    self.core = core
    self.queue = queue
    self.listeners = listeners
    self.progress = progress
    self.checkpointer = checkpointer
    self.upkeep = upkeep
    self.logger = logger
  }

  // MARK: The loop

  /// The most closures in one commit.
  private static let batchLimit = 512
  /// How long a batch waits for others to join it (measured: more adds nothing).
  private static let gatherNanoseconds: UInt64 = 300_000

  private struct Batch {
    var jobs: [any WriteJob] = []
    var lazy: [LazyWrite] = []
    var backup: BackupSteps?
    var isLast = false
  }

  /// Runs until the store is closed. Called on the writer thread.
  func run() {
    progress.watchThisThread()
    while true {
      progress.set(.idle)
      let batch = next()
      progress.set(.working)
      if !batch.jobs.isEmpty || !batch.lazy.isEmpty { process(batch.jobs, lazy: batch.lazy) }
      if let backup = batch.backup { stepBackup(backup) }
      checkpointer.afterCommit(core.database, isIdle: batch.jobs.isEmpty)
      if batch.isLast { break }
      if batch.jobs.isEmpty { upkeepWhenIdle() }
      leaveReadOnly()
    }
    // Before the connection is closed: the copy hangs on it.
    queue.withLock { $0.backup }?.end(.failure(StoreError.closed))
    progress.set(.stopped)
  }

  /// Waits for work, and for others to join it.
  private func next() -> Batch {
    let needsUpkeep = upkeep.hasWork
    let deadline = monotonicNanoseconds() + (needsUpkeep ? 0 : 1_000_000_000)
    let isBusy: Bool =
      queue.wait(until: deadline) { queue -> Bool? in
        queue.wanted = 1
        if !queue.jobs.isEmpty || queue.isClosing || queue.backup != nil { return true }
        return nil
      } ?? false
    if isBusy, lastBatches.0 > 1 || lastBatches.1 > 1 { gather() }
    return queue.withLock { queue in
      queue.wanted = .max
      var batch = Batch()
      batch.jobs = Array(queue.jobs.prefix(Self.batchLimit))
      queue.jobs.removeFirst(batch.jobs.count)
      batch.backup = queue.backup
      let isLast = queue.isClosing && queue.jobs.isEmpty
      let isDue = !queue.lazy.isEmpty && monotonicNanoseconds() &- queue.lazySince >= 1_000_000_000
      if !batch.jobs.isEmpty || isDue || isLast {
        batch.lazy = queue.lazy
        queue.lazy = []
        if queue.refusalsDropped > 0 {
          batch.lazy.append(.refusal(dropped(queue.refusalsDropped)))
          queue.refusalsDropped = 0
        }
      }
      batch.isLast = isLast
      if isLast { queue.refusal = queue.refusal ?? .closed }
      return batch
    }
  }

  private func dropped(_ count: Int) -> Refusal {
    Refusal(
      at: core.clock.now(), peer: "", stage: "store", words: "refusals that came too fast to be traced one by one",
      count: count)
  }

  /// Waits a moment for as many closures as there are sessions about to write; where nobody says so, for as many as the last two
  /// batches had: sessions that were answered by the one come back while the other is being synced.
  private func gather() {
    let both = lastBatches.0 + lastBatches.1
    let start = monotonicNanoseconds()
    _ = queue.wait(until: start + Self.gatherNanoseconds) { queue -> Bool? in
      let target = queue.expected > 0 ? queue.jobs.count + queue.expected : both
      queue.wanted = min(target, Self.batchLimit)
      return queue.jobs.count >= queue.wanted || queue.isClosing ? true : nil
    }
  }

  // MARK: A batch

  private func process(_ jobs: [any WriteJob], lazy: [LazyWrite]) {
    if !jobs.isEmpty { lastBatches = (lastBatches.1, jobs.count) }
    if let refusal = queue.withLock({ $0.refusal }), refusal != .closed {
      for job in jobs { job.fail(refusal) }
      return
    }
    for item in lazy {
      if case .reply(let envelope, let outcome) = item { _ = core.fingerprints.mark(envelope, outcome) }
    }
    switch attempt(jobs, lazy: lazy, withUpkeep: true) {
    case .committed(let summary): finish(jobs, summary)
    case .unknown(let error): stop(error, jobs)
    case .threw(let error) where jobs.count == 1 && lazy.isEmpty: jobs[0].fail(error)
    case .threw: processWithSavepoints(jobs, lazy: lazy)
    case .lost(let error):
      logger.warning("a batch of \(jobs.count) was given up by SQLite, and is run one by one: \(error)")
      upkeep.postpone()
      processOneByOne(jobs, lazy: lazy)
    }
  }

  /// Runs all closures in one transaction.
  private func attempt(_ jobs: [any WriteJob], lazy: [LazyWrite], withUpkeep: Bool) -> Outcome {
    do {
      try begin()
    } catch {
      return .lost(error)
    }
    var transaction = Transaction(core)
    var isInsideJob = false
    do {
      try write(lazy, &transaction)
      isInsideJob = true
      for job in jobs { try job.run(&transaction) }
      isInsideJob = false
      try complete(withUpkeep: withUpkeep, isIdle: jobs.isEmpty)
    } catch {
      let isOpen = database.inTransaction
      rollback()
      return isInsideJob && isOpen ? .threw(error) : .lost(error)
    }
    return commit()
  }

  /// A closure threw: each runs behind a savepoint of its own, and those that throw fail alone.
  private func processWithSavepoints(_ jobs: [any WriteJob], lazy: [LazyWrite]) {
    var good: [any WriteJob] = []
    var failed: [(any WriteJob, any Error)] = []
    var waiting = jobs[...]
    do {
      try begin()
      var transaction = Transaction(core)
      try write(lazy, &transaction)
      while let job = waiting.first {
        let before = core.pending
        try database.command("SAVEPOINT closure")
        do {
          try job.run(&transaction)
          try database.command("RELEASE closure")
          good.append(job)
        } catch {
          // The whole transaction may be gone, savepoints and all.
          guard database.inTransaction else { throw error }
          try database.command("ROLLBACK TO closure")
          try database.command("RELEASE closure")
          core.pending = before
          failed.append((job, error))
        }
        waiting.removeFirst()
      }
      try complete(withUpkeep: false, isIdle: false)
    } catch {
      rollback()
      for (job, error) in failed { job.fail(error) }
      processOneByOne(good + waiting, lazy: lazy)
      return
    }
    for (job, error) in failed { job.fail(error) }
    switch commit() {
    case .committed(let summary): finish(good, summary)
    case .unknown(let error): stop(error, good)
    case .threw, .lost: processOneByOne(good, lazy: lazy)
    }
  }

  /// The last resort: each closure in a transaction of its own.
  private func processOneByOne(_ jobs: [any WriteJob], lazy: [LazyWrite]) {
    var waiting = jobs[...]
    while let job = waiting.popFirst() {
      var outcome = attempt([job], lazy: [], withUpkeep: false)
      if job.purpose == .freeing, case .lost(StoreError.diskFull) = outcome, upkeep.releaseBallast() {
        outcome = attempt([job], lazy: [], withUpkeep: false)
      }
      switch outcome {
      case .committed(let summary): finish([job], summary)
      case .threw(let error), .lost(let error): job.fail(error)
      case .unknown(let error):
        stop(error, [job] + waiting)
        return
      }
    }
    guard !lazy.isEmpty else { return }
    switch attempt([], lazy: lazy, withUpkeep: false) {
    case .committed(let summary): finish([], summary)
    case .unknown(let error): stop(error, [])
    case .threw(let error), .lost(let error):
      logger.warning("\(lazy.count) rows of the trace could not be written: \(error)")
    }
  }

  // MARK: Parts of a batch

  private func begin() throws {
    database.needsTransaction = false
    try database.command("BEGIN IMMEDIATE")
    database.needsTransaction = true
  }

  private func complete(withUpkeep: Bool, isIdle: Bool) throws {
    try core.discardUnreferenced()
    try core.flush()
    if withUpkeep { try upkeep.step(isIdle: isIdle) }
  }

  private func commit() -> Outcome {
    faultPoint(.beforeCommit)
    database.needsTransaction = false
    progress.set(.syncing)
    defer { progress.set(.working) }
    do {
      try database.command("COMMIT")
    } catch {
      rollback()
      // A full disk leaves no complete commit behind; any other failure to write may have.
      if case StoreError.sql(let code, let words) = error, code & 0xff == SQLITE_IOERR {
        return .unknown(.outcomeUnknown(words))
      }
      return .lost(error)
    }
    faultPoint(.afterCommit)
    return .committed(core.accept())
  }

  private func rollback() {
    database.needsTransaction = false
    if database.inTransaction {
      do {
        try database.command("ROLLBACK")
      } catch {
        logger.error("a transaction could not be rolled back: \(error)")
      }
    }
    core.forget()
  }

  private func finish(_ jobs: [any WriteJob], _ summary: CommitSummary) {
    progress.committed(jobs.count)
    upkeep.committed()
    listeners.tell(summary)
    for job in jobs { job.succeed() }
  }

  /// Nothing is known any more: nobody is told yes or no.
  private func stop(_ error: StoreError, _ jobs: some Sequence<any WriteJob>) {
    logger.critical("the store stops: \(error)")
    let waiting = queue.withLock { queue in
      queue.refusal = error
      defer { queue.jobs = [] }
      return queue.jobs
    }
    for job in jobs { job.fail(error) }
    for job in waiting { job.fail(error) }
    listeners.tell(error)
  }

  private func write(_ lazy: [LazyWrite], _ transaction: inout Transaction) throws {
    for item in lazy {
      switch item {
      case .refusal(let row): try transaction.trace(row)
      case .step(let step, let envelope): try transaction.trace(step, of: envelope)
      case .reply(let envelope, let outcome): try transaction.markReply(envelope, outcome)
      case .abandon(let body): try transaction.abandonStaged(body)
      case .session(let session): try transaction.count(session)
      }
    }
  }

  // MARK: When idle

  /// Where the protection that made the store read-only is gone, it is opened anew: by whoever restarts the appliance.
  private func leaveReadOnly() {
    guard case .readOnly(let path)? = queue.withLock({ $0.refusal }), access(path, W_OK) == 0 else { return }
    guard let slash = path.lastIndex(of: "/"), access(String(path[..<slash]), W_OK) == 0 else { return }
    stop(.outcomeUnknown("\(path) could only be read, and can be written again"), [])
  }

  private func upkeepWhenIdle() {
    guard upkeep.hasWork, queue.withLock({ $0.refusal == nil }) else { return }
    switch attempt([], lazy: [], withUpkeep: true) {
    case .committed(let summary): finish([], summary)
    case .unknown(let error): stop(error, [])
    case .threw(let error), .lost(let error):
      if case StoreError.diskFull = error, upkeep.releaseBallast() { return }
      upkeep.postpone()
      logger.warning("upkeep of the database failed, and is tried again later: \(error)")
    }
  }

  private func stepBackup(_ backup: BackupSteps) {
    if backup.step(from: database) { queue.withLock { $0.backup = nil } }
  }
}
