internal import Configuration
internal import Logging
internal import MailAuthentication
internal import MailFlow
public import Platform
internal import SMTP
internal import Store

/// Sends what is queued: one per appliance, for its whole life.
///
///     commit ─▶ ChangeHub ─┐ (names the destinations)
///     timer for next due ──┼─▶ turn: due rows ─▶ routes ─▶ Dispatcher ─▶ couriers, one a connection
///     courier is done ─────┘                                               │
///                                                                          └─▶ outcomes, in transactions with others
///
/// The queue is the recipients table. The runner holds no state that matters: which rows it is sending just now is in
/// memory only, which hosts are dead for the moment is in the database too, and a restart begins from there.
///
/// What a recipient goes through (its state in the table, and what an attempt makes of it):
///
///     queued ──attempt──▶ relayed                     the next server took it (2yz)
///       ▲                 failed                      refused for good (5yz), unfit for the next server, or given up
///       ├──── deferred ◀──┤                           4yz, no connection, lost before the end of the content
///       └──── uncertain ◀─┘                           lost between the end of the content and the reply
///
/// One turn at a time reads rows and starts couriers; a courier is a task that takes batch after batch for one next hop
/// over one connection. Nothing polls: a turn happens when something has happened. What a turn reads is bounded, however
/// much waits (``QueueRunner/readAndRoute(_:)``).
public actor QueueRunner {
  /// The clock of the wall may be set; no sleep trusts it for longer.
  static let longestSleep = Duration.seconds(900)
  /// How often is looked whether a kept MTA-STS policy has become old.
  static let policyRefresh = Duration.seconds(3600)
  /// After an error of the store.
  static let pauseAfterError = Duration.seconds(5)
  /// A step of the clock that is worth a look at the queue.
  static let clockStep = Duration.seconds(2)

  let queue: any RelayQueue
  let configuration: @Sendable () -> Configuration
  let dialer: Dialer
  /// Gives forwarded mail a reverse-path of ours.
  let rewriting: SenderRewriting?
  let clock: Clock
  /// How long something runs, whatever the clock of the wall says.
  let uptime: @Sendable () -> Duration
  /// Sleeps until a moment of ``clock``. A moment, not a duration: a test that turns its clock by hand can do so before
  /// the sleep has begun.
  let sleep: @Sendable (Moment) async throws -> Void
  /// A random number in 0..<1.
  let chance: @Sendable () -> Double
  let log: Logger
  /// In place of the configuration's.
  private let fixedLimits: DestinationBook.Limits?

  let wakeUps = WakeUps()
  var dispatcher: Dispatcher
  /// The lanes of the dispatcher, by their keys.
  var lanes: [String: Lane] = [:]
  private(set) var isStopping = false
  private var isRunning = false
  var reading = Reading()
  private var alarm: (at: Moment, task: Task<Void, Never>)?
  private var couriers: [Int: Task<Void, Never>] = [:]
  private var courierNumber = 0
  private var generation: UInt64 = 0
  private var lastTurn: (wall: Moment, uptime: Duration)?
  private var proofs: [CheckedContinuation<Void, Never>] = []

  init(
    queue: any RelayQueue, configuration: @escaping @Sendable () -> Configuration, dialer: Dialer,
    rewriting: SenderRewriting? = nil, limits: DestinationBook.Limits? = nil, clock: Clock = .system,
    uptime: (@Sendable () -> Duration)? = nil,
    sleep: (@Sendable (Moment) async throws -> Void)? = nil,
    chance: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }, log: Logger
  ) {
    self.queue = queue
    self.configuration = configuration
    self.dialer = dialer
    self.rewriting = rewriting
    self.clock = clock
    let start = ContinuousClock.now
    self.uptime = uptime ?? { ContinuousClock.now - start }
    self.sleep = sleep ?? { try await Task.sleep(for: max($0 - clock.now(), .zero)) }
    self.chance = chance
    self.log = log
    fixedLimits = limits
    dispatcher = Dispatcher(limits: limits ?? DestinationBook.Limits(configuration().queue))
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
    dispatcher.book.restore(
      Dictionary(
        try await queue.troubles().map {
          ($0.destination, DestinationBook.Trouble(failures: $0.failures, until: $0.until, reason: $0.reason))
        }, uniquingKeysWith: { first, _ in first }))
    let subscription = queue.onNews { [wakeUps, clock] news in
      switch news {
      case .changed(let change): wakeUps.changed(change, now: clock.now())
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
    alarm?.task.cancel()
    if Task.isCancelled { cancelCouriers() }
    for courier in couriers.values { await courier.value }
    await keepTroubles()
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
      (lanes[$0.destination]?.name ?? Lane.name(ofKey: $0.destination), $0.trouble.until, $0.trouble.reason)
    }
  }

  /// Connections that are open or being opened.
  public var connections: Int { dispatcher.book.open }

  // MARK: Turns

  private func turn() async {
    defer { resumeProofs() }
    noticeReload()
    await noticeClockStep()
    let news = wakeUps.take()
    if news.forgive { dispatcher.book.forgiveAll() }
    await read(news)
    startCouriers()
    await keepTroubles()
    setAlarm()
  }

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
    dispatcher.book.limits = fixedLimits ?? DestinationBook.Limits(configuration().queue)
    dispatcher.forgetBacklog()
    wakeUps.readRows()
  }

  /// Whoever sets the clock back must not hold up mail by it.
  private func noticeClockStep() async {
    let (wall, uptime) = (clock.now(), uptime())
    defer { lastTurn = (wall, uptime) }
    guard let last = lastTurn else { return }
    let step = (last.wall + (uptime - last.uptime)) - wall
    guard step > Self.clockStep else { return }
    reading.mark = nil
    do {
      try await queue.clockWasSetBack(by: step)
    } catch {
      log.error("The clock was set back, and the times in the queue cannot be changed: \(error)")
    }
    wakeUps.readRows()
  }

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

  /// Writes down which hosts are dead, and which are not any more. A restart without it costs a time-out each.
  private func keepTroubles() async {
    guard dispatcher.book.hasChanges else { return }
    let changes = dispatcher.book.takeChanges()
    let stored = Dictionary(
      uniqueKeysWithValues: changes.map { name, trouble in
        let kept = trouble.map {
          StoredTrouble(destination: name, failures: $0.failures, until: $0.until, reason: $0.reason)
        }
        return (name, kept)
      })
    do {
      try await queue.keepTroubles(stored)
    } catch {
      log.warning("Which next hops do not answer cannot be written down: \(error)")
    }
  }

  private func setAlarm() {
    guard !isStopping, let next = reading.nextAlarm else {
      alarm?.task.cancel()
      alarm = nil
      return
    }
    let moment = min(next, clock.now() + Self.longestSleep)
    // One that is earlier is right too: its turn sets the next.
    if let alarm, alarm.at <= moment, alarm.at > clock.now() { return }
    alarm?.task.cancel()
    alarm = (
      moment,
      Task { [sleep, wakeUps] in
        if (try? await sleep(moment)) != nil { wakeUps.signal() }
      }
    )
  }
}
