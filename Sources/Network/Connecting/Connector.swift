public import NIOCore
internal import NIOPosix
public import Platform
internal import Synchronization

/// Makes outgoing connections. One for the appliance; ``shutDown()`` ends its threads.
public final class Connector: Sendable {
  private let group: any EventLoopGroup
  private let resolution: NameResolution

  /// - Parameter resolverThreads: names looked up at the same time.
  public init(on group: any EventLoopGroup, resolverThreads: Int = 2) {
    self.group = group
    resolution = NameResolution(threads: resolverThreads)
  }

  public func shutDown() async { await resolution.shutDown() }

  /// The addresses of a host, in the system's order of preference. An address is its own answer.
  /// - Throws: ``ConnectError``.
  public func addresses(of host: String, within limit: Duration = .seconds(20)) async throws -> [IPAddress] {
    try await bounded(limit, host) { try await self.resolution.addresses(of: host) }
  }

  /// Connects to a host, trying its addresses one after the other.
  /// - Parameters:
  ///   - within: time limit for looking the name up, and for each address.
  ///   - source: the own address to connect from.
  ///   - tls: TLS from the first byte, where given.
  /// - Throws: ``ConnectError`` with what stood in the way of the last address.
  public func connect(
    to target: HostPort, within limit: Duration = .seconds(30), source: IPAddress? = nil, tls: ClientTLS? = nil
  ) async throws -> Connection {
    let found = try await addresses(of: target.host, within: limit)
    let usable = found.filter { source == nil || source?.isIPv4 == $0.isIPv4 }
    var last = ConnectError(kind: .noSuchHost, target: "\(target)", reason: "the host has no usable address")
    for address in usable {
      do {
        return try await connect(
          to: PeerAddress(address: address, port: target.port), within: limit, source: source, tls: tls)
      } catch let error as ConnectError {
        last = error
      }
    }
    throw last
  }

  /// Connects to one address.
  public func connect(
    to target: PeerAddress, within limit: Duration = .seconds(30), source: IPAddress? = nil, tls: ClientTLS? = nil
  ) async throws -> Connection {
    let connection = try await open("\(target)", limit) { bootstrap in
      var bootstrap = bootstrap
      if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: "\(source)", port: 0)) }
      return bootstrap.connect(to: try SocketAddress(ipAddress: "\(target.address)", port: target.port))
    }
    guard let tls else { return connection }
    do {
      _ = try await connection.startTLS(tls)
      return connection
    } catch {
      connection.abort()
      await connection.close()
      throw ConnectError(kind: .tls, target: "\(target)", reason: "\(error)")
    }
  }

  /// Connects to a local socket.
  public func connect(toLocal path: String, within limit: Duration = .seconds(5)) async throws -> Connection {
    try await open(path, limit) { $0.connect(unixDomainSocketPath: path) }
  }

  private func open(
    _ target: String, _ limit: Duration, _ connect: (ClientBootstrap) throws -> EventLoopFuture<any Channel>
  ) async throws -> Connection {
    let made = Made()
    let bootstrap = ClientBootstrap(group: group)
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.recvAllocator, value: PassingBuffers())
      .connectTimeout(TimeAmount(limit))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let connection = try Connection.attach(to: channel, service: "")
          made.connection.withLock { $0 = connection }
        }
      }
    do {
      _ = try await connect(bootstrap).get()
    } catch let error as ChannelError {
      guard case .connectTimeout = error else {
        throw ConnectError(kind: .unreachable, target: target, reason: "\(error)")
      }
      throw ConnectError(kind: .timedOut, target: target, reason: "nobody answered within \(limit)")
    } catch {
      throw ConnectError(kind: .unreachable, target: target, reason: systemWords(error))
    }
    guard let connection = made.connection.withLock({ $0 }) else {
      throw ConnectError(kind: .unreachable, target: target, reason: "\(ConnectionError.closed)")
    }
    return connection
  }

  /// Waits for something that cannot be interrupted, but not for longer than the limit.
  private func bounded<T: Sendable>(
    _ limit: Duration, _ target: String, _ body: @escaping @Sendable () async throws -> T
  ) async throws -> T {
    let promise = group.next().makePromise(of: T.self)
    let timer = promise.futureResult.eventLoop.scheduleTask(in: TimeAmount(limit)) {
      promise.fail(ConnectError(kind: .timedOut, target: target, reason: "the name was not found within \(limit)"))
    }
    promise.completeWithTask(body)
    defer { timer.cancel() }
    return try await promise.futureResult.get()
  }
}

/// The connection that a channel's initialiser makes.
private final class Made: Sendable {
  let connection = Mutex<Connection?>(nil)
}
