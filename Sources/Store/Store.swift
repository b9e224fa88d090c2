public import Logging
public import Platform

/// The one database of the house.
public final class Store: Sendable {
  /// Bytes of one chunk of a body.
  public static let chunkSize = 65_536
  /// Bodies up to this many bytes are handed over in memory; larger ones are staged (``stage()``).
  public static let inlineLimit = 262_144
  /// The schema that this program writes.
  public static let schemaVersion = 1

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
    public var clock = Clock.system
    public var logger = Logger(label: "postroom.store")

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
    throw StoreError.closed
  }

  /// Finishes what is under way and what waits, then closes. Later calls get ``StoreError/closed``.
  public func close() async {}

  /// Runs a closure on the writer thread, in one transaction with whatever else waits, and returns when it is durable.
  ///
  /// The closure must be **pure and re-runnable**: it may be run several times before one run is committed, so it may
  /// change nothing but what it reaches through the transaction. It must be quick (10 ms) and block on nothing. If it
  /// throws, nothing of it is kept and this call throws the same error; other closures are not affected.
  ///
  /// Throws ``StoreError/diskFull`` (nothing kept), ``StoreError/outcomeUnknown(_:)`` (see there), ``StoreError/closed``.
  /// - Parameter purpose: ``Purpose/freeing`` for closures that delete: on a full disk the ballast is let go for them.
  public func write<T: Sendable>(
    _ purpose: Purpose = .adding, _ body: @escaping @Sendable (inout Transaction) throws -> T
  ) async throws -> T {
    throw StoreError.closed
  }

  public enum Purpose: Sendable {
    case adding, freeing
  }

  /// Says that a ``write(_:_:)`` will come very soon (a session is past its end of data), so that the writer gathers it into
  /// the same commit as others. Call ``WriteExpectation/withdraw()`` if none comes; the expectation is used up by the write.
  public func expectWrite() -> WriteExpectation { WriteExpectation() }

  /// Runs a closure on a reader thread in one read transaction, which sees everything that was committed before.
  ///
  /// It must wait for nothing; long scans go in several calls.
  public func read<T: Sendable>(_ body: @escaping @Sendable (borrowing Reader) throws -> T) async throws -> T {
    throw StoreError.closed
  }

  // MARK: Lazily written

  /// Traces a refusal with the next commit, or after a second. Never waits; when more than 1,000 rows wait already, the
  /// row is merged into a count. Bounding the rate of each peer is the caller's business.
  public func traceLazily(_ refusal: Refusal) {}

  /// Traces a step of an accepted envelope with the next commit, or after a second.
  public func traceLazily(_ step: TraceStep, of envelope: EnvelopeID) {}

  /// Notes whether the client has seen the reply to its content (RFC 1047), at once in memory and on disk with the next
  /// commit, or after a second.
  public func markReply(_ envelope: EnvelopeID, _ outcome: ReplyOutcome) {}

  // MARK: Being told

  /// Registers a listener that is called after every commit, on the writer thread, before the writers' calls return. It must
  /// be quick, and must not call the store. Listeners stay until the store is closed.
  public func onCommit(_ listener: @escaping @Sendable (CommitSummary) -> Void) {}

  /// Registers a listener for the moment when the store refuses further writes (``StoreError/outcomeUnknown(_:)``): the
  /// appliance must restart.
  public func onFailure(_ listener: @escaping @Sendable (StoreError) -> Void) {}

  // MARK: Preconditions

  /// The generation of the configuration in force; ``Transaction/generation`` shows it to closures.
  public func setGeneration(_ generation: Int) {}

  // MARK: State

  /// For the watchdog.
  public var progress: WriterProgress { WriterProgress(activity: .idle, since: .zero, waiting: 0) }

  /// Free bytes on the database's file system.
  public var spaceLeft: Int { 0 }

  /// Whether no more mail should be accepted (452): less space is left than the reserve.
  public var isBelowReserve: Bool { false }

  /// The folder that holds the database.
  public let folder: String

  init(folder: String) { self.folder = folder }
}

/// See ``Store/expectWrite()``.
public final class WriteExpectation: Sendable {
  public func withdraw() {}
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

  public init() {}
}

/// What the writer thread is doing.
public struct WriterProgress: Hashable, Sendable {
  public enum Activity: Hashable, Sendable {
    /// Nothing waits.
    case idle
    /// Running closures. More than a few seconds of it mean that one hangs.
    case working
    /// Inside a commit, that is, perhaps inside a sync: minutes are possible on a bad disk, and it counts as alive.
    case syncing
    /// It met ``StoreError/outcomeUnknown(_:)``, or was closed.
    case stopped
  }
  public let activity: Activity
  /// For how long it has been doing that.
  public let since: Duration
  /// Closures that wait.
  public let waiting: Int
}
