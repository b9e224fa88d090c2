public import Administration
public import Configuration
internal import IMAP
public import Logging
public import Network
internal import NIOCore
internal import NIOPosix
public import Platform
internal import Relay
public import ServiceLifecycle
internal import Store
internal import Synchronization

/// # Postroom: the whole appliance as one service
///
///     let configuration = try Configuration(text: text)
///     let appliance = Appliance(configuration, logger: logger)
///     try await ServiceGroup(services: [appliance], gracefulShutdownSignals: [.sigterm], logger: logger).run()
///
/// It opens the store, wires the rooms, listens, and runs them until it is asked to end in good order or its task is
/// cancelled. Several can run side by side in one process, each with a data folder of its own. It sets no signal
/// handler, environment, logging or metrics system: these belong to the program around it.
///
///     run() ─▶ open the store ─▶ bind ─▶ serve ──graceful shutdown──▶ stop accepting ─▶ sessions end ─▶ store closes
///                                          └──store's outcome unknown─▶ the same, and run() throws
public final class Appliance: Service, RunningAppliance {
  /// What the program around the appliance gives it.
  public struct Options: Sendable {
    /// Listening sockets that the service manager opened, by the names of the services. The appliance owns them.
    public var inherited: [InheritedSocket] = []
    /// Whom to tell how the service fares.
    public var notify = Notify.nobody
    /// How often the service manager wants a sign of life; `nil` where it wants none.
    public var watchdog: Duration?
    /// Event loops; the store has threads of its own.
    public var eventLoops = 2
    /// How long sessions and deliveries under way may take to end.
    public var grace = Duration.seconds(10)
    public var clock = Clock.system

    public init() {}
  }

  private let first: Configuration
  private let file: String?
  private let options: Options
  private let logger: Logger
  private let startedAt: Moment
  private let state = Mutex(State())
  private let readiness = Readiness()

  private struct State {
    var parts: Parts?
    var isReloading = false
  }

  /// - Parameters:
  ///   - configurationFile: what ``reload()`` reads; without it only ``reload(with:)`` changes the configuration.
  public init(
    _ configuration: Configuration, configurationFile: String? = nil, options: Options = Options(),
    logger: Logger = Logger(label: "postroom")
  ) {
    first = configuration
    file = configurationFile
    self.options = options
    self.logger = logger
    startedAt = options.clock.now()
  }

