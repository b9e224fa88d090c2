public import Logging
public import Platform
internal import Synchronization

/// The one database of the house: mail, queue, trace and secrets in one SQLite file.
///
/// Callers hand closures to the writer thread (``write(_:expected:_:)``); all that wait are committed together, synced once,
/// and only then answered (`GroupCommit.swift`). Reader threads (``read(_:)``) see what is committed and never wait for the
/// writer. The room knows no mail format: it takes columns that others computed. What must hold between the rows is told in
/// `Check.swift`, and proved there on demand.
///
///                 closures                        ┌──▶ effects in memory, listeners
///     callers ──────────────▶ writer ──▶ COMMIT ──┤
///        ▲                      │ idle            └──▶ callers' results
///        │ rows                 ▼
///     readers ◀── log ──▶ checkpointer      reaper, fold, vacuum: in slices (`Upkeep.swift`)
///
/// A message is a **content**: one header section (a row a variant) and a **body** (chunks, kept once, found by SHA-256). An
/// **entry** files a content in a mailbox, with a **prefix** of the copy's own header fields. An **envelope** with its
/// **recipients** is what was accepted for whom; recipients that wait are the queue, and hold their content as entries do.
public final class Store: Sendable {
  /// Bytes of one chunk of a body.
  public static let chunkSize = 65_536
  /// Bodies up to this many bytes are handed over in memory; larger ones are staged (``stage()``).
  public static let inlineLimit = 262_144
  /// The schema that this program writes.
  public static let schemaVersion = 8

  /// How to open a store.
  public struct Options: Sendable {
    /// Reader threads.
    public var readers = 3
    /// Free bytes on the file system below which ``Store/isBelowReserve`` tells to accept no more mail.
    public var reserve = 256 << 20
    /// Bytes of the ballast file, which is let go on a full disk so that mail can be deleted. 0: none.
    public var ballast = 64 << 20
    /// How long a fingerprint recognises a retry (RFC 1047).
    public var fingerprintAge = Duration.seconds(5 * 86_400)
    /// How long to wait for another process that has the database open: one that is just ending, or a command that looks
    /// something up.
    public var patience = Duration.zero
    public var clock = Clock.system
    public var logger = Logger(label: "postroom.store")

    /// Hashes in memory before they are folded into the index.
    var hashTail = 60_000
    /// Pages of log after which a checkpoint is made.
    var checkpointPages = 1024
    /// Another SQLite file layer; tests use one that fails.
    var vfs: String?
    /// Bytes of log that a backup may pin before it goes on in slices on the writer's connection.
    var backupLogLimit = 512 << 20

    public init() {}
  }

  /// Opens the database in a folder, and makes both if they are missing (modes 0600 and 0700). Migrates an older schema.
  ///
  /// Blocks while it opens. Throws ``StoreError/locked(path:)`` when another process has it open,
  /// ``StoreError/newerSchema(found:known:)``, ``StoreError/damaged(_:)``, ``StoreError/file(path:_:)``.
  /// - Parameter migrating: told before a migration that may take long.
  public static func open(
    folder: String, options: Options = Options(), migrating: (_ from: Int, _ to: Int) -> Void = { _, _ in }
  ) throws -> Store {
    try Store(folder: folder, options: options, migrating: migrating)
  }

  /// The folder that holds the database.
  public let folder: String

  let path: String
  let options: Options
  let queue = Monitor(WriteQueue())
  let readers = ReadPool()
  let hashes: HashTail
  let leases = Leases()
  let checkpointer: Checkpointer
  let retirement = Mutex(Int64(0))
  private let listeners = Listeners()
  private let board = ProgressBoard()
  private let space: Space
  private let generation = Generation()
  private let writer = Mutex<Worker?>(nil)

