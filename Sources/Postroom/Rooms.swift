public import Accounts
public import Administration
public import Configuration
internal import Delivery
internal import Filtering
public import Logging
internal import MailAuthentication
public import MailFlow
public import Network
public import Platform
internal import Relay
public import Store
internal import Synchronization

/// The rooms that share the store, wired together: what the running appliance and the command line alone both need.
public final class Rooms: Sendable {
  public let store: Store
  public let flow: MailFlow
  public let authenticator: Authenticator
  /// The return addresses of forwarded mail.
  let rewriting: SenderRewriting
  private let clock: Clock
  private let current: CurrentConfiguration
  private let gateway: FilteringGateway
  /// Whoever looks names up does it here. It starts with the first question.
  let dns: ConfiguredDNS
  private let uploads = Uploads()

  /// The configuration in force.
  public var configuration: Configuration { current.value }

  /// Opens the store under its lock, and wires what stands on it. Blocks while it opens.
  ///
  /// - Parameters:
  ///   - patience: how long to wait for another process that has the store open.
  ///   - connect: makes connections to clamd and milters; without it neither is asked.
  ///   - migrating: told before the store changes its schema, which may take long.
  /// - Throws: ``StoreError`` when the store cannot be opened.
  public init(
    _ configuration: Configuration, clock: Clock = .system, logger: Logger = Logger(label: "postroom"),
    patience: Duration = .zero,
    connect: (@Sendable (Configuration.Place, Duration) async throws -> Connection)? = nil,
    migrating: (_ from: Int, _ to: Int) -> Void = { _, _ in }
  ) throws {
    var options = Store.Options()
    options.reserve = configuration.limits.diskReserve
    options.patience = patience
    options.clock = clock
    options.logger = logger
    let store = try Store.open(folder: configuration.dataFolder, options: options, migrating: migrating)
    let current = CurrentConfiguration(configuration)
    store.setGeneration(Int(clamping: configuration.generation))
    let read: @Sendable () -> Configuration = { current.value }
    self.store = store
    self.current = current
    self.clock = clock
    rewriting = SenderRewriting(domain: { current.value.hostname }, clock: clock)
    authenticator = Authenticator(configuration: read, secrets: StoredSecrets(store), clock: clock)
    let dns = ConfiguredDNS(configuration: read, log: logger)
    self.dns = dns
    gateway = FilteringGateway(store: store, configuration: read, connect: connect, dns: dns, log: logger)
    flow = MailFlow(
      store: store, configuration: read, judge: AuthenticationJudge(gateway.judge),
      planner: Delivery(
        configuration: read, usage: { account in try await store.read { try $0.usage(account: account).bytes } },
        isSystemUser: { Machine.hasUser($0) }, rewriting: rewriting, log: logger),
      signer: MailSigner(store: store, clock: clock, log: logger),
      senderCheck: SenderAuthentication(dns: dns, clock: clock), observers: [gateway.observer], clock: clock,
      log: logger)
  }

  /// Reads the keys of return addresses, and renews them when it is time to.
  func renewKeys() async throws { rewriting.keys = try await SRSKey.load(from: store, now: clock.now()) }

  /// Learns what people call spam, until it is cancelled.
  func train() async { await gateway.trainer.run() }

  /// Puts another configuration into force. Plans made under the old one are made again.
  func adopt(_ configuration: Configuration) {
    current.value = configuration
    store.setGeneration(Int(clamping: configuration.generation))
  }

  /// What commands act on.
  public func office(running: (any RunningAppliance)? = nil) -> Office {
    Office(
      configuration: configuration, store: store, flow: flow, authenticator: authenticator, running: running,
      classifier: gateway.classifier, uploads: uploads)
  }

  /// Finishes what the store has under way, and closes it.
  public func close() async {
    await dns.close()
    await store.close()
  }
}

/// The configuration in force, for all rooms; a reload swaps it.
final class CurrentConfiguration: Sendable {
  private let held: Mutex<Configuration>

  init(_ configuration: Configuration) { held = Mutex(configuration) }

  var value: Configuration {
    get { held.withLock { $0 } }
    set { held.withLock { $0 = newValue } }
  }
}
