internal import Administration
internal import Configuration
internal import Filtering
internal import Logging
internal import MailAuthentication
internal import MailFlow
internal import NIOCore
internal import NIOPosix
internal import Network
internal import Platform
internal import Relay
internal import Store

/// What a running appliance consists of.
struct Running: Sendable {
  let rooms: Rooms
  let loops: MultiThreadedEventLoopGroup
  let connector: Connector
  let runner: QueueRunner
  let listening: Listening
  let certificates: Certificates
  let startedAt: Moment
}

extension Appliance {
  /// Starts everything, waits for a reason to end, and ends everything.
  func live(_ ends: Ends) async throws {
    let startedAt = options.clock.now()
    let configuration = self.configuration
    var inherited = InheritedSockets(options.inherited)
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: max(options.eventLoops, 1))
    let connector = Connector(on: loops)
    let rooms: Rooms
    do {
      rooms = try await openRooms(configuration, connector)
    } catch {
      inherited.closeAll()
      await connector.shutDown()
      try? await loops.shutdownGracefully()
      throw error
    }
    rooms.store.onFailure { ends.send(.failure(ApplianceError.storeFailed("\($0)"))) }
    let outcome: Result<Void, any Error>
    do {
      // Before anything of strangers is touched again.
      try await rooms.flow.watchForCrashes(file: Self.underWay(configuration))
      try await rooms.renewKeys()
      let (clock, logger) = (options.clock, logger)
      let (certificates, trust) = try await BlockingWork.run {
        (try Certificates(configuration, clock: clock, logger: logger), try ClientTrust())
      }
      let runner = QueueRunner(
        flow: rooms.flow, configuration: { rooms.configuration }, connector: connector, trust: trust, dns: rooms.dns,
        rewriting: rooms.rewriting, clock: clock, log: logger)
      let services = Services(rooms: rooms, certificates: certificates, clock: options.clock, logger: logger)
      let listening = Listening(services, loops: loops, configuration: configuration, logger: logger)
      let running = Running(
        rooms: rooms, loops: loops, connector: connector, runner: runner, listening: listening,
        certificates: certificates, startedAt: startedAt)
      try await listening.open(configuration, inherited: &inherited)
      outcome = await work(running, ends)
    } catch {
      outcome = .failure(error)
    }
    inherited.closeAll()
    await rooms.dns.close()
    await connector.shutDown()
    rooms.flow.finish()
    await rooms.close()
    try? await loops.shutdownGracefully()
    try outcome.get()
  }

  /// Beside the control socket, which is in memory under systemd (`/run/postroom`): a disk that does not answer must not
  /// hold up whoever notes what is under way.
  private static func underWay(_ configuration: Configuration) -> String {
    configuration.control.socket + ".under-way"
  }

  /// Opens the store on a thread that may block, and tells the service manager when a migration takes its time.
  private func openRooms(_ configuration: Configuration, _ connector: Connector) async throws -> Rooms {
    let (clock, logger, notify) = (options.clock, logger, options.notify)
    let patience = MigrationPatience(notify)
    defer { patience.end() }
    return try await BlockingWork.run {
      // A command of the command line, or the process before this one, may hold it for a moment.
      try Rooms(
        configuration, clock: clock, logger: logger, patience: .seconds(5),
        connect: { try await connector.connect(to: $0, within: $1) }
      ) { from, to in
        logger.notice("The store is being changed to a new schema", metadata: ["from": "\(from)", "to": "\(to)"])
        patience.begin("Changing the store from schema \(from) to \(to)")
      }
    }
  }

  /// All sockets are open: serves until there is a reason to end, then ends in order.
  private func work(_ running: Running, _ ends: Ends) async -> Result<Void, any Error> {
    let control = startControl(running, ends)
    let relaying = start("the queue runner", ends) { try await running.runner.run() }
    let training = Task { await running.rooms.train() }
    let watching = Task { await Watchdog(self, running).run() }
    let upkeep = Task { await Upkeep(running.rooms, clock: options.clock, logger: logger).run() }
    running.listening.start()
    if await control.isUp { tellReady(running) }

    let end = await ends.first()
    life.withLock { $0.stage = .ending }
    options.notify.stopping(status: "Shutting down")
    watching.cancel()
    upkeep.cancel()
    training.cancel()
    var failure: (any Error)?
    switch end {
    case .shutdown:
      // Side by side: the service manager's patience counts for both.
      async let stopped: Void = running.runner.stop(grace: options.grace)
      await running.listening.shutDown(grace: options.grace)
      await stopped
    case .cancellation:
      failure = CancellationError()
    case .failure(let error):
      failure = error
    }
    // Where no time is left, and where nobody may be answered any more.
    await running.listening.cutOff()
    relaying.cancel()
    await relaying.value
    control.task.cancel()
    await control.task.value
    await watching.value
    await upkeep.value
    await training.value
    return failure.map { .failure($0) } ?? .success(())
  }

  /// Runs a part; if it fails the appliance ends.
  private func start(
    _ part: String, _ ends: Ends, _ body: @escaping @Sendable () async throws -> Void
  ) -> Task<Void, Never> {
    Task {
      do {
        try await body()
      } catch is CancellationError {
        return
      } catch {
        ends.send(.failure(ApplianceError.partEnded(part, reason: "\(error)")))
      }
    }
  }

  private func startControl(_ running: Running, _ ends: Ends) -> Control {
    let up = Control.Up()
    let control = running.rooms.configuration.control
    let rooms = running.rooms
    let server = ControlServer(
      path: control.socket, groupName: control.group, eventLoops: running.loops, logger: logger,
      office: { rooms.office(running: self) })
    let task = start("the control socket", ends) {
      defer { up.say(false) }
      try await server.run { up.say(true) }
    }
    return Control(task: task, up: up)
  }

  /// The control socket's task, and whether it has come up.
  private struct Control {
    let task: Task<Void, Never>
    let up: Up
    var isUp: Bool { get async { await up.first() } }

    final class Up: Sendable {
      private let stream: AsyncStream<Bool>
      private let continuation: AsyncStream<Bool>.Continuation

      init() { (stream, continuation) = AsyncStream.makeStream() }

      func say(_ isUp: Bool) { continuation.yield(isUp) }

      func first() async -> Bool {
        let stream = stream
        return await Task {
          for await isUp in stream { return isUp }
          return false
        }.value
      }
    }
  }

  private func tellReady(_ running: Running) {
    for (name, addresses) in running.listening.addresses.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      logger.notice(
        "\(name.rawValue) listens", metadata: ["addresses": "\(addresses.map(\.description).joined(separator: " "))"])
    }
    isReady(running)
    options.notify.ready(status: summary(running))
    if let advice { logger.warning("\(advice)") }
    if running.rooms.configuration.authentication.incoming != .off, !PublicSuffixList.isInstalled {
      logger.warning(
        "\(PublicSuffixList.path) cannot be read, so DMARC may take strangers for one owner: install publicsuffix")
    }
    logger.notice("The appliance is ready", metadata: ["version": "\(postroomVersion)"])
  }
}

/// While the store changes its schema, the service manager is asked for more time again and again: a large store takes
/// minutes, and being killed in the middle would only make it begin anew.
final class MigrationPatience: Sendable {
  private static let step = Duration.seconds(60)
  private let notify: Notify
  private let task = Held<Task<Void, Never>?>(nil)

  init(_ notify: Notify) { self.notify = notify }

  func begin(_ status: String) {
    notify.status(status)
    let notify = notify
    task.value = Task {
      while !Task.isCancelled {
        notify.extendTimeout(by: Self.step)
        guard (try? await Task.sleep(for: Self.step / 4)) != nil else { return }
      }
    }
  }

  func end() { task.value?.cancel() }
}
