internal import Configuration
internal import Logging
internal import NIOCore
internal import Network
internal import Platform
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// The listeners of the five services and of the local socket, and their changes with a reload.
final class Listening: Sendable {
  private let services: Services
  private let loops: any EventLoopGroup
  private let limits: ConnectionLimits
  /// Strangers may take three quarters of all connections: a flood on port 25 locks nobody out of the mailboxes.
  private let strangers: ConnectionLimits
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    var open: [Place] = []
    /// Closed by a reload; their last sessions are ending.
    var retiring: [Place] = []
    var isRunning = false
  }

  /// One open socket.
  private struct Place: Sendable {
    /// `nil` for the local socket, on which programs of this machine hand in mail.
    let service: Configuration.Service.Name?
    /// The configured address; `nil` for an inherited socket.
    let configured: HostPort?
    /// Of a local socket that this process has made, and removes.
    var path: String?
    let listener: Listener
    var task: Task<Void, Never>?

    var address: HostPort? { listener.address.map { HostPort(host: "\($0.address)", port: $0.port) } }
  }

  init(_ services: Services, loops: any EventLoopGroup, configuration: Configuration, logger: Logger) {
    self.services = services
    self.loops = loops
    self.logger = logger
    limits = ConnectionLimits(Self.bounds(configuration))
    strangers = ConnectionLimits(Self.bounds(configuration).forStrangers, within: limits)
  }

  private static func bounds(_ configuration: Configuration) -> ConnectionLimits.Bounds {
    // Whoever has IPv6 has a whole /64: that is one address here.
    ConnectionLimits.Bounds(
      total: min(configuration.limits.connections, DescriptorLimit.connections),
      perPeer: configuration.limits.connectionsPerAddress, ipv4Prefix: 32,
      ipv6Prefix: 64)
  }

  private func options(_ service: Configuration.Service.Name) -> ListenerOptions {
    services.listenerOptions(service, limits: service == .smtp ? strangers : limits)
  }

  /// Where each service listens.
  var addresses: [Configuration.Service.Name: [HostPort]] { byService { $0.compactMap(\.address) } }

  /// Connections of each service.
  var connections: [Configuration.Service.Name: Int] {
    byService { $0.reduce(0) { $0 + $1.listener.liveConnections.count } }
  }

  private func byService<T>(_ value: ([Place]) -> T) -> [Configuration.Service.Name: T] {
    let open = state.withLock { $0.open }
    var values: [Configuration.Service.Name: T] = [:]
    for (name, places) in Dictionary(grouping: open, by: \.service) {
      if let name { values[name] = value(places) }
    }
    return values
  }

  /// A line for the service manager.
  var summary: String {
    let all = connections.sorted { $0.key.rawValue < $1.key.rawValue }
    return all.isEmpty ? "No service is on" : all.map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", ")
  }

  // MARK: Starting

  /// Opens every socket of the configuration, or none. Inherited ones stand in for configured addresses.
  func open(_ configuration: Configuration, inherited: inout InheritedSockets) async throws {
    var opened: [Place] = []
    do {
      for service in configuration.services {
        let sockets = inherited.take(service.name)
        guard service.enabled else {
          for socket in sockets { refuse(socket, because: "the service is off in the configuration") }
          continue
        }
        if sockets.isEmpty {
          for address in service.listen { opened.append(try await bind(service.name, address)) }
        }
        for socket in sockets {
          let listener = try await Listener.bind(
            .inherited(descriptor: socket.descriptor), options(service.name),
            on: loops)
          opened.append(Place(service: service.name, configured: nil, listener: listener))
        }
      }
      opened += try await openLocal(configuration, inherited.take(named: "local"))
    } catch {
      for place in opened { await place.listener.close() }
      throw error
    }
    for socket in inherited.takeRest() { refuse(socket, because: "no service has that name") }
    state.withLock { $0.open = opened }
  }

  private func openLocal(_ configuration: Configuration, _ inherited: [InheritedSocket]) async throws -> [Place] {
    let options = services.localOptions()
    var places: [Place] = []
    for socket in inherited {
      let listener = try await Listener.bind(.inherited(descriptor: socket.descriptor), options, on: loops)
      places.append(Place(service: nil, configured: nil, listener: listener))
    }
    guard places.isEmpty else { return places }
    let path = configuration.localSocket
    let listener = try await Listener.bind(.unix(path: path, permissions: 0o666), options, on: loops)
    return [Place(service: nil, configured: nil, path: path, listener: listener)]
  }

  private func refuse(_ socket: InheritedSocket, because reason: String) {
    logger.warning("An inherited socket was closed", metadata: ["name": "\(socket.name)", "reason": "\(reason)"])
    socket.close()
  }

  private func bind(_ service: Configuration.Service.Name, _ address: HostPort) async throws -> Place {
    let options = options(service)
    do {
      let listener = try await Listener.bind(.tcp(address), options, on: loops)
      return Place(service: service, configured: address, listener: listener)
    } catch {
      // A machine without IPv6 has no `::`: all of its addresses are IPv4 then.
      guard address.host == "::" else { throw error }
      let everywhere = HostPort(host: "0.0.0.0", port: address.port)
      guard let listener = try? await Listener.bind(.tcp(everywhere), options, on: loops) else { throw error }
      return Place(service: service, configured: address, listener: listener)
    }
  }

  /// Begins to accept.
  func start() {
    state.withLock { state in
      state.isRunning = true
      for index in state.open.indices { state.open[index].task = run(state.open[index]) }
    }
  }

  private func run(_ place: Place) -> Task<Void, Never> {
    let services = services
    return Task {
      await place.listener.run { await services.serve(place.service, $0) }
      self.state.withLock { $0.retiring.removeAll { $0.listener === place.listener } }
    }
  }

  // MARK: Reloading

  /// Opens what another configuration wants in addition. Nothing changes before the returned closure is called; if a
  /// socket cannot be opened nothing changes at all.
  func prepare(_ configuration: Configuration) async throws -> @Sendable () -> Void {
    let (kept, closing, wanted) = plan(configuration)
    var opened: [Place] = []
    do {
      for (service, address) in wanted { opened.append(try await bind(service, address)) }
    } catch {
      for place in opened { await place.listener.close() }
      throw error
    }
    let added = opened
    return {
      self.limits.bounds = Self.bounds(configuration)
      self.strangers.bounds = Self.bounds(configuration).forStrangers
      self.state.withLock { state in
        let kept = Set(kept.map { ObjectIdentifier($0) })
        state.retiring += state.open.filter { !kept.contains(ObjectIdentifier($0.listener)) }
        state.open = state.open.filter { kept.contains(ObjectIdentifier($0.listener)) }
        for var place in added {
          if state.isRunning { place.task = self.run(place) }
          state.open.append(place)
        }
      }
      for place in closing {
        self.logger.notice(
          "\(place.service?.rawValue ?? "local") no longer listens",
          metadata: ["address": "\(place.address.map { "\($0)" } ?? "?")"])
        // Its sessions end by themselves, as at a shutdown.
        place.listener.beginShutdown()
      }
    }
  }

  private func plan(
    _ configuration: Configuration
  ) -> (kept: [Listener], closing: [Place], wanted: [(Configuration.Service.Name, HostPort)]) {
    let open = state.withLock { $0.open }
    // The local socket is another one at the next start only.
    var kept = open.filter { $0.service == nil }.map(\.listener)
    var closing: [Place] = []
    var wanted: [(Configuration.Service.Name, HostPort)] = []
    for service in configuration.services {
      let places = open.filter { $0.service == service.name }
      guard service.enabled else {
        closing += places
        continue
      }
      // The sockets decide where the ports are: an inherited one stays, whatever the file says.
      let inherited = places.filter { $0.configured == nil }
      kept += inherited.map(\.listener)
      guard inherited.isEmpty else { continue }
      var missing = service.listen
      for place in places {
        if let index = missing.firstIndex(where: { $0 == place.configured }) {
          missing.remove(at: index)
          kept.append(place.listener)
        } else {
          closing.append(place)
        }
      }
      wanted += missing.map { (service.name, $0) }
    }
    return (kept, closing, wanted)
  }

  // MARK: Ending

  /// Closes every connection at once, without a word.
  func cutOff() async {
    let places = state.withLock { state in
      state.isRunning = false
      return state.open + state.retiring
    }
    for place in places { place.task?.cancel() }
    for place in places {
      await place.task?.value
      await place.listener.close()
      if let path = place.path { unlink(path) }
    }
  }

  /// Lets nobody new in, asks the sessions to end, and after the grace ends them.
  func shutDown(grace: Duration) async {
    let places = state.withLock { state in
      state.isRunning = false
      return state.open + state.retiring
    }
    for place in places { place.listener.beginShutdown() }
    let guillotine = Task {
      try await Task.sleep(for: grace)
      for place in places { place.task?.cancel() }
    }
    for place in places { await place.task?.value }
    guillotine.cancel()
  }
}

extension ConnectionLimits.Bounds {
  fileprivate var forStrangers: Self {
    var bounds = self
    bounds.total = max(total - total / 4, 1)
    return bounds
  }
}
