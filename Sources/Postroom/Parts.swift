internal import Configuration
internal import IMAP
internal import Logging
internal import NIOPosix
internal import Network
internal import Platform
internal import Reception
internal import Relay
internal import Submission
internal import Synchronization

/// Everything that one run of the appliance has open: the rooms, the listeners and the queue runner.
final class Parts: Sendable {
  let rooms: Rooms
  let loops: MultiThreadedEventLoopGroup
  let certificates: TLSContexts
  let limits: ConnectionLimits
  let runner: QueueRunner
  private let connector: Connector
  private let sessions: [Configuration.Service.Name: @Sendable (Connection) async -> Void]
  private let logger: Logger
  private let open = Mutex<[Listener]>([])

  var listeners: [Listener] { open.withLock { $0 } }

  /// Opens the store and wires the rooms. Nothing listens yet.
  static func open(
    _ configuration: Configuration, options: Appliance.Options, loops: MultiThreadedEventLoopGroup, logger: Logger
  ) async throws -> Parts {
    let rooms = try await BlockingWork.run {
      try Rooms(configuration, clock: options.clock, logger: logger) { from, to in
        options.notify.status("The database is being brought from schema \(from) to \(to)")
        options.notify.extendTimeout(by: .seconds(600))
      }
    }
    do {
      let (certificates, trust) = try await BlockingWork.run {
        (try TLSContexts(try loadCertificates(configuration, now: options.clock.now())), try ClientTrust())
      }
      return Parts(rooms, certificates, trust, options, loops, logger)
    } catch {
      await rooms.close()
      throw error
    }
  }

  private init(
    _ rooms: Rooms, _ certificates: TLSContexts, _ trust: ClientTrust, _ options: Appliance.Options,
    _ loops: MultiThreadedEventLoopGroup, _ logger: Logger
  ) {
    self.rooms = rooms
    self.loops = loops
    self.certificates = certificates
    self.logger = logger
    let current: @Sendable () -> Configuration = { rooms.configuration }
    limits = ConnectionLimits(ConnectionLimits.Bounds(rooms.configuration.limits))
    connector = Connector(on: loops)
    runner = QueueRunner(
      flow: rooms.flow, configuration: current, connector: connector, trust: trust, clock: options.clock, log: logger)
    let submission = SubmissionPolicy(clock: options.clock)
    func reception(_ service: Configuration.Service.Name, _ policy: any ReceptionPolicy) -> Reception {
      Reception(
        service: service, policy: policy, flow: rooms.flow, authenticator: rooms.authenticator,
        tls: service.isImplicitTLS ? nil : certificates, configuration: current, clock: options.clock, log: logger)
    }
    let mx = reception(.smtp, DevicePort(devices: submission, others: MXPolicy()))
    let plain = reception(.submission, submission)
    let implicit = reception(.submissions, submission)
    let imap = IMAPServer(
      store: rooms.store, flow: rooms.flow, authenticator: rooms.authenticator, configuration: current, log: logger)
    sessions = [
      .smtp: { await mx.serve($0) }, .submission: { await plain.serve($0) }, .submissions: { await implicit.serve($0) },
      .imap: { await imap.serve($0, startTLS: certificates) }, .imaps: { await imap.serve($0, startTLS: nil) },
    ]
  }

  /// Opens the listeners of all services that are on: inherited sockets where there are any, else our own.
  func listen(_ inherited: [InheritedSocket]) async throws {
    let configuration = rooms.configuration
    for socket in inherited {
      let name = Configuration.Service.Name(rawValue: socket.name)
      if name.map({ !configuration.service($0).enabled }) ?? true {
        logger.warning(
          "An inherited socket belongs to no service that is on; it is closed", metadata: ["socket": "\(socket.name)"])
        socket.close()
      }
    }
    for name in Configuration.Service.Name.allCases {
      let service = configuration.service(name)
      guard service.enabled else { continue }
      let handed = inherited.filter { $0.name == name.rawValue }
      let places =
        handed.isEmpty
        ? service.listen.map { ListeningAddress.tcp($0) }
        : handed.map { ListeningAddress.inherited(descriptor: $0.descriptor) }
      for place in places { try await listen(name, at: place) }
    }
  }

  private func listen(_ name: Configuration.Service.Name, at place: ListeningAddress) async throws {
    var options = ListenerOptions(
      name: name.rawValue, limits: limits, implicitTLS: name.isImplicitTLS ? certificates : nil)
    options.proxies = rooms.configuration.proxyProtocolNetworks
    switch name {
    case .smtp, .submission, .submissions: options.refusal = Reception.refusal
    case .imap, .imaps: options.refusal = IMAPServer.refusal
    }
    let listener = try await bind(place, options)
    open.withLock { $0.append(listener) }
  }

  /// A machine without IPv6 has no `::`; every address of it is an IPv4 address then.
  private func bind(_ place: ListeningAddress, _ options: ListenerOptions) async throws -> Listener {
    do {
      return try await Listener.bind(place, options, on: loops)
    } catch {
      guard case .tcp(let address) = place, address.host == "::",
        let listener = try? await Listener.bind(
          .tcp(HostPort(host: "0.0.0.0", port: address.port)), options, on: loops)
      else { throw error }
      return listener
    }
  }

  /// Serves all connections until the listeners are told to end.
  func serve() async {
    await withDiscardingTaskGroup { group in
      for listener in listeners {
        guard let name = Configuration.Service.Name(rawValue: listener.options.name), let session = sessions[name] else {
          continue
        }
        group.addTask { await listener.run(session: session) }
      }
    }
  }

  /// Stops accepting, lets sessions and deliveries come to their end, and cuts what takes longer than `grace`.
  func stop(grace: Duration, _ services: Task<Void, Never>) async {
    for listener in listeners { listener.beginShutdown() }
    async let stopped: Void = runner.stop(grace: grace)
    let guillotine = Task {
      try await Task.sleep(for: grace)
      services.cancel()
    }
    await services.value
    guillotine.cancel()
    await stopped
  }

  /// Closes what is still open, the store last.
  func close() async {
    for listener in listeners { await listener.close() }
    await connector.shutDown()
    rooms.flow.finish()
    await rooms.close()
  }
}

extension ConnectionLimits.Bounds {
  init(_ limits: Configuration.Limits) {
    self.init(total: limits.connections, perPeer: limits.connectionsPerAddress, ipv4Prefix: 32, ipv6Prefix: 64)
  }
}
