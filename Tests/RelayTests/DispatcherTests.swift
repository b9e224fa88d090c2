import Platform
import Testing

@testable import MailFlow
@testable import Relay
@testable import Store

@Suite("What goes when")
struct DispatcherTests {
  let now = Moment(seconds: 1_800_000_000)

  func row(
    _ envelope: Int64, _ number: Int = 0, content: Int64? = nil, due: Duration = .zero,
    to domain: String = "far.example", forwardedBy alias: String? = nil
  ) -> QueueRow {
    let id = EnvelopeID(envelope)
    var options = RecipientOptions()
    options.deliveredTo = alias
    let stored = StoredEnvelope(
      id: id, at: now, origin: "submission", content: nil, sender: nil, peer: nil, helo: nil, account: nil, options: [],
      fingerprint: nil, reply: .read, messageID: nil, subject: nil, size: 0)
    return QueueRow(
      envelope: stored,
      recipient: QueuedRecipient.make(
        RecipientID(id, number), address: "x\(number)@\(domain)", due: now + due, attempts: 0,
        options: options.bytes, content: ContentID(content ?? envelope)))
  }

  @Test func aRowIsNeverInTwoPlaces() {
    var dispatcher = Dispatcher(limits: .init())
    let first = dispatcher.offer(row(1), hop: "a")
    let again = dispatcher.offer(row(1), hop: "a")
    let batch = dispatcher.next(for: "a")
    let inFlight = dispatcher.offer(row(1), hop: "a")
    let isDueAgain = dispatcher.settled(batch?.ids ?? [])
    let later = dispatcher.offer(row(1), hop: "a")
    #expect([first, again, inFlight, later] == [true, false, false, true])
    #expect(!isDueAgain)
  }

  @Test func aRowThatIsDueAgainBeforeItLandsIsReadAgain() {
    var dispatcher = Dispatcher(limits: .init())
    for row in [row(1), row(2)] { _ = dispatcher.offer(row, hop: "a") }
    let batches = [dispatcher.next(for: "a"), dispatcher.next(for: "a")]
    // Its outcome is in the database, with another time, and that time has come; the courier has not heard of it yet.
    let isTaken = dispatcher.offer(row(1, due: .seconds(900)), hop: "a")
    #expect(!isTaken)
    let others = dispatcher.settled(batches[1]?.ids ?? [])
    let isDueAgain = dispatcher.settled(batches[0]?.ids ?? [])
    let onceMore = dispatcher.settled(batches[0]?.ids ?? [])
    #expect([others, isDueAgain, onceMore] == [false, true, false])
  }

  @Test func aBatchIsOneContentOfOneEnvelope() {
    var dispatcher = Dispatcher(limits: .init())
    for row in [row(1, 0), row(2, 0), row(1, 1), row(1, 2, content: 9), row(1, 3)] {
      _ = dispatcher.offer(row, hop: "a")
    }
    let batches = [dispatcher.next(for: "a"), dispatcher.next(for: "a"), dispatcher.next(for: "a")]
    #expect(batches.map { $0?.ids.map(\.description) } == [["1.0", "1.1", "1.3"], ["2.0"], ["1.2"]])
    let isOver = dispatcher.next(for: "a") == nil
    #expect(isOver)
  }

  /// What is forwarded may leave with a reverse-path of ours, and then goes alone.
  @Test func whatIsForwardedSharesNoTransactionWithOthers() {
    var dispatcher = Dispatcher(limits: .init())
    for row in [row(1, 0), row(1, 1, forwardedBy: "team@office.example"), row(1, 2)] {
      _ = dispatcher.offer(row, hop: "a")
    }
    let batches = [dispatcher.next(for: "a"), dispatcher.next(for: "a")]
    #expect(batches.map { $0?.ids.map(\.description) } == [["1.0", "1.2"], ["1.1"]])
  }

  @Test func atMostAHundredRecipientsATransaction() {
    var dispatcher = Dispatcher(limits: .init())
    for number in 0..<250 { _ = dispatcher.offer(row(1, number), hop: "a") }
    let sizes = (0..<3).map { _ in dispatcher.next(for: "a")?.rows.count }
    #expect(sizes == [100, 100, 50])
  }

  @Test func theBacklogIsBounded() {
    var dispatcher = Dispatcher(limits: .init())
    let taken = (0..<1000).filter { dispatcher.offer(row(Int64($0 + 1)), hop: "a") }.count
    #expect(taken == Dispatcher.backlogPerDestination)
    let other = dispatcher.offer(row(5000, to: "near.example"), hop: "b")
    #expect(other)
  }

