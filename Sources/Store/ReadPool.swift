internal import Logging

/// A closure that waits for a reader thread.
protocol ReadJob: AnyObject, Sendable {
  func run(_ database: Database, _ hashes: HashTail)
  func fail(_ error: any Error)
}

final class ReadClosure<T: Sendable>: ReadJob {
  private let body: @Sendable (borrowing Reader) throws -> T
  private let continuation: CheckedContinuation<T, any Error>

  init(
    _ body: @escaping @Sendable (borrowing Reader) throws -> T, _ continuation: CheckedContinuation<T, any Error>
  ) {
    self.body = body
    self.continuation = continuation
  }

  func run(_ database: Database, _ hashes: HashTail) {
    do {
      continuation.resume(returning: try database.reading { try body(Reader(database, hashes)) })
    } catch {
      continuation.resume(throwing: error)
    }
  }

  func fail(_ error: any Error) { continuation.resume(throwing: error) }
}

/// Reads the index of hashes once after the start: with a cold cache the first thousands of messages would run at half rate
/// (measured).
final class WarmUp: ReadJob {
  func run(_ database: Database, _ hashes: HashTail) {
    // Nothing hangs on it; whoever needs the index will meet the error.
    _ = try? database.reading { try database.number("SELECT count(*) FROM hash") }
  }

  func fail(_ error: any Error) {}
}

extension Database {
  /// Runs a closure in one read transaction.
  func reading<T>(_ body: () throws -> T) throws -> T {
    try command("BEGIN")
    do {
      let result = try body()
      try command("COMMIT")
      return result
    } catch {
      // A read transaction that cannot be ended would pin the log; the error that counts is the first one.
      if inTransaction { try? command("ROLLBACK") }
      throw error
    }
  }
}

/// The threads that read, each with a connection of its own.
final class ReadPool: Sendable {
  private struct State {
    var jobs: [any ReadJob] = []
    var isClosing = false
  }

  private let monitor = Monitor(State())

  func add(_ job: any ReadJob) {
    let isClosed = monitor.withLock { state in
      if !state.isClosing { state.jobs.append(job) }
      return state.isClosing
    }
    if isClosed { job.fail(StoreError.closed) } else { monitor.signal() }
  }

  /// The body of a reader thread: until ``stop()``, and nothing is left.
  func run(_ database: Database, _ hashes: HashTail) {
    while let job = monitor.wait({ state -> (any ReadJob)?? in
      if !state.jobs.isEmpty { return .some(state.jobs.removeFirst()) }
      return state.isClosing ? .some(nil) : nil
    }) ?? nil {
      job.run(database, hashes)
    }
    database.close()
  }

  func stop() {
    monitor.withLock { $0.isClosing = true }
    monitor.broadcast()
  }
}
