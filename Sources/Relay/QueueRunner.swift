internal import Configuration
internal import Logging
internal import MailFlow
public import Platform
internal import SMTP
internal import Store

/// Sends what is queued: one per appliance, for its whole life.
///
///     commit ─▶ ChangeHub ─┐
///     timer for next due ──┼─▶ turn: due rows ─▶ routes ─▶ Dispatcher ─▶ couriers, one a connection
///     courier is done ─────┘                                               │
///                                                                          └─▶ outcomes, in one transaction
///
/// The queue is the recipients table. The runner holds no state that matters: which rows it is sending just now, and
/// which hosts are dead for the moment, are in memory only, and a restart begins from the rows.
///
/// What a recipient goes through (its state in the table, and what an attempt makes of it):
///
///     queued ──attempt──▶ relayed                     the next server took it (2yz)
///       ▲                 failed                      refused for good (5yz), unfit for the next server, or given up
///       ├──── deferred ◀──┤                           4yz, no connection, lost before the end of the content
///       └──── uncertain ◀─┘                           lost between the end of the content and the reply
///
/// One turn at a time reads rows and starts couriers; a courier is a task that takes batch after batch for one next hop
/// over one connection. Nothing polls: a turn happens when something has happened.
public actor QueueRunner {
  /// Rows that one reading gives for each destination.
  static let rowsPerDestination = Dispatcher.backlogPerHop
  /// The clock of the wall may be set; no sleep trusts it for longer.
  static let longestSleep = Duration.seconds(900)
  /// How often is looked whether a kept MTA-STS policy has become old.
  static let policyRefresh = Duration.seconds(3600)
  /// After an error of the store.
  static let pauseAfterError = Duration.seconds(5)

  let queue: any RelayQueue
  let configuration: @Sendable () -> Configuration
  let dialer: Dialer
  let clock: Clock
  /// Sleeps until a moment of ``clock``. A moment, not a duration: a test that turns its clock by hand can do so before
  /// the sleep has begun.
  let sleep: @Sendable (Moment) async throws -> Void
  /// A random number in 0..<1.
  let chance: @Sendable () -> Double
  let log: Logger

  let wakeUps = WakeUps()
  var dispatcher: Dispatcher
  /// The lanes of the dispatcher, by their keys.
  var lanes: [String: Lane] = [:]
  private(set) var isStopping = false
  private var isRunning = false
  /// A reading left rows behind that had no room.
  private var leftBehind = false
  private var nextDue: Moment?
  private var alarm: Task<Void, Never>?
  private var couriers: [Int: Task<Void, Never>] = [:]
  private var courierNumber = 0
  private var generation: UInt64 = 0
  private var proofs: [CheckedContinuation<Void, Never>] = []

  init(
    queue: any RelayQueue, configuration: @escaping @Sendable () -> Configuration, dialer: Dialer,
    limits: DestinationBook.Limits = DestinationBook.Limits(), clock: Clock = .system,
    sleep: (@Sendable (Moment) async throws -> Void)? = nil,
    chance: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }, log: Logger
  ) {
    self.queue = queue
    self.configuration = configuration
    self.dialer = dialer
    self.clock = clock
    self.sleep = sleep ?? { try await Task.sleep(for: max($0 - clock.now(), .zero)) }
    self.chance = chance
    self.log = log
    dispatcher = Dispatcher(limits: limits)
  }

  // MARK: Life

  /// Runs until ``stop(grace:)``, or until its task is cancelled, which gives transactions under way no time.
  ///
  /// - Throws: if what an earlier process left open cannot be read; nothing is sent then.
  public func run() async throws {
    guard !isRunning, !isStopping else { return }
    isRunning = true
    defer { finish() }
    try await queue.recoverAttempts()
    let subscription = queue.onNews { [wakeUps, clock] news in
      switch news {
      case .changed(let due): wakeUps.changed(due: due, now: clock.now())
      case .retryAsked: wakeUps.forgive()
      }
    }
    defer { withExtendedLifetime(subscription) {} }
    let refreshing = refreshPolicies()
    defer { refreshing?.cancel() }
    wakeUps.readRows()
    await withTaskCancellationHandler {
      for await _ in wakeUps.signals {
        if isStopping || Task.isCancelled { break }
        await turn()
      }
    } onCancel: {
      wakeUps.signal()
    }
    isStopping = true
    alarm?.cancel()
    if Task.isCancelled { cancelCouriers() }
    for courier in couriers.values { await courier.value }
  }

  /// Begins nothing more, lets transactions under way come to their end, and cuts those that need longer than `grace`:
  /// they stay queued, as uncertain where the end of the content had been sent. Returns when all is over.
  public func stop(grace: Duration) async {
    guard !isStopping else { return }
    isStopping = true
    wakeUps.signal()
    guard !couriers.isEmpty else { return }
    let end = clock.now() + grace
    let guillotine = Task { [sleep] in
      guard (try? await sleep(end)) != nil else { return }
      self.cancelCouriers()
    }
    for courier in couriers.values { await courier.value }
    guillotine.cancel()
  }

  /// Kept MTA-STS policies are fetched anew from time to time (RFC 8461 §10.2).
  private func refreshPolicies() -> Task<Void, Never>? {
    guard let policies = dialer.security.policies else { return nil }
    return Task { [sleep, clock] in
      while (try? await sleep(clock.now() + Self.policyRefresh)) != nil { await policies.refresh() }
    }
  }

  private func finish() {
    isRunning = false
    resumeProofs()
    wakeUps.finish()
  }

  private func cancelCouriers() {
    for courier in couriers.values { courier.cancel() }
  }

  // MARK: From outside

  /// Returns when the runner's loop has turned once more: proof for the watchdog that it is alive. At once where it is
  /// not running.
  public func proveProgress() async {
    guard isRunning, !isStopping else { return }
    await withCheckedContinuation { continuation in
      proofs.append(continuation)
      wakeUps.signal()
    }
  }

  /// Forgets that hosts were in trouble and looks at the queue again: an administrator asked for another try, or the
  /// network is back.
  public func tryAgain() {
    wakeUps.forgive()
    wakeUps.readRows()
  }

  /// Next hops that do not answer, for the status screen: the host with its port, or the domain of what goes directly;
  /// until when it is left alone, and why.
  public var troubles: [(host: String, until: Moment, reason: String)] {
    dispatcher.book.troubles.map {
      (lanes[$0.destination]?.name ?? $0.destination, $0.trouble.until, $0.trouble.reason)
    }
  }

  /// Connections that are open or being opened.
  public var connections: Int { dispatcher.book.open }

  // MARK: Turns

  private func turn() async {
    defer { resumeProofs() }
    let now = clock.now()
    noticeReload()
    let news = wakeUps.take()
    if news.forgive { dispatcher.book.forgiveAll() }
    if let next = news.next { nextDue = min(nextDue ?? next, next) }
    var shouldRead = news.due || (leftBehind && hasRoom)
    // What is due impossibly late is looked at too: the clock was set back (``MailFlow/due(perDestination:)``).
    let farthest = MailFlow.farthestDue(configuration().queue, from: now)
    if let due = nextDue, due <= now || due > farthest { shouldRead = true }
    if shouldRead { await read(now) }
    startCouriers()
    setAlarm()
  }

  private var hasRoom: Bool { dispatcher.waiting < Self.rowsPerDestination / 2 }

  private func resumeProofs() {
    let waiting = proofs
    proofs = []
    for proof in waiting { proof.resume() }
  }

  /// Other routes may lead elsewhere: what waits in memory is read and routed anew.
  private func noticeReload() {
    let current = configuration().generation
    defer { generation = current }
    guard generation != 0, current != generation else { return }
    dispatcher.forgetBacklog()
    wakeUps.readRows()
  }

  private func read(_ now: Moment) async {
    do {
      let rows = try await queue.due(perDestination: Self.rowsPerDestination)
      leftBehind = false
      let configuration = configuration()
      for row in rows {
        let domain = row.recipient.destination ?? ""
        let lane = configuration.wayOut(for: domain, from: row.envelope.sender).map {
          Lane(way: $0, domain: domain, wish: row.envelope.transportDemand)
        }
        let key = lane?.key ?? Self.nowhere
        if let lane { lanes[key] = lane }
        if !dispatcher.offer(row, hop: key), !dispatcher.knows(row.recipient.id) { leftBehind = true }
      }
      nextDue = try await queue.nextDue(after: now)
    } catch {
      log.error("The queue cannot be read: \(error). Trying again in \(Self.pauseAfterError.components.seconds) s.")
      nextDue = now + Self.pauseAfterError
    }
    dispatcher.book.prune(now: now)
    lanes = lanes.filter { dispatcher.uses($0.key) }
  }

  /// The lane of what no way out is for. Its courier connects nowhere.
  static let nowhere = ""

  private func startCouriers() {
    while !isStopping, let lane = dispatcher.courierToStart() {
      courierNumber += 1
      let number = courierNumber
      couriers[number] = Task {
        await self.courier(lane)
        self.ended(number, lane)
      }
    }
  }

  private func ended(_ number: Int, _ lane: String) {
    couriers[number] = nil
    dispatcher.courierEnded(lane)
    wakeUps.signal()
  }

  private func setAlarm() {
    alarm?.cancel()
    alarm = nil
    guard let nextDue, !isStopping else { return }
    let moment = min(nextDue, clock.now() + Self.longestSleep)
    alarm = Task { [sleep, wakeUps] in
      if (try? await sleep(moment)) != nil { wakeUps.signal() }
    }
  }
}
