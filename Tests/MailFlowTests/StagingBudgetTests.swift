import Platform
import Synchronization
import Testing

@testable import MailFlow

@Suite struct StagingBudgetTests {
  private func budget(total: Int = 1000, perPeer: Int = 100, free: Int? = 1 << 40) -> StagingBudget {
    StagingBudget(
      limits: { .init(total: total, perPeer: perPeer, reserve: 500) }, freeSpace: { free })
  }
  private let peer = IPAddress("192.0.2.1")

  @Test func onePeerCannotTakeItAll() {
    let budget = budget()
    let mine = budget.share(of: peer)
    #expect(mine.take(100))
    #expect(!mine.take(1))
    #expect(!budget.share(of: peer).take(1), "another message of the same peer")
    let other = budget.share(of: IPAddress("192.0.2.2"))
    #expect(other.take(100))
    #expect(budget.total == 200)
  }

  @Test func theWholeIsBounded() {
    let budget = budget()
    let shares = (1...12).map { budget.share(of: IPAddress("192.0.2.\($0)")) }
    #expect(shares.map { $0.take(100) }.filter { $0 }.count == 10)
    #expect(budget.total == 1000)
    #expect(!budget.hasRoom(for: 1, from: IPAddress("203.0.113.1")))
  }

  /// A crowd with large messages leaves room for small ones.
  @Test func theLastTenthIsForSmallMessages() {
    let budget = budget(total: 10 << 20, perPeer: 4 << 20)
    let large = (1...9).map { budget.share(of: IPAddress("192.0.2.\($0)")) }
    for share in large { #expect(share.take(1 << 20)) }
    #expect(!large[0].take(1), "a large message took of the last tenth")
    #expect(!budget.hasRoom(for: 300 << 10, from: peer))
    #expect(budget.hasRoom(for: 10_000, from: peer) && budget.hasRoom(for: 0, from: peer))
    let small = budget.share(of: IPAddress("203.0.113.1"))
    #expect(small.take(100 << 10))
    #expect(small.take(100 << 10))
    #expect(!small.take(100 << 10), "it has grown large")
    #expect(budget.total == (9 << 20) + (200 << 10))
  }

  @Test func whatIsReleasedCanBeTakenAgain() {
    let budget = budget()
    let share = budget.share(of: peer)
    #expect(share.take(60))
    share.release()
    share.release()
    #expect(budget.total == 0)
    do {
      let forgotten = budget.share(of: peer)
      #expect(forgotten.take(100))
    }
    #expect(budget.total == 0, "a share that is forgotten gives its bytes back")
  }

  @Test func anIPv6ClientIsItsNetwork() {
    let budget = budget()
    #expect(budget.share(of: IPAddress("2001:db8::1")).take(100))
    let held = budget.share(of: IPAddress("2001:db8::1"))
    #expect(held.take(100))
    #expect(!budget.share(of: IPAddress("2001:db8::ffff")).take(1))
    #expect(budget.hasRoom(for: 100, from: IPAddress("2001:db8:0:1::1")))
  }

  @Test func theDiskKeepsItsReserve() {
    #expect(!budget(free: 499).hasRoom(for: 0, from: peer))
    #expect(!budget(free: 550).hasRoom(for: 51, from: peer))
    #expect(budget(free: 550).hasRoom(for: 50, from: peer))
    #expect(budget(free: nil).hasRoom(for: 50, from: peer), "unknown is not full")
    #expect(!budget(free: Int.min).hasRoom(for: 0, from: peer))
    #expect(!budget().hasRoom(for: Int.max, from: peer))
  }
}

@Suite struct DeadlineTests {
  @Test func anAnswerInTimeIsUsed() async {
    #expect(await before(.now + .seconds(600)) { 7 } == 7)
  }

  @Test func lateWorkIsLeftBehindAndCancelled() async {
    let gate = AsyncStream<Void>.makeStream()
    let wasCancelled = AsyncStream<Bool>.makeStream()
    let answer = await before(.now) { () -> Int in
      await withTaskCancellationHandler {
        for await _ in gate.stream { break }
        return 1
      } onCancel: {
        wasCancelled.continuation.yield(true)
      }
    }
    #expect(answer == nil)
    for await flag in wasCancelled.stream {
      #expect(flag)
      break
    }
    gate.continuation.finish()
  }
}
