public import NIOCore
internal import NIOPosix
public import Platform
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Where a listener gets its socket from.
public enum ListeningAddress: Hashable, Sendable {
  /// An address and a port; port 0 lets the system choose. The host must be an address, or empty for all.
  case tcp(HostPort)
  /// A local socket at a path, which is removed first if nobody listens there, with these permission bits.
  case unix(path: String, permissions: UInt16)
  /// A listening descriptor that the service manager opened. The listener owns it from now on.
  case inherited(descriptor: Int32)
}

/// How a listener treats those who come.
public struct ListenerOptions: Sendable {
  /// Its name: that of the service, as in the configuration.
  public var name: String
  /// TLS from the first byte, where given.
  public var implicitTLS: TLSContexts?
  /// Time limit for that handshake.
  public var handshakeTimeLimit: Duration = .seconds(30)
  /// Proxies that put a PROXY header before every connection. A connection from one of them without a valid header
  /// is closed; a header from anybody else is not understood, and so no address can be forged. Asked for every
  /// connection, because a reload may change it.
  public var proxies: @Sendable () -> [IPNetwork] = { [] }
  /// Time limit for that header. A proxy sends it in one piece, before anything else, so a long wait is for nothing.
  public var proxyTimeLimit: Duration = .seconds(5)
  public var limits: ConnectionLimits
  /// What is said to somebody who is not admitted, before the connection is closed. Not with implicit TLS.
  public var refusal: @Sendable (ConnectionLimits.Refusal) -> [UInt8] = { _ in [] }
  public var backlog: Int32 = 4096

  public init(name: String, limits: ConnectionLimits, implicitTLS: TLSContexts? = nil) {
    self.name = name
    self.limits = limits
    self.implicitTLS = implicitTLS
  }
}

/// A socket that accepts connections and gives each to a session.
///
///     let listener = try await Listener.bind(.tcp(HostPort(host: "127.0.0.1", port: 0)), options, on: group)
///     try await listener.run { connection in … }   // until beginShutdown()
///
/// The listener closes each connection after its session. When few descriptors are left it turns people away
/// (``DescriptorLimit``); when there is none it stops accepting for a moment instead of spinning.
public final class Listener: Sendable {
  public let options: ListenerOptions
  /// The address that it is bound to, with the port that the system chose; `nil` for a local socket.
  public let address: PeerAddress?
  let channel: any Channel
  private let accepted: AcceptedConnections
  private let state = Mutex(State())

  private struct State {
    var connections: [Int: Connection] = [:]
    var isShuttingDown = false
  }

  private init(options: ListenerOptions, channel: any Channel, accepted: AcceptedConnections) {
    self.options = options
    self.channel = channel
    self.accepted = accepted
    address = PeerAddress(channel.localAddress)
  }

