@testable import Store

/// Keeps the writer thread inside a closure until it is opened, so that everything written meanwhile becomes one batch.
final class Gate: Sendable {
  private let state = Monitor((isOpen: false, isEntered: false))

  func enter() {
    state.withLock { $0.isEntered = true }
    _ = state.wait { $0.isOpen ? true : nil }
  }

  func open() {
    state.withLock { $0.isOpen = true }
    state.broadcast()
  }

  var isEntered: Bool { state.withLock { $0.isEntered } }
}

extension Store {
  /// Runs closures in one batch, and gives the result of each.
  func batch<T: Sendable>(
    _ closures: [@Sendable (inout Transaction) throws -> T]
  ) async throws -> [Result<T, any Error>] {
    let gate = Gate()
    let stalled = Task { try await write { _ in gate.enter() } }
    while !gate.isEntered { await Task.yield() }
    return try await withThrowingTaskGroup(of: (Int, Result<T, any Error>).self) { group in
      for (index, closure) in closures.enumerated() {
        group.addTask {
          do { return (index, .success(try await self.write(.adding, closure))) } catch {
            return (index, .failure(error))
          }
        }
        // In order, so that tests can say who comes first.
        while progress.waiting <= index { await Task.yield() }
      }
      gate.open()
      var results: [Int: Result<T, any Error>] = [:]
      for try await (index, result) in group { results[index] = result }
      try await stalled.value
      return results.sorted { $0.key < $1.key }.map(\.value)
    }
  }
}

extension Result {
  var error: Failure? {
    if case .failure(let error) = self { return error }
    return nil
  }
}