  private init(folder: String, options: Options, migrating: (Int, Int) -> Void) throws {
    self.folder = folder
    self.options = options
    path = folder + "/" + Opening.fileName
    hashes = HashTail(limit: options.hashTail)
    space = Space(folder: folder)
    checkpointer = Checkpointer(step: options.checkpointPages, logger: options.logger)
    try Opening.makeFolder(folder)
    let lock = try StoreLock(folder: folder, patience: options.patience)
    try Opening.makeFile(path)
    let writer = try openWriter(migrating)
    // When it throws, `deinit` ends the threads that were started.
    try start(writer, lock)
  }

  /// Opens the writer's connection. That too needs a little room: on a full disk the ballast gives it.
  private func openWriter(_ migrating: (Int, Int) -> Void) throws -> Database {
    do {
      return try Opening.writer(path, vfs: options.vfs, migrating: migrating)
    } catch {
      let ballast = Ballast(folder: folder, size: options.ballast, reserve: options.reserve, space: space)
      guard space.left < 1 << 20, ballast.release() else { throw error }
      options.logger.warning("the disk is full: the ballast file was let go so that the store can be opened (\(error))")
      return try Opening.writer(path, vfs: options.vfs, migrating: migrating)
    }
  }

  private func start(_ database: Database, _ lock: StoreLock) throws {
    if database.isReadOnly {
      let refusal = StoreError.readOnly(path: path)
      options.logger.critical("\(refusal); mail can be read, and nothing is taken in")
      queue.withLock { $0.refusal = refusal }
    }
    try hashes.load(from: database)
    let core = try WriterCore(
      database: database, hashes: hashes, leases: leases, clock: options.clock,
      fingerprintAge: options.fingerprintAge, generation: { [generation] in generation.value })
    let ballast = Ballast(folder: folder, size: options.ballast, reserve: options.reserve, space: space)
    let writer = GroupCommit(
      core: core, queue: queue, listeners: listeners, progress: board, checkpointer: checkpointer,
      upkeep: Upkeep(core: core, ballast: ballast, logger: options.logger), logger: options.logger)
    checkpointer.watch(database)
    let checkpoints = try Database(path: path, role: .checkpointer, vfs: options.vfs)
    var others = [try launch("store-log", checkpoints, lock) { [checkpointer] in checkpointer.run($0) }]
    for _ in 0..<max(options.readers, 1) {
      let connection = try Database(path: path, role: .reader, vfs: options.vfs)
      others.append(try launch("store-reader", connection, lock) { [readers, hashes] in readers.run($0, hashes) })
    }
    // The first messages look hashes up: read that index once, so that they need not wait for a cold disk.
    readers.add(WarmUp())
    let threads = others
    let worker = try launch("store-writer", writer, lock) { [checkpointer, readers] writer in
      writer.run()
      checkpointer.stop()
      readers.stop()
      for thread in threads { thread.join() }
      // The last connection to be closed takes the log over into the database.
      writer.core.database.close()
    }
    self.writer.withLock { $0 = worker }
  }

  /// Starts a thread that takes over an object. It keeps the lock until it has ended.
  private func launch<Owned>(
    _ name: String, _ object: Owned, _ lock: StoreLock, _ body: @escaping @Sendable (Owned) -> Void
  ) throws -> Worker {
    let handed = Handed(object)
    return try Worker(name) {
      body(handed.object)
      withExtendedLifetime(lock) {}
    }
  }

  /// Carries an object to the thread that owns it from then on.
  ///
  /// `@unchecked Sendable`: whoever hands it over does not touch it again.
  private struct Handed<Owned>: @unchecked Sendable {
    let object: Owned
    init(_ object: Owned) { self.object = object }
  }

  deinit {
    stopWriter()
    // Only for a store that did not open: else the writer does it when it is done.
    if writer.withLock({ $0 == nil }) {
      checkpointer.stop()
      readers.stop()
    }
  }

  private func stopWriter() {
    queue.withLock { $0.isClosing = true }
    queue.signal()
  }

