import Synchronization
import Testing

@testable import Accounts

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct HashingThreadsTests {
  /// Holds a thread until it is opened.
  final class Gate: Sendable {
    private let condition = Condition()
    private let isOpen = Mutex(false)
    func open() {
      isOpen.withLock { $0 = true }
      condition.wake()
    }
    func pass() { _ = condition.wait(for: { isOpen.withLock { $0 } ? .got(()) : .wait }) }
  }

  final class Diary: Sendable {
    let lines = Mutex<[String]>([])
    func write(_ line: String) { lines.withLock { $0.append(line) } }
  }

  /// Waits for what another thread is about to do.
  func until(_ condition: @Sendable () -> Bool) async { while !condition() { await Task.yield() } }

  @Test func workIsDoneAndErrorsComeBack() async throws {
    let threads = HashingThreads(threads: 2, waiting: 10)
    #expect(try await threads.run(.stranger) { 6 * 7 } == 42)
    await #expect(throws: CancellationError.self) {
      _ = try await threads.run(.known) { () throws -> Int in throw CancellationError() }
    }
  }

  @Test func strangersLeaveAThreadFree() async throws {
    let threads = HashingThreads(threads: 2, waiting: 10)
    let gate = Gate()
    async let held: Void? = threads.run(.stranger) { gate.pass() }
    async let alsoHeld: Void? = threads.run(.stranger) { gate.pass() }
    // Both strangers are in; the one that knows the house passes all the same.
    #expect(try await threads.run(.known) { true } == true)
    gate.open()
    _ = try await (held, alsoHeld)
  }

  @Test func whoWasHereBeforeGoesFirst() async throws {
    let threads = HashingThreads(threads: 1, waiting: 10)
    let (gate, diary) = (Gate(), Diary())
    async let held: Void? = threads.run(.stranger) {
      diary.write("in")
      gate.pass()
    }
    await until { diary.lines.withLock { $0 == ["in"] } }
    async let stranger: Void? = threads.run(.stranger) { diary.write("stranger") }
    async let known: Void? = threads.run(.known) { diary.write("known") }
    await until { threads.waiting == 2 }
    gate.open()
    _ = try await (held, stranger, known)
    #expect(diary.lines.withLock { $0 } == ["in", "known", "stranger"])
  }

  @Test func theQueueIsBounded() async throws {
    let threads = HashingThreads(threads: 1, waiting: 3)
    let (gate, diary) = (Gate(), Diary())
    async let held: Void? = threads.run(.stranger) {
      diary.write("in")
      gate.pass()
    }
    await until { diary.lines.withLock { $0 == ["in"] } }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<10 { group.addTask { ((try? await threads.run(.stranger) { true }) ?? nil) ?? false } }
      var refused = 0
      for await done in group {
        if !done { refused += 1 }
        if refused == 7 { gate.open() }
      }
      #expect(refused == 7)
    }
    _ = try await held
  }

  /// In a process of its own, because the threads of other tests come and go.
  @Test func threadsEndWithTheirOwner() async {
    await #expect(processExitsWith: .success) {
      func count() -> Int {
        guard let folder = opendir("/proc/self/task") else { return 0 }
        defer { closedir(folder) }
        var number = 0
        while readdir(folder) != nil { number += 1 }
        return number
      }
      let before = count()
      for _ in 0..<200 {
        let threads = HashingThreads(threads: 2, waiting: 10)
        _ = try await threads.run(.known) { 1 }
      }
      var tries = 3000
      while count() > before + 20, tries > 0 {
        try await Task.sleep(for: .milliseconds(10))
        tries -= 1
      }
      #expect(tries > 0)
    }
  }
}
