import Administration
import ArgumentParser
import Configuration
import Logging
import Network
import Platform
import Postroom
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
  import Glibc
#endif

/// `postroom serve`: the daemon.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the appliance.",
    discussion: """
      Ends in good order at SIGTERM and SIGINT; reads the configuration again at SIGHUP. Sockets that systemd has \
      opened are used where their names (smtp, submission, submissions, imap, imaps) fit.
      """)
  @OptionGroup var config: ConfigurationOption
  @Option(help: "Run the demonstration in this folder instead: loopback, high ports, two accounts.")
  var demo: String?
  @Option(help: "The demonstration's domain.") var demoDomain = "postroom.example"
  @Option(help: "Added to each usual port: with 10000, SMTP is on 10025.") var demoPorts = 10_000
  @Option(help: "Another demonstration that mail goes to, as DOMAIN=HOST:PORT.") var demoPeer: String?

  func run() async throws {
    keepPace()
    var option = config
    var invitation: String?
    if let demo {
      let demo = try await Demo(folder: demo, domain: demoDomain, basePort: demoPorts, peer: demoPeer)
      option.path = demo.configurationFile
      invitation = demo.invitation(try option.load())
    }
    let configuration = try option.load()
    startLogging(configuration.logLevel)
    let logger = Logger(label: "postroom")
    DescriptorLimit.raise()
    let appliance = Appliance(
      configuration, configurationFile: absolutePath(option.path), options: .fromServiceManager(), logger: logger)
    let group = ServiceGroup(
      configuration: .init(
        services: [
          .init(service: appliance, successTerminationBehavior: .gracefullyShutdownGroup),
          .init(service: ReloadOnHangup(appliance: appliance, logger: logger)),
          .init(service: Invitation(text: invitation, appliance: appliance)),
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
  }

  /// Where systemd starts it, it gives a folder of its own (`RuntimeDirectory=`), and starts it again whenever it ends.
  /// Nothing else runs yet that the wait could hold up.
  private func keepPace() {
    guard let folder = getenv("RUNTIME_DIRECTORY").map({ String(cString: $0) }), getenv("NOTIFY_SOCKET") != nil else {
      return
    }
    let (starts, wait) = StartPace(path: folder + "/starts").begin(at: Clock.system.now())
    guard wait > .zero else { return }
    let words = "started \(starts) times within a minute: it waits \(wait) before the next try"
    complain(words)
    let notify = Notify.fromEnvironment()
    notify.status(words)
    notify.extendTimeout(by: wait + .seconds(60))
    usleep(useconds_t(wait / .microseconds(1)))
  }

  private func startLogging(_ level: Configuration.LogLevel) {
    let level = Logger.Level(rawValue: level.rawValue) ?? .info
    LoggingSystem.bootstrap { label in
      var handler: any LogHandler =
        JournalLogHandler.isAvailable ? JournalLogHandler(label: label) : StandardErrorLogHandler(label: label)
      handler.logLevel = level
      return handler
    }
  }
}

/// SIGHUP reads the configuration again; a bad file leaves the old one in force.
private struct ReloadOnHangup: Service {
  let appliance: Appliance
  let logger: Logger

  func run() async throws {
    for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
      do {
        for warning in try await appliance.reload() { logger.warning("\(warning)") }
      } catch {
        logger.error("The configuration was not read again", metadata: ["reason": "\(error)"])
      }
    }
  }
}

/// Prints how to connect, once the demonstration answers; then waits for the end like everybody else.
private struct Invitation: Service {
  let text: String?
  let appliance: Appliance

  func run() async throws {
    if let text {
      await appliance.waitUntilReady()
      let bytes = Array((text + "\n").utf8)
      _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }
    try await gracefulShutdown()
  }
}
