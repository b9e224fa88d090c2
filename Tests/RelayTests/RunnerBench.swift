import Logging
import NIOPosix
import Network
import Platform
import SMTP
import Synchronization
import Testing

@testable import Configuration
@testable import Relay

/// A runner with a queue in memory, a clock that the test turns, and fake servers on loopback.
final class RunnerBench: Sendable {
  let time = ManualTime()
  let queue: FakeQueue
  let runner: QueueRunner
  private let settings: Settings

  final class Settings: Sendable {
    private let value: Mutex<Configuration>
    init(_ configuration: Configuration) { value = Mutex(configuration) }
    var now: Configuration { value.withLock { $0 } }
    func change(_ change: (inout Configuration) -> Void) {
      value.withLock {
        change(&$0)
        $0.generation += 1
      }
    }
  }

  static let text = """
    hostname = "mail.office.example"
    postmaster = "anna"

    [[domain]]
    name = "office.example"

    [[account]]
    name = "anna"
    addresses = ["anna@office.example"]

    [relay]
    direct = false

    [queue]
    retry = ["15 min", "30 min", "2 h"]

    """

  static func hop(
    _ port: Int, tls: Configuration.NextHop.TLSMode = .off, user: String? = nil, file: String? = nil
  ) -> Configuration.NextHop {
    Configuration.NextHop(address: HostPort(host: "127.0.0.1", port: port), tls: tls, user: user, passwordFile: file)
  }

  /// Runs the runner while `body` goes on, and stops it in good order afterwards.
  static func run(
    smartHost: Configuration.NextHop?, limits: DestinationBook.Limits = DestinationBook.Limits(),
    timeLimits: TimeLimits = .standard, trust: ClientTrust? = nil, _ body: (RunnerBench) async throws -> Void
  ) async throws {
    var configuration = try Configuration(text: text)
    configuration.smartHost = smartHost
    try await run(configuration: configuration, limits: limits, timeLimits: timeLimits, trust: trust, body)
  }

  static func run(
    configuration: Configuration, limits: DestinationBook.Limits = DestinationBook.Limits(),
    timeLimits: TimeLimits = .standard, trust: ClientTrust? = nil, dns: FakeDNS = FakeDNS(), port: Int = 25,
    prepare: (inout Dialer) -> Void = { _ in }, before: (FakeQueue, ManualTime) -> Void = { _, _ in },
    _ body: (RunnerBench) async throws -> Void
  ) async throws {
    let connector = Connector(on: MultiThreadedEventLoopGroup.singleton)
    let bench = RunnerBench(
      configuration, limits, timeLimits, connector, try trust ?? ClientTrust(), dns, port, prepare)
    before(bench.queue, bench.time)
    let running = Task { try await bench.runner.run() }
    do {
      try await body(bench)
    } catch {
      running.cancel()
      throw error
    }
    await bench.runner.stop(grace: .seconds(1))
    try await running.value
    await connector.shutDown()
  }

  private init(
    _ configuration: Configuration, _ limits: DestinationBook.Limits, _ timeLimits: TimeLimits,
    _ connector: Connector, _ trust: ClientTrust, _ dns: FakeDNS, _ port: Int, _ prepare: (inout Dialer) -> Void
  ) {
    let settings = Settings(configuration)
    self.settings = settings
    queue = FakeQueue(time)
    var dialer = Dialer(connector: connector, trust: trust, dns: dns)
    dialer.router.chance = { 0.5 }
    dialer.router.port = port
    dialer.router.ownAddresses = { [] }
    dialer.timeLimits = timeLimits
    prepare(&dialer)
    var log = Logger(label: "test")
    log.logLevel = .critical
    let time = time
    runner = QueueRunner(
      queue: queue, configuration: { settings.now }, dialer: dialer, limits: limits, clock: time.clock,
      uptime: { time.uptime }, sleep: { try await time.sleep(until: $0) }, chance: { 0.5 }, log: log)
  }

  func reload(_ change: (inout Configuration) -> Void) async {
    settings.change(change)
    await runner.tryAgain()
  }
}
