#if DEBUG
  internal import Platform
#endif

/// A closure that waits for the writer, and whoever waits for its result.
protocol WriteJob: AnyObject, Sendable {
  var purpose: Store.Purpose { get }
  /// Runs the closure, and keeps its result until it is known to be true.
  func run(_ transaction: inout Transaction) throws
  /// The result is durable: resumes the caller with it.
  func succeed()
  func fail(_ error: any Error)
}

/// `@unchecked Sendable`: what varies is touched by the writer thread alone, or by whoever could not hand the job to it.
final class Job<T: Sendable>: WriteJob, @unchecked Sendable {
  let purpose: Store.Purpose
  private let body: @Sendable (inout Transaction) throws -> T
  private var continuation: CheckedContinuation<T, any Error>?
  private var result: T?

  init(
    _ purpose: Store.Purpose, _ body: @escaping @Sendable (inout Transaction) throws -> T,
    _ continuation: CheckedContinuation<T, any Error>
  ) {
    self.purpose = purpose
    self.body = body
    self.continuation = continuation
  }

  func run(_ transaction: inout Transaction) throws {
    result = try body(&transaction)
    #if DEBUG
      if Mutation.replyBeforeCommit.isOn { succeed() }
    #endif
  }

  func succeed() {
    if let result {
      answer(.success(result))
    } else {
      answer(.failure(StoreError.misuse("a closure was committed before it ran")))
    }
  }

  func fail(_ error: any Error) { answer(.failure(error)) }

  /// Once and never again.
  private func answer(_ result: Result<T, any Error>) {
    continuation?.resume(with: result)
    continuation = nil
  }
}

/// What is written with the next commit, without anybody waiting for it.
enum LazyWrite: Sendable {
  case refusal(Refusal)
  case step(TraceStep, EnvelopeID)
  case reply(EnvelopeID, ReplyOutcome)
  case abandon(BodyID)
  case session(TLSSessionCount)
}

/// What waits for the writer thread.
struct WriteQueue {
  static let lazyLimit = 1000

  var jobs: [any WriteJob] = []
  var lazy: [LazyWrite] = []
  /// When the first of `lazy` came, in monotonic nanoseconds.
  var lazySince: UInt64 = 0
  /// Refusals for which there was no room.
  var refusalsDropped = 0
  /// Sessions that will write very soon.
  var expected = 0
  /// The writer wants to be woken when so many jobs wait.
  var wanted = Int.max
  var isClosing = false
  /// Why nothing is accepted any more.
  var refusal: StoreError?
  /// A backup that wants to be taken on the writer's own connection.
  var backup: BackupSteps?

  mutating func add(_ item: LazyWrite) {
    if refusal != nil { return }
    if case .refusal(let row) = item, lazy.count >= Self.lazyLimit {
      refusalsDropped += row.count
      return
    }
    // Counts are no promise; memory is bounded.
    if case .session = item, lazy.count >= Self.lazyLimit { return }
    if lazy.isEmpty { lazySince = monotonicNanoseconds() }
    lazy.append(item)
  }
}