  /// Runs until a graceful shutdown or cancellation.
  ///
  /// - Throws: what kept it from starting (a store that is in use, a port that is taken, a certificate that cannot be
  ///   read), or the failure of the disk that made it stop: then start it again, with recovery.
  public func run() async throws {
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: max(options.eventLoops, 1))
    do {
      try await run(on: loops)
      readiness.end()
      try await loops.shutdownGracefully()
    } catch {
      readiness.end()
      try? await loops.shutdownGracefully()
      throw error
    }
  }

  private func run(on loops: MultiThreadedEventLoopGroup) async throws {
    let end = EndSignal()
    let parts = try await Parts.open(first, options: options, loops: loops, logger: logger)
    parts.rooms.store.onFailure { error in end.signal(.failed(error)) }
    state.withLock { $0.parts = parts }
    do {
      try await withTaskCancellationOrGracefulShutdownHandler {
        try await serve(parts, until: end)
      } onCancelOrGracefulShutdown: {
        end.signal(.asked)
      }
    } catch {
      state.withLock { $0.parts = nil }
      await parts.close()
      throw error
    }
    state.withLock { $0.parts = nil }
    await parts.close()
  }

  private func serve(_ parts: Parts, until end: EndSignal) async throws {
    let control = ControlServer(
      path: first.control.socket, groupName: first.control.group, eventLoops: parts.loops, logger: logger
    ) { [weak self] in parts.rooms.office(running: self) }
    try await parts.listen(options.inherited)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await parts.runner.run() }
      group.addTask { try await control.run { [self] in announce(parts) } }
      group.addTask { await Upkeep(parts.rooms, clock: self.options.clock, logger: self.logger).run() }
      let services = Task { await parts.serve() }
      group.addTask {
        if case .failed(let error) = await end.wait() { throw error }
        throw EndSignal.Asked()
      }
      var failure: (any Error)?
      do { while try await group.next() != nil {} } catch { failure = error }
      options.notify.stopping()
      logger.info("The appliance is ending")
      await parts.stop(grace: options.grace, services)
      group.cancelAll()
      if let failure, !(failure is EndSignal.Asked), !(failure is CancellationError) { throw failure }
    }
  }

  private func announce(_ parts: Parts) {
    for listener in parts.listeners {
      logger.info(
        "The service is open",
        metadata: ["service": "\(listener.options.name)", "address": "\(listener.address.map { "\($0)" } ?? "inherited")"])
    }
    options.notify.ready(status: "\(parts.listeners.count) services are open")
    readiness.begin()
  }

  /// Returns when the services are open, or the appliance has ended.
  public func waitUntilReady() async { await readiness.wait() }

  // MARK: While it runs

  public func report() async -> RunningReport {
    let parts = state.withLock { $0.parts }
    var services: [RunningReport.Service] = []
    for name in Configuration.Service.Name.allCases {
      let listeners = (parts?.listeners ?? []).filter { $0.options.name == name.rawValue }
      services.append(
        RunningReport.Service(
          name: name.rawValue, addresses: listeners.compactMap { $0.address.map { "\($0)" } },
          connections: listeners.reduce(0) { $0 + $1.liveConnections.count }))
    }
    let troubles = await parts?.runner.troubles ?? []
    return RunningReport(
      version: postroomVersion, processID: currentProcessID(), startedAt: "\(startedAt)",
      generation: parts?.rooms.configuration.generation ?? first.generation, services: services,
      troubles: troubles.map { "\($0.host) is left alone until \($0.until): \($0.reason)" })
  }

  /// The addresses of a service that is open, with the ports that the system chose.
  public func addresses(of service: Configuration.Service.Name) -> [HostPort] {
    (state.withLock { $0.parts }?.listeners ?? []).filter { $0.options.name == service.rawValue }.compactMap {
      $0.address.map { HostPort(host: $0.address.description, port: $0.port) }
    }
  }

  /// Gives an account a password, as `postroom password` does.
  public func setPassword(_ password: String, account: String) async throws {
    guard let parts = state.withLock({ $0.parts }) else { throw CommandFailure("the appliance does not run") }
    try await parts.rooms.authenticator.setPassword(Array(password.utf8), account: account)
  }

  public func reload() async throws -> [String] {
    guard let file else {
      throw CommandFailure("the appliance was not made from a file: hand it a configuration with reload(with:)")
    }
    let text = try await BlockingWork.run { try readText(file) }
    let generation = (state.withLock { $0.parts }?.rooms.configuration.generation ?? 0) + 1
    let (configuration, problems) = ConfigurationFile.parse(text, path: file, generation: generation)
    guard let configuration else {
      throw CommandFailure(
        problems.map { "\(file): \($0)" }.joined(separator: "\n") + "\nthe old configuration stays in force")
    }
    return problems.map { "\(file): \($0)" } + (try await reload(with: configuration))
  }

  /// Puts another configuration into force, certificates included, or throws and leaves all as it was.
  ///
  /// - Returns: what takes effect only when the appliance starts again.
  public func reload(with configuration: Configuration) async throws -> [String] {
    guard let parts = state.withLock({ $0.parts }) else { throw CommandFailure("the appliance does not run") }
    options.notify.reloading()
    defer { options.notify.ready() }
    let before = parts.rooms.configuration
    var next = configuration
    next.generation = before.generation + 1
    let adopted = next
    let certificates = try await BlockingWork.run { [options] in
      try loadCertificates(adopted, now: options.clock.now())
    }
    try parts.certificates.replace(with: certificates)
    parts.limits.bounds = ConnectionLimits.Bounds(adopted.limits)
    parts.rooms.adopt(adopted)
    await parts.runner.tryAgain()
    logger.info("A new configuration is in force", metadata: ["generation": "\(adopted.generation)"])
    return adopted.waitsForStart(since: before)
  }
}

extension Configuration {
  /// Settings that differ from an earlier configuration and are read at the start only, as sentences.
  fileprivate func waitsForStart(since before: Configuration) -> [String] {
    var changed: [String] = []
    if dataFolder != before.dataFolder { changed.append("data-folder") }
    if control != before.control { changed.append("[control]") }
    if proxyProtocolNetworks != before.proxyProtocolNetworks { changed.append("proxy-protocol-from") }
    if limits.diskReserve != before.limits.diskReserve { changed.append("disk-reserve") }
    if logLevel != before.logLevel { changed.append("log level") }
    for name in Service.Name.allCases where service(name) != before.service(name) { changed.append("[\(name.rawValue)]") }
    return changed.map { "\($0) has changed: that takes effect when the appliance starts again" }
  }
}
