import Platform
import Testing

@testable import Relay
@testable import Store

@Suite("What goes when")
struct DispatcherTests {
  let now = Moment(seconds: 1_800_000_000)

  func row(_ envelope: Int64, _ number: Int = 0, content: Int64? = nil, due: Duration = .zero) -> QueueRow {
    let id = EnvelopeID(envelope)
    let stored = StoredEnvelope(
      id: id, at: now, origin: "submission", content: nil, sender: nil, peer: nil, helo: nil, account: nil, options: [],
      fingerprint: nil, reply: .read, messageID: nil, subject: nil, size: 0)
    return QueueRow(
      envelope: stored,
      recipient: QueuedRecipient.make(
        RecipientID(id, number), address: "x\(number)@far.example", due: now + due, attempts: 0, options: [],
        content: ContentID(content ?? envelope)))
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

  @Test func atMostAHundredRecipientsATransaction() {
    var dispatcher = Dispatcher(limits: .init())
    for number in 0..<250 { _ = dispatcher.offer(row(1, number), hop: "a") }
    let sizes = (0..<3).map { _ in dispatcher.next(for: "a")?.rows.count }
    #expect(sizes == [100, 100, 50])
  }

  @Test func theBacklogIsBounded() {
    var dispatcher = Dispatcher(limits: .init())
    let taken = (0..<1000).filter { dispatcher.offer(row(Int64($0 + 1)), hop: "a") }.count
    #expect(taken == Dispatcher.backlogPerHop)
    let other = dispatcher.offer(row(5000), hop: "b")
    #expect(other)
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