  /// Opens the socket. Connections wait in the kernel until ``run(session:)``.
  /// - Throws: ``ListenerError`` with the address and the system's reason.
  public static func bind(
    _ address: ListeningAddress, _ options: ListenerOptions, on group: any EventLoopGroup
  ) async throws -> Listener {
    let accepted = AcceptedConnections()
    let limits = options.limits
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: options.backlog)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // Accepting begins when the listener runs.
      .serverChannelOption(.autoRead, value: false)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          channel.keepFromChildren()
          try channel.pipeline.syncOperations.addHandler(AcceptPausing())
        }
      }
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(.recvAllocator, value: PassingBuffers())
      .childChannelInitializer { channel in
        guard !channel.isAmongTheLast, limits.enter() else {
          let words = options.implicitTLS == nil ? options.refusal(.total) : []
          return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(TurningAway(words))
          }
        }
        channel.closeFuture.whenComplete { _ in limits.leave() }
        return channel.eventLoop.makeCompletedFuture {
          _ = try Connection.attach(to: channel, service: options.name) { accepted.add($0) }
        }
      }
    do {
      return Listener(options: options, channel: try await open(address, bootstrap), accepted: accepted)
    } catch {
      throw ListenerError(name: options.name, address: address.text, reason: Self.reason(error))
    }
  }

  /// What stood in the way, and what to do about it where that is known.
  private static func reason(_ error: any Error) -> String {
    let words = systemWords(error)
    return switch (error as? IOError)?.errnoCode {
    case EADDRINUSE: words + ": stop what listens there, or choose another address"
    case EADDRNOTAVAIL: words + ": this machine does not have it"
    case EACCES: words + ": ports below 1024 are for root, let systemd open them (packaging)"
    default: words
    }
  }

  private static func open(_ address: ListeningAddress, _ bootstrap: ServerBootstrap) async throws -> any Channel {
    switch address {
    case .tcp(let target):
      let host = target.host.isEmpty ? "::" : target.host
      return try await bootstrap.bind(to: SocketAddress(ipAddress: host, port: target.port)).get()
    case .unix(let path, let permissions):
      try LocalSocket.makeRoom(at: path)
      let channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
      try LocalSocket.setPermissions(permissions, at: path)
      return channel
    case .inherited(let descriptor):
      return try await bootstrap.withBoundSocket(descriptor).get()
    }
  }

  /// Accepts and serves until ``beginShutdown(deadline:)``, or until the task is cancelled. Returns when the last session
  /// has ended and its connection is closed.
  public func run(session: @escaping @Sendable (Connection) async -> Void) async {
    await withTaskCancellationHandler {
      try? await channel.setOption(.autoRead, value: true).get()
      await withDiscardingTaskGroup { group in
        for await connection in accepted.stream {
          group.addTask(executorPreference: LoopExecutor(connection.eventLoop)) {
            await self.serve(connection, session)
          }
        }
      }
    } onCancel: {
      stopAccepting()
      for connection in liveConnections { connection.abort() }
    }
    accepted.closeAll()
    try? await channel.closeFuture.get()
  }

  /// Closes the socket of a listener that does not run.
  public func close() async {
    stopAccepting()
    accepted.closeAll()
    try? await channel.closeFuture.get()
  }

  /// Stops accepting and asks every session to end (``Connection/requestShutdown()``). ``run(session:)`` returns when all
  /// have; whoever calls this decides how long to wait before cancelling it.
  public func beginShutdown() {
    let connections = state.withLock { state in
      state.isShuttingDown = true
      return Array(state.connections.values)
    }
    stopAccepting()
    for connection in connections { connection.requestShutdown() }
  }

  /// Connections being served.
  public var liveConnections: [Connection] { state.withLock { Array($0.connections.values) } }

  private func stopAccepting() {
    channel.close(promise: nil)
    accepted.finish()
  }

  private func serve(_ connection: Connection, _ session: @Sendable (Connection) async -> Void) async {
    accepted.remove(connection)
    let late = state.withLock { state in
      state.connections[connection.number] = connection
      return state.isShuttingDown
    }
    if late { connection.requestShutdown() }
    do {
      try await admit(connection, session)
    } catch {
      connection.abort()
    }
    if Task.isCancelled { connection.abort() }
    await connection.close()
    state.withLock { _ = $0.connections.removeValue(forKey: connection.number) }
  }

  private func admit(_ connection: Connection, _ session: @Sendable (Connection) async -> Void) async throws {
    if let peer = connection.peer, options.proxies().contains(where: { $0.contains(peer.address) }) {
      try await connection.readProxyHeader(within: options.proxyTimeLimit)
    }
    let network = connection.peer.map { options.limits.enter($0.address) }
    if let network, network == nil {
      if options.implicitTLS == nil { try await connection.write(options.refusal(.perPeer)) }
      return
    }
    defer { if let network = network ?? nil { options.limits.leave(network) } }
    if let contexts = options.implicitTLS {
      try await connection.beginTLS(contexts, within: options.handshakeTimeLimit)
    }
    await session(connection)
  }
}

extension Channel {
  /// Whether hardly any descriptors are left after this one's.
  fileprivate var isAmongTheLast: Bool {
    let answer = try? pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
      DescriptorLimit.isNear($0)
    }
    return answer ?? false
  }
}

/// Says a word to somebody who is not admitted, and closes. Nothing is read.
private final class TurningAway: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let words: [UInt8]

  init(_ words: [UInt8]) { self.words = words }

  func channelActive(context: ChannelHandlerContext) {
    if !words.isEmpty { context.writeAndFlush(NIOAny(ByteBuffer(bytes: words)), promise: nil) }
    context.close(promise: nil)
  }
}

/// Why a listener could not be opened.
public struct ListenerError: Error, Hashable, Sendable, CustomStringConvertible {
  public var name: String
  public var address: String
  public var reason: String

  public var description: String { "\(name) cannot listen on \(address): \(reason)" }
}

extension ListeningAddress {
  var isLocal: Bool {
    if case .unix = self { return true }
    return false
  }

  var text: String {
    switch self {
    case .tcp(let address): "\(address)"
    case .unix(let path, _): path
    case .inherited(let descriptor): "the inherited descriptor \(descriptor)"
    }
  }
}

extension PeerAddress {
  /// An address of a socket; `nil` for a local one.
  init?(_ address: SocketAddress?) {
    guard let address, let port = address.port else { return nil }
    let bytes: [UInt8]
    switch address {
    case .v4(let v4): bytes = withUnsafeBytes(of: v4.address.sin_addr) { Array($0) }
    case .v6(let v6): bytes = withUnsafeBytes(of: v6.address.sin6_addr) { Array($0) }
    case .unixDomainSocket: return nil
    }
    guard let ip = IPAddress(bytes: bytes) else { return nil }
    self.init(address: ip, port: port)
  }
}
