public import Administration
// Exported: a program that embeds the appliance needs `import Postroom` and nothing else.
@_exported public import Configuration
public import Logging
public import Network
public import Platform
public import ServiceLifecycle
internal import Synchronization

/// # Postroom: the appliance
///
/// The whole mail appliance as one `ServiceLifecycle.Service`: this room wires the others from a configuration and runs
/// them; it holds no policy of its own.
///
///     let appliance = try Appliance(text: """
///       hostname = "mail.example.org"
///       …
///       """)
///     let group = ServiceGroup(services: [appliance], gracefulShutdownSignals: [.sigterm], logger: logger)
///     try await group.run()
///
/// It sets no signal handler, environment, logging or metrics system: those belong to the program around it. Several
/// appliances may run in one process, each on its own data folder.
///
///     made ──run()──▶ starting ──all sockets open──▶ ready ──shutdown──▶ ending ──▶ ended
///                        └──────── failed ──────────────┴───────────────────────────▶ (run throws)
///
/// Starting: certificates, store (and its migrations), sockets, queue runner, control socket. Ending goes the other way
/// round: nobody new is let in, sessions are asked to end, the queue runner finishes what it sends, the control socket
/// closes, the store last.
public final class Appliance: Service, RunningAppliance {
  /// What the program around the appliance decides.
  public struct Options: Sendable {
    /// Listening sockets that a service manager opened, by the names of the services. The appliance owns them.
    public var inherited: [InheritedSocket] = []
    /// Whom to tell how it fares.
    public var notify = Notify.nobody
    /// How often the service manager wants to hear that it is alive; `nil` if it does not.
    public var watchdog: Duration?
    /// Threads for the network; the store has threads of its own.
    public var eventLoops = 2
    /// How long sessions may take to end after they were asked to, and messages under way to other servers.
    public var grace = Duration.seconds(10)
    public var clock = Clock.system

    public init() {}

    /// What systemd hands to a service: its sockets, its socket for notes, its watchdog. For the executable; it reads
    /// the environment and clears what was meant for it alone.
    public static func fromServiceManager() -> Options {
      var options = Options()
      options.inherited = SystemdSockets.inherited()
      options.notify = .fromEnvironment()
      options.watchdog = WatchdogInterval.fromEnvironment()
      return options
    }
  }

  /// The configuration file, which ``reload()`` reads again; `nil` where there is none.
  public let configurationFile: String?
  let options: Options
  let logger: Logger
  let life: Mutex<Life>
  let turns = Turns()

  /// - Parameters:
  ///   - configuration: what to run; ``reload(with:)`` and ``reload()`` put another one into force.
  ///   - configurationFile: the file that it came from.
  ///   - logger: every line of the appliance goes there.
  public init(
    _ configuration: Configuration, configurationFile: String? = nil, options: Options = Options(),
    logger: Logger = Logger(label: "postroom")
  ) {
    self.configurationFile = configurationFile
    self.logger = logger
    self.options = options
    life = Mutex(Life(configuration: configuration))
  }

  /// An appliance from the text of a configuration.
  /// - Throws: `ConfigurationError` with everything that is wrong with it.
  public convenience init(
    text: String, options: Options = Options(), logger: Logger = Logger(label: "postroom")
  ) throws {
    try self.init(Configuration(text: text), options: options, logger: logger)
  }

  /// Gives an account a password, as `postroom password` does. For programs that bring their own users.
  /// - Throws: ``ApplianceError/notRunning``, or `PasswordError` for a password that cannot be used.
  public func setPassword(_ password: String, account: String) async throws {
    guard let running else { throw ApplianceError.notRunning }
    try await running.rooms.authenticator.setPassword(Array(password.utf8), account: account)
  }

  /// The configuration in force.
  public var configuration: Configuration { life.withLock { $0.configuration } }

  /// Runs the appliance until the task's graceful shutdown, ``beginShutdown()``, or cancellation, which gives nobody time.
  ///
  /// An appliance runs once.
  /// - Throws: ``ApplianceError``, `StoreError`, `ListenerError` or `TLSError` if it cannot start, and ``ApplianceError``
  ///   if it must end because the store has lost certainty of what is on disk: start another one, which recovers.
  public func run() async throws {
    let ends = Ends()
    try life.withLock { try $0.begin(ends) }
    do {
      try await withTaskCancellationHandler {
        try await withGracefulShutdownHandler {
          try await live(ends)
        } onGracefulShutdown: {
          ends.send(.shutdown)
        }
      } onCancel: {
        ends.send(.cancellation)
      }
      finish(nil)
    } catch {
      finish(error)
      throw error
    }
  }