  /// Each destination has its first few in memory, and more as they go.
  @Test func whatIsReadGrowsWithWhatGoes() {
    var dispatcher = Dispatcher(limits: .init())
    let first = dispatcher.order("far.example")
    #expect(first.limit == Dispatcher.refillMark / 2 && first.known.isEmpty)
    for n in 1...first.limit { _ = dispatcher.offer(row(Int64(n)), hop: "a") }
    dispatcher.note("far.example", hasMore: true)
    #expect(dispatcher.hungry == ["far.example"])
    _ = dispatcher.next(for: "a")
    let second = dispatcher.order("far.example")
    #expect(second.limit == Dispatcher.backlogPerDestination + 1 && second.known.count == first.limit - 1)
    for n in 1...400 { _ = dispatcher.offer(row(Int64(n)), hop: "a") }
    dispatcher.note("far.example", hasMore: true)
    #expect(dispatcher.hungry.isEmpty)
    while dispatcher.waiting >= Dispatcher.refillMark { _ = dispatcher.next(for: "a") }
    #expect(dispatcher.hungry == ["far.example"])
    dispatcher.note("far.example", hasMore: false)
    #expect(dispatcher.hungry.isEmpty)
  }

  /// However many destinations there are, each gets its first rows, and all together stay within bounds.
  @Test func manyDestinationsShareTheRoom() {
    var dispatcher = Dispatcher(limits: .init())
    var number: Int64 = 0
    var destinations = 0
    while !dispatcher.isFull {
      let name = "d\(destinations).example"
      destinations += 1
      let order = dispatcher.order(name)
      #expect(order.limit >= 8)
      for _ in 0..<order.limit {
        number += 1
        _ = dispatcher.offer(row(number, to: name), hop: name)
      }
      dispatcher.note(name, hasMore: true)
    }
    #expect(destinations > 300 && dispatcher.waiting <= 2 * Dispatcher.backlog + 8)
  }

  /// Behind a smart host a thousand messages for one destination do not keep another's first waiting.
  @Test func destinationsOfOneHopTakeTurns() {
    var dispatcher = Dispatcher(limits: .init())
    for n in 1...50 { _ = dispatcher.offer(row(Int64(n)), hop: "smart") }
    _ = dispatcher.offer(row(99, to: "near.example"), hop: "smart")
    let first = (0..<3).map { _ in dispatcher.next(for: "smart")?.ids.map(\.description) ?? [] }
    #expect(first == [["1.0"], ["99.0"], ["2.0"]])
  }

  @Test func whatIsPutBackGoesFirst() {
    var dispatcher = Dispatcher(limits: .init())
    for n in 1...3 { _ = dispatcher.offer(row(Int64(n)), hop: "a") }
    guard let batch = dispatcher.next(for: "a") else { return #expect(Bool(false)) }
    dispatcher.putBack(batch, batch.rows, hop: "a")
    #expect(dispatcher.flying == 0 && dispatcher.waiting == 3)
    let again = dispatcher.offer(row(1), hop: "a")
    #expect(!again)
    let order = (0..<4).map { _ in dispatcher.next(for: "a")?.ids.first?.description }
    #expect(order == ["1.0", "2.0", "3.0", nil])
  }

  /// When all places are taken, a hop with several connections gives one up for a hop that has none.
  @Test func whoHasManyYieldsToWhoHasNone() {
    var dispatcher = Dispatcher(limits: .init(connections: 2, connectionsPerDestination: 2))
    for n in 1...100 { _ = dispatcher.offer(row(Int64(n)), hop: "crowd") }
    _ = [dispatcher.courierToStart(), dispatcher.courierToStart()]
    #expect(!dispatcher.shouldYield("crowd"))
    _ = dispatcher.offer(row(999, to: "near.example"), hop: "single")
    let none = dispatcher.courierToStart()
    #expect(none == nil && dispatcher.shouldYield("crowd"))
    dispatcher.courierEnded("crowd")
    let next = dispatcher.courierToStart()
    #expect(next == "single" && !dispatcher.shouldYield("crowd"))
  }

  @Test func aCrowdDoesNotKeepASingleMessageWaiting() {
    var dispatcher = Dispatcher(limits: .init(connections: 3, connectionsPerDestination: 2))
    for n in 1...100 { _ = dispatcher.offer(row(Int64(n), due: .seconds(-100)), hop: "crowd") }
    let first = [dispatcher.courierToStart(), dispatcher.courierToStart()]
    _ = dispatcher.offer(row(999), hop: "single")
    let third = dispatcher.courierToStart()
    #expect(first == ["crowd", "crowd"])
    #expect(third == "single")
    let none = dispatcher.courierToStart()
    #expect(none == nil)
    dispatcher.courierEnded("crowd")
    let next = dispatcher.courierToStart()
    #expect(next == "crowd")
  }

  @Test func noMoreCouriersThanMessages() {
    var dispatcher = Dispatcher(limits: .init())
    _ = dispatcher.offer(row(1), hop: "a")
    let couriers = [dispatcher.courierToStart(), dispatcher.courierToStart()]
    #expect(couriers == ["a", nil])
  }

  @Test func forgettingTheBacklogLeavesWhatIsInFlight() {
    var dispatcher = Dispatcher(limits: .init())
    _ = dispatcher.offer(row(1), hop: "a")
    _ = dispatcher.courierToStart()
    _ = dispatcher.next(for: "a")
    _ = dispatcher.offer(row(2), hop: "a")
    dispatcher.forgetBacklog()
    #expect(dispatcher.flying == 1 && dispatcher.waiting == 0)
    let inFlight = dispatcher.offer(row(1), hop: "b")
    let waiting = dispatcher.offer(row(2), hop: "b")
    #expect([inFlight, waiting] == [false, true])
  }
}