  /// Finishes what is under way and what waits, then closes. Later calls get ``StoreError/closed``.
  public func close() async {
    guard let thread = writer.withLock({ $0 }) else { return }
    stopWriter()
    // Joining blocks: not on a thread that others need.
    await withCheckedContinuation { continuation in
      let join: @Sendable () -> Void = {
        thread.join()
        continuation.resume()
      }
      if (try? Worker("store-close", join)) == nil { join() }
    }
    listeners.clear()
  }

  // MARK: Writing and reading

  /// Runs a closure on the writer thread, in one transaction with whatever else waits, and returns when it is durable.
  ///
  /// The closure must be **pure and re-runnable**: it may be run several times before one run is committed, so it may
  /// change nothing but what it reaches through the transaction. It must be quick (10 ms) and block on nothing. If it
  /// throws, nothing of it is kept and this call throws the same error; other closures are not affected.
  ///
  /// Throws ``StoreError/diskFull`` (nothing kept), ``StoreError/outcomeUnknown(_:)`` (see there), ``StoreError/closed``.
  /// - Parameters:
  ///   - purpose: ``Purpose/freeing`` for closures that delete: on a full disk the ballast is let go for them.
  ///   - expected: what ``expectWrite()`` gave; it is used up.
  public func write<T: Sendable>(
    _ purpose: Purpose = .adding, expected: WriteExpectation? = nil,
    _ body: @escaping @Sendable (inout Transaction) throws -> T
  ) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let job = Job(purpose, body, continuation)
      let (refusal, wakes) = queue.withLock { queue -> (StoreError?, Bool) in
        if expected?.use() == true { queue.expected -= 1 }
        if let refusal = queue.refusal { return (refusal, false) }
        if queue.isClosing { return (.closed, false) }
        queue.jobs.append(job)
        return (nil, queue.jobs.count >= queue.wanted)
      }
      if let refusal { job.fail(refusal) }
      if wakes { queue.signal() }
    }
  }

  public enum Purpose: Sendable {
    case adding, freeing
  }

  /// Says that a ``write(_:expected:_:)`` will come very soon (a session is past its end of data), so that the writer gathers
  /// it into the same commit as others. Call ``WriteExpectation/withdraw()`` if none comes.
  public func expectWrite() -> WriteExpectation {
    queue.withLock { $0.expected += 1 }
    return WriteExpectation(queue)
  }

  /// Runs a closure on a reader thread in one read transaction, which sees everything that was committed before.
  ///
  /// It must wait for nothing; long scans go in several calls.
  public func read<T: Sendable>(_ body: @escaping @Sendable (borrowing Reader) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { readers.add(ReadClosure(body, $0)) }
  }

  // MARK: Lazily written

  /// Traces a refusal with the next commit, or within two seconds. Never waits; when 1,000 rows wait already, it is only
  /// counted, in one row that says so. Bounding the rate of each peer is the caller's business.
  public func traceLazily(_ refusal: Refusal) { later(.refusal(refusal)) }

  /// Traces a step of an accepted envelope with the next commit, or within two seconds.
  public func traceLazily(_ step: TraceStep, of envelope: EnvelopeID) { later(.step(step, envelope)) }

  /// Notes whether the client has seen the reply to its content (RFC 1047): for every later closure at once, and on disk with
  /// the next commit, or within two seconds.
  public func markReply(_ envelope: EnvelopeID, _ outcome: ReplyOutcome) { later(.reply(envelope, outcome)) }

  func later(_ item: LazyWrite) { queue.withLock { $0.add(item) } }

  // MARK: Being told

  /// Registers a listener that is called after every commit that changed mailboxes or the queue, on the writer thread,
  /// before the writers' calls return. It must be quick, and must not wait for the store. It stays until the store is closed.
  public func onCommit(_ listener: @escaping @Sendable (CommitSummary) -> Void) { listeners.add(commit: listener) }

  /// Registers a listener for the moment when the store refuses further writes (``StoreError/outcomeUnknown(_:)``): the
  /// appliance must restart.
  public func onFailure(_ listener: @escaping @Sendable (StoreError) -> Void) { listeners.add(failure: listener) }

  // MARK: Preconditions and state

  /// The generation of the configuration in force; ``Transaction/generation`` shows it to closures.
  public func setGeneration(_ generation: Int) { self.generation.value = generation }

  /// For the watchdog.
  public var progress: WriterProgress { board.progress(waiting: queue.withLock { $0.jobs.count }) }

  /// Writes that ``expectWrite()`` has announced and that have not come yet.
  var expectedWrites: Int { queue.withLock { $0.expected } }

  /// Commits and closures since the store was opened.
  var counts: (commits: Int, closures: Int) { board.counts }

  /// Whether nothing can be written (``StoreError/readOnly(path:)``).
  public var isReadOnly: Bool {
    queue.withLock { if case .readOnly? = $0.refusal { true } else { false } }
  }

  /// Free bytes on the database's file system.
  public var spaceLeft: Int { space.left }

  /// Whether no more mail should be accepted (452): less space is left than the reserve.
  public var isBelowReserve: Bool { space.left < options.reserve }
}

