internal import Configuration
internal import Logging
internal import MailFlow
internal import Platform
internal import Store

/// Which rows are read when.
///
///     commits name destinations ───────────────────────┐
///     timer: what became due since the last look ──────┼─▶ rows of those destinations ─▶ lanes
///     hungry: few rows left in memory, more on disk ───┤
///     round: all destinations, part by part ───────────┘   at the start, after a reload, an error, a step of the clock
///
/// Each look is at a bounded number of rows and goes by an index, so that 100,000 waiting rows cost what a hundred cost.
extension QueueRunner {
  /// What the reading side remembers.
  struct Reading {
    /// Up to where what becomes due by itself has been seen; `nil`: a round has to be made first.
    var mark: DueMark?
    /// When a recipient becomes due next.
    var nextDue: Moment?
    /// When reading failed: not before then.
    var pause: Moment?
    /// Where the round through all destinations goes on; `nil`: there is none.
    var round: String?
    /// Destinations that should be read and have not been.
    var open: Set<String> = []
    /// What is held until a time, or can go nowhere, is to be looked at.
    var elsewhere = false
    /// When lanes were forgotten last that nobody needs any more.
    var tidied: Moment?

    var nextAlarm: Moment? { pause ?? nextDue }
  }

  /// Destinations that a part of a round looks at.
  private static let roundPart = 500
  /// Rows that a look at what became due looks at.
  private static let dueRows = 1000
  /// Destinations of which rows are read at once.
  private static let destinationsAtOnce = 50

  /// Reads what the news say, what has become due, and what there is room for.
  func read(_ news: WakeUps.News) async {
    let now = clock.now()
    // What the news said is found by the round that follows: there is no mark after an error.
    if let pause = reading.pause, pause > now, pause <= now + Self.pauseAfterError { return }
    reading.pause = nil
    if let next = news.next { reading.nextDue = min(reading.nextDue ?? next, next) }
    reading.open.formUnion(news.destinations)
    if news.isRound { reading.mark = nil }
    if reading.mark == nil {
      reading.round = ""
      reading.elsewhere = true
    }
    do {
      try await readWhatBecameDue(now)
      if reading.elsewhere { reading.elsewhere = try await queue.settleDueElsewhere() }
      try await readRound()
      try await readAndRoute(reading.open.union(dispatcher.hungry))
    } catch {
      log.error("The queue cannot be read: \(error). Trying again in \(Self.pauseAfterError.components.seconds) s.")
      reading.mark = nil
      reading.pause = now + Self.pauseAfterError
      return
    }
    forgetOldLanes(now)
    // The rest comes with the next turn, after whatever else has happened.
    let goesOn = reading.elsewhere || !reading.open.isEmpty || (reading.round != nil && !dispatcher.isFull)
    if goesOn { wakeUps.signal() }
  }

  private func readWhatBecameDue(_ now: Moment) async throws {
    let isFirst = reading.mark == nil
    if isFirst {
      // The round sees all that is due by now.
      reading.mark = DueMark(after: now)
    } else {
      guard let due = reading.nextDue else { return }
      // Due impossibly late: the clock was set back before we could see it.
      if due > MailFlow.farthestDue(configuration().queue, from: now) {
        try await queue.bringBackStranded()
        reading.nextDue = try await queue.nextDue(after: now)
        return
      }
      guard due <= now, let mark = reading.mark else { return }
      let found = try await queue.becameDue(after: mark, limit: Self.dueRows)
      reading.mark = found.mark
      reading.open.formUnion(found.destinations)
      if found.hasOthers { reading.elsewhere = true }
      if found.isCut { return wakeUps.signal() }
    }
    reading.nextDue = try await queue.nextDue(after: now)
  }

  private func readRound() async throws {
    guard let from = reading.round, !dispatcher.isFull else { return }
    let part = try await queue.dueDestinations(after: from, limit: Self.roundPart)
    reading.round = part.next
    reading.open.formUnion(part.destinations)
  }

  /// Reads rows of some destinations, as many as there is room for, and puts them into the lanes of their next hops.
  func readAndRoute(_ destinations: Set<String>) async throws {
    guard !destinations.isEmpty else { return }
    // Those that wait longest for their turn come first: there is no order but that of the set.
    let some = destinations.prefix(Self.destinationsAtOnce)
    let orders = some.map { destination in
      let order = dispatcher.order(destination)
      return (destination: destination, limit: order.limit, known: order.known)
    }
    let found = try await queue.due(at: orders)
    reading.open.subtract(some)
    let configuration = configuration()
    for destination in some { dispatcher.note(destination, hasMore: found.cut.contains(destination)) }
    for row in found.rows {
      let domain = row.recipient.destination ?? ""
      let lane = configuration.wayOut(for: domain, from: row.envelope.sender).map {
        Lane(way: $0, domain: domain, wish: row.envelope.transportDemand)
      }
      if let lane { lanes[lane.key] = lane }
      _ = dispatcher.offer(row, hop: lane?.key ?? Self.nowhere)
    }
  }

  /// Once a minute: there may be a thousand of them, and a turn for each message.
  private func forgetOldLanes(_ now: Moment) {
    if let last = reading.tidied, now >= last, now < last + .seconds(60) { return }
    reading.tidied = now
    dispatcher.book.prune(now: now)
    lanes = lanes.filter { dispatcher.uses($0.key) }
  }

  /// The lane of what no way out is for. Its courier connects nowhere.
  static let nowhere = ""
}

extension DestinationBook.Limits {
  init(_ queue: Configuration.Queue) {
    self.init(connections: queue.connections, connectionsPerDestination: queue.connectionsPerDestination)
  }
}
