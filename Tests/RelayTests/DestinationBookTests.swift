import Platform
import Testing

@testable import Relay

@Suite("The book of destinations")
struct DestinationBookTests {
  let now = Moment(seconds: 1_800_000_000)

  @Test func placesAreLimitedOverallAndPerDestination() {
    var book = DestinationBook(limits: .init(connections: 3, connectionsPerDestination: 2))
    let taken = [book.take("a:25"), book.take("a:25"), book.take("a:25"), book.take("b:25"), book.take("c:25")]
    #expect(taken == [true, true, false, true, false])
    book.giveBack("a:25")
    let again = [book.take("c:25"), book.take("a:25")]
    #expect(again == [true, false])
    #expect(book.open == 3)
  }

  @Test func givingBackTooOftenGivesNoExtraPlaces() {
    var book = DestinationBook(limits: .init(connections: 1, connectionsPerDestination: 1))
    book.giveBack("a:25")
    let first = book.take("a:25")
    book.giveBack("a:25")
    book.giveBack("a:25")
    let more = [book.take("a:25"), book.take("b:25")]
    #expect(first)
    #expect(more == [true, false])
  }

  @Test func aClockThatIsSetBackLeavesNoHostAlone() {
    var book = DestinationBook()
    book.hostFailed("a:25", reason: "it did not answer", now: now, chance: 0.5)
    #expect(book.trouble("a:25", now: now - .seconds(3600)) != nil)
    #expect(book.trouble("a:25", now: now - .seconds(86_400)) == nil)
  }

  @Test func aDeadHostIsLeftAloneAndThenProbedOnce() {
    var book = DestinationBook(limits: .init(connectionsPerDestination: 4, firstPause: .seconds(60)))
    book.hostFailed("a:25", reason: "it did not answer", now: now, chance: 0.5)
    #expect(book.trouble("a:25", now: now)?.until == now + .seconds(60))
    #expect(book.trouble("b:25", now: now) == nil)
    let later = now + .seconds(60)
    #expect(book.trouble("a:25", now: later) == nil)
    let probes = [book.take("a:25"), book.take("a:25")]
    #expect(probes == [true, false])
    book.hostAnswered("a:25")
    let normal = book.take("a:25")
    #expect(normal)
  }

  @Test func thePauseDoublesUpToItsLimit() {
    var book = DestinationBook(limits: .init(firstPause: .seconds(60), longestPause: .seconds(600)))
    var time = now
    let pauses = (0..<2000).map { _ in
      book.hostFailed("a:25", reason: "it did not answer", now: time, chance: 0.5)
      let until = book.trouble("a:25", now: time)?.until ?? time
      defer { time = until }
      return until - time
    }
    #expect(Array(pauses.prefix(6)) == [60, 120, 240, 480, 600, 600].map { Duration.seconds($0) })
    #expect(pauses.last == .seconds(600))
  }

  @Test func failuresBesideEachOtherAreOne() {
    var book = DestinationBook(limits: .init(firstPause: .seconds(60)))
    for _ in 0..<4 { book.hostFailed("a:25", reason: "it did not answer", now: now, chance: 0.5) }
    #expect(book.trouble("a:25", now: now)?.until == now + .seconds(60))
  }

  @Test func memoryIsBounded() {
    var book = DestinationBook(limits: .init(firstPause: .seconds(60)))
    for n in 0..<1000 { book.hostFailed("host\(n):25", reason: "dead", now: now, chance: 0.5) }
    let taken = book.take("host7:25")
    #expect(taken)
    book.prune(now: now + .seconds(2 * 86_400))
    #expect(book.troubles.map(\.destination) == ["host7:25"])
  }

  // MARK: How many connections

  /// Twenty black holes do not take all places.
  @Test func aHostThatHasNotAnsweredGetsTwo() {
    var book = DestinationBook(limits: .init(connections: 100, connectionsPerDestination: 20))
    let taken = (0..<5).filter { _ in book.take("a") }.count
    #expect(taken == 2)
    book.hostAnswered("a")
    let more = (0..<10).filter { _ in book.take("a") }.count
    #expect(more == 3 && book.window("a") == 5)
  }

  @Test func theWindowGrowsWithWhatIsTakenAndShrinksAtARefusal() {
    var book = DestinationBook(limits: .init(connections: 100, connectionsPerDestination: 20))
    _ = book.take("a")
    book.hostAnswered("a")
    // By one in about as many messages as it is wide.
    for _ in 0..<6 { book.hostTook("a") }
    #expect(book.window("a") == 6)
    for _ in 0..<1000 { book.hostTook("a") }
    #expect(book.window("a") == 20)
    _ = [book.take("a"), book.take("a"), book.take("a")]
    book.hostAnswered("a")
    // Two sessions serve us; the third connection is refused: that is no dead host.
    let failure = book.hostFailed("a", reason: "421 too many connections", now: now, chance: 0.5)
    #expect(failure == .crowded && book.window("a") == 2)
    #expect(book.troubles.isEmpty)
  }

  @Test func aHostThatServesNobodyAnyMoreIsDead() {
    var book = DestinationBook()
    _ = [book.take("a"), book.take("a")]
    book.hostAnswered("a")
    book.hostClosed("a")
    guard case .dead = book.hostFailed("a", reason: "it did not answer", now: now, chance: 0.5) else {
      Issue.record("it is not dead")
      return
    }
    #expect(book.window("a") == 1)
  }

  /// The last fifth of the places is for hosts that have none.
  @Test func busyHostsLeavePlaces() {
    var book = DestinationBook(limits: .init(connections: 20, connectionsPerDestination: 20))
    _ = book.take("a")
    book.hostAnswered("a")
    for _ in 0..<1000 { book.hostTook("a") }
    while book.take("a") {}
    #expect(book.open == 16)
    let others = ["b", "c", "b", "d", "e", "f"].map { book.take($0) }
    #expect(others == [true, true, false, true, true, false])
  }

  @Test func probesTakeAQuarterOfThePlacesAtMost() {
    var book = DestinationBook(limits: .init(connections: 20, firstPause: .seconds(60)))
    for n in 0..<50 { book.hostFailed("dead\(n)", reason: "it did not answer", now: now, chance: 0.5) }
    let taken = (0..<50).filter { book.take("dead\($0)") }
    #expect(taken.count == 5)
    book.giveBack("dead0")
    let next = book.take("dead9")
    #expect(next)
    book.hostAnswered("dead9")
    let another = book.take("dead10")
    #expect(another)
  }

  @Test func whatChangesIsKeptAndRestored() {
    var book = DestinationBook(limits: .init(firstPause: .seconds(60)))
    book.hostFailed("a", reason: "it did not answer", now: now, chance: 0.5)
    let changes = book.takeChanges()
    #expect(changes["a"].flatMap { $0 }?.until == now + .seconds(60))
    #expect(!book.hasChanges)
    var next = DestinationBook()
    next.restore(changes.compactMapValues { $0 })
    #expect(next.trouble("a", now: now)?.failures == 1)
    _ = next.take("a")
    next.hostAnswered("a")
    let over = next.takeChanges()
    #expect(over.keys.sorted() == ["a"] && over["a"]! == nil)
  }
}