/// The configuration's generation, for closures on the writer thread.
private final class Generation: Sendable {
  private let number = Atomic(0)

  var value: Int {
    get { number.load(ordering: .acquiring) }
    set { number.store(newValue, ordering: .releasing) }
  }
}

/// See ``Store/expectWrite()``.
public final class WriteExpectation: Sendable {
  private let queue: Monitor<WriteQueue>
  private let isUsed = Atomic(false)

  init(_ queue: Monitor<WriteQueue>) { self.queue = queue }

  deinit { withdraw() }

  /// No write will come. Does nothing after the write.
  public func withdraw() {
    if use() { queue.withLock { $0.expected -= 1 } }
  }

  /// - Returns: whether it had not been used up.
  func use() -> Bool { !isUsed.exchange(true, ordering: .relaxed) }
}

/// What a commit changed, for those who wait.
public struct CommitSummary: Sendable {
  /// Mailboxes with new messages, changed flags or expunged messages, and their modification sequence now.
  public internal(set) var mailboxes: [MailboxID: ModSeq] = [:]
  /// Accounts whose list of mailboxes or subscriptions changed.
  public internal(set) var accounts: Set<String> = []
  /// Mailboxes that were deleted.
  public internal(set) var deletedMailboxes: Set<MailboxID> = []
  /// Whether rows of the queue came, went or changed.
  public internal(set) var queueChanged = false
  /// The earliest due time among the queued or held recipients that this commit wrote.
  public internal(set) var due: Moment?
  /// Where the queued ones among them go, with the earliest due time of each destination; see ``isOverflowing``.
  public internal(set) var destinations: [String: Moment] = [:]
  /// There were more destinations than ``destinations`` names, or recipients that are held until a time or have none.
  public internal(set) var isOverflowing = false
  /// The most destinations that one commit names.
  static let destinationLimit = 256

  public init() {}

  var isEmpty: Bool { mailboxes.isEmpty && accounts.isEmpty && deletedMailboxes.isEmpty && !queueChanged }
}

/// What the writer thread is doing.
public struct WriterProgress: Hashable, Sendable {
  public enum Activity: Hashable, Sendable {
    /// Nothing waits.
    case idle
    /// Running closures. More than a few seconds of it mean that one hangs.
    case working
    /// Inside a commit, that is, perhaps inside a sync, or waiting for the disk elsewhere: minutes are possible on a bad
    /// disk, and it counts as alive.
    case syncing
    /// The store was closed.
    case stopped
  }
  public let activity: Activity
  /// For how long it has been doing that. An idle writer starts anew every second.
  public let since: Duration
  /// Closures that wait.
  public let waiting: Int
}