  /// Begins a graceful shutdown; ``run()`` returns when it is done. For programs without a `ServiceGroup`.
  public func beginShutdown() {
    life.withLock { $0.ends }?.send(.shutdown)
  }

  /// Waits until all services answer, or until ``run()`` has ended.
  /// - Returns: whether it is ready.
  @discardableResult public func waitUntilReady() async -> Bool {
    await withCheckedContinuation { continuation in
      let known = life.withLock { life -> Bool? in
        switch life.stage {
        case .made, .starting:
          life.waiting.append(continuation)
          return nil
        case .ready: return true
        case .ending, .ended: return false
        }
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Where each service listens, with the ports that the system chose; empty before it is ready and after the end.
  public var addresses: [Configuration.Service.Name: [HostPort]] { running?.listening.addresses ?? [:] }

  /// Where one service listens.
  public func addresses(of service: Configuration.Service.Name) -> [HostPort] { addresses[service] ?? [] }

  /// The port of a service's first socket; `nil` if it is off, or while nothing runs.
  public func port(of service: Configuration.Service.Name) -> Int? { addresses[service]?.first?.port }

  var running: Running? {
    life.withLock { life in
      if case .ready(let running) = life.stage { return running }
      return nil
    }
  }

  func isReady(_ running: Running) {
    let waiting = life.withLock { life in
      life.stage = .ready(running)
      return life.takeWaiting()
    }
    for continuation in waiting { continuation.resume(returning: true) }
  }

  private func finish(_ error: (any Error)?) {
    let waiting = life.withLock { life in
      life.stage = .ended
      life.ends = nil
      return life.takeWaiting()
    }
    for continuation in waiting { continuation.resume(returning: false) }
    if let error { logger.error("The appliance has ended", metadata: ["reason": "\(error)"]) }
  }
}

/// Why an appliance does not run.
public enum ApplianceError: Error, Sendable, CustomStringConvertible {
  /// `run()` was called a second time.
  case alreadyRun
  /// `reload()` was called while it does not run.
  case notRunning
  /// There is no file to read again.
  case noConfigurationFile
  /// The configuration file cannot be read.
  case unreadable(path: String, reason: String)
  /// The configuration file has errors; the old one stays in force.
  case refused(path: String, [Problem])
  /// A sync failed: nobody knows what is on disk. Another start recovers.
  case storeFailed(String)
  /// A part of it ended that should not.
  case partEnded(String, reason: String)

  public var description: String {
    switch self {
    case .alreadyRun: "an appliance runs once: make another one"
    case .notRunning: "the appliance does not run: start it, then ask again"
    case .noConfigurationFile: "the appliance was started without a configuration file: there is none to read again"
    case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)"
    case .refused(let path, let problems):
      problems.filter { $0.severity == .error }.map { "\(path): \($0)" }.joined(separator: "\n")
        + "\nthe old configuration stays in force"
    case .storeFailed(let reason): "the store does not know what is on disk and must be opened anew: \(reason)"
    case .partEnded(let part, let reason): "\(part) has ended: \(reason)"
    }
  }
}

/// Where an appliance is in its life.
struct Life {
  enum Stage {
    case made
    case starting
    case ready(Running)
    case ending
    case ended
  }

  var stage = Stage.made
  var configuration: Configuration
  var ends: Ends?
  var waiting: [CheckedContinuation<Bool, Never>] = []

  init(configuration: Configuration) { self.configuration = configuration }

  mutating func begin(_ ends: Ends) throws(ApplianceError) {
    guard case .made = stage else { throw .alreadyRun }
    stage = .starting
    self.ends = ends
  }

  mutating func takeWaiting() -> [CheckedContinuation<Bool, Never>] {
    defer { waiting = [] }
    return waiting
  }
}

/// Why the appliance is to end, from whoever knows first.
final class Ends: Sendable {
  enum End: Sendable {
    case shutdown
    case cancellation
    case failure(any Error)
  }

  private let stream: AsyncStream<End>
  private let continuation: AsyncStream<End>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func send(_ end: End) { continuation.yield(end) }

  /// The first reason. Also a cancelled task hears it.
  func first() async -> End {
    let stream = stream
    return await Task {
      for await end in stream { return end }
      return .cancellation
    }.value
  }
}
