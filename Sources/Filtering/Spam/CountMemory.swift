internal import Store
internal import Synchronization

/// The classifier's counts in memory: everybody's, and those of the accounts that were last asked about.
///
/// They are read from the store when they are first needed, and follow it by the changes that a lesson's transaction gave
/// back. Each change has a number: one that does not follow on what is here makes the table be read anew.
final class CountMemory: Sendable {
  /// Bytes of accounts' tables together. Everybody's is bounded by ``Lesson/commonLimit``.
  private static let limit = 96 << 20
  private static let page = 20_000

  private struct Held {
    var table: CountTable
    var change: Int64
    var usedAt: UInt64
  }

  private struct State {
    var tables: [String: Held] = [:]
    var reading: [String: Task<Bool, Never>] = [:]
    var clock: UInt64 = 0
  }

  private let store: Store
  private let state = Mutex(State())

  init(_ store: Store) { self.store = store }

  /// Sees to it that a scope's counts are here.
  /// - Returns: `false` when they could not be read.
  func prepare(_ account: String) async -> Bool {
    let task: Task<Bool, Never>? = state.withLock { state in
      if state.tables[account] != nil { return nil }
      if let task = state.reading[account] { return task }
      let task = Task { await self.read(account) }
      state.reading[account] = task
      return task
    }
    guard let task else { return true }
    return await task.value
  }

  private func read(_ account: String) async -> Bool {
    var held: Held?
    // A lesson may be learned between two pages: then once more.
    for _ in 0..<3 where held == nil { held = try? await load(account) }
    return state.withLock { state in
      state.reading[account] = nil
      guard let held else { return false }
      state.tables[account] = held
      Self.evict(&state, but: account)
      return true
    }
  }

  /// `nil` when the counts changed while they were read.
  private func load(_ account: String) async throws -> Held? {
    let before = try await store.read { try $0.lessonScope(account) }
    var table = CountTable(expecting: before?.tokens ?? 0)
    table.lessons = LessonCount(spam: before?.spam ?? 0, ham: before?.ham ?? 0)
    var last: UInt64 = 0
    while before != nil {
      let from = last
      let counts = try await store.read { try $0.tokenCounts(account, after: from, limit: Self.page) }
      for count in counts { table.set(count.token, TokenCount(spam: count.spam, ham: count.ham)) }
      guard counts.count == Self.page, let next = counts.last else { break }
      last = next.token
    }
    let after = try await store.read { try $0.lessonScope(account) }
    return after == before ? Held(table: table, change: before?.change ?? 0, usedAt: 0) : nil
  }

  private static func evict(_ state: inout State, but kept: String) {
    var footprint = state.tables.filter { !$0.key.isEmpty }.map(\.value.table.footprint).reduce(0, +)
    while footprint > limit {
      let others = state.tables.filter { !$0.key.isEmpty && $0.key != kept }
      guard let oldest = others.min(by: { $0.value.usedAt < $1.value.usedAt }) else { return }
      footprint -= oldest.value.table.footprint
      state.tables[oldest.key] = nil
    }
  }

  /// Follows what lessons did to the store.
  func apply(_ changes: [LessonChange]) {
    state.withLock { state in
      for change in changes {
        guard let known = state.tables[change.account]?.change else { continue }
        // A scope that begins anew: its account was purged, and there is another of that name.
        guard known < change.change || change.change == 1 else { continue }
        if known == change.change - 1 {
          state.tables[change.account]?.table.add(change.tokens, isSpam: change.isSpam, times: change.times)
          state.tables[change.account]?.change = change.change
        } else {
          state.tables[change.account] = nil
        }
      }
    }
  }

  /// Lessons of a scope; `nil` where its counts are not here.
  func lessons(_ account: String) -> LessonCount? { state.withLock { $0.tables[account]?.table.lessons } }

  /// The estimate for each token that is known; with an account its own counts lean on everybody's.
  func probabilities(
    _ tokens: [UInt64], account: String?, _ parameters: Evidence.Parameters
  ) -> [Double]? {
    state.withLock { state in
      state.clock += 1
      if let account { state.tables[account]?.usedAt = state.clock }
      guard let common = state.tables[""]?.table else { return nil }
      return Evidence.probabilities(tokens, common, own: account.flatMap { state.tables[$0]?.table }, parameters)
    }
  }
}
