public import NIOCore
public import Platform
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// One byte stream, accepted or outgoing, for one session.
///
/// The session asks and waits: for a line, for whatever has arrived, for an exact number of bytes. What it writes is
/// gathered, and goes out when the session has to wait for input, when it says ``flush()``, or when a good deal has come
/// together; so the replies to pipelined commands leave in one packet. Memory is bounded both ways: reading from the
/// network pauses when nobody asks for what has arrived, and a write waits when the peer does not take what was written.
///
/// One task reads and writes. ``wake()``, ``requestShutdown()`` and ``abort()`` may be called by anybody.
///
/// Closing is explicit: whoever made the connection (the ``Listener`` for accepted ones) closes it after the session.
public final class Connection: Sendable {
  /// Input held for the session: reading from the network pauses above it.
  static let inputBound = 64 * 1024
  /// Output that waits for the session's flush: more goes to the network by itself.
  static let outputChunk = 32 * 1024
  /// Output not yet taken by the kernel: a write waits above it, and goes on below ``outputResume``.
  static let outputBound = 128 * 1024
  static let outputResume = 48 * 1024
  /// The most that ``exactly(_:within:)`` gives at once, in bytes. Larger pieces are read with ``bytes(upTo:within:)``.
  public static let largestPiece = 1024 * 1024
  /// What may come of a line without an end before the connection is given up.
  static let endlessLine = 16 * 1024 * 1024

  /// Names this connection in logs: a number that is unique in the process.
  public let number: Int
  /// Who is at the other end: the client behind a PROXY header if there was a trusted one. `nil` for a local socket.
  public var peer: PeerAddress? { state.withLock { $0.peer } }
  /// The address of this end, as the peer sees it.
  public var local: PeerAddress? { state.withLock { $0.local } }
  /// The name of the listener that accepted it, empty for an outgoing connection.
  public let service: String
  /// The TLS of the connection, once there is one.
  public var tls: TLSSession? { state.withLock { $0.tls } }
  /// How long a write may wait for a slow reader. 5 minutes unless set.
  public var writeTimeLimit: Duration {
    get { state.withLock { $0.writeTimeLimit } }
    set { state.withLock { $0.writeTimeLimit = newValue } }
  }
  /// Whether the peer has ended its side, or the connection is broken or closed. Input that came before may still wait.
  public var isPeerGone: Bool { state.withLock { $0.inputEnded || $0.failure != nil || $0.closed } }
  /// The event loop that drives it, for those who schedule something beside it.
  public var eventLoop: any EventLoop { channel.eventLoop }
  /// Runs a session's task on that event loop; see ``LoopExecutor``. All that it does between two waits must be quick.
  public var executor: any TaskExecutor { LoopExecutor(channel.eventLoop) }

  let channel: any Channel
  let state: Mutex<State>

  /// Everything that the session's task and the event loop share.
  struct State: ~Copyable {
    var peer: PeerAddress?
    var local: PeerAddress?
    var tls: TLSSession?
    var writeTimeLimit: Duration = .seconds(300)

    var input = Accumulator()
    /// The accumulator is full: the handler did not ask the channel for more.
    var readingPaused = false
    var inputEnded = false
    var failure: ConnectionError?
    var closed = false
    /// Input is thrown away: the session is over.
    var lingering = false
    /// We closed it, without waiting for the peer's end.
    var abandoned = false

    /// Written, not yet handed to the channel.
    var output = ByteBuffer()
    /// Handed to the channel, not yet taken by the kernel.
    var inFlight = 0
    var flushScheduled = false

    var reader: Waiter?
    var writer: Waiter?
    var woken = false
    var shutdownRequested = false

    /// When the connection's one timer fires; `nil` while none is set.
    var timerAt: NIODeadline?
    var timer: Scheduled<Void>?
    /// What SIOCOUTQ said when the connection ended or when it was last asked.
    var unacknowledged: Int?
    var orderly = false
  }

  private init(channel: any Channel, service: String) {
    self.channel = channel
    self.service = service
    self.number = Self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
    self.state = Mutex(State())
  }

  /// Makes the pipeline of a new channel ours. To be called in the channel's initialiser: a peer may have sent all that
  /// it has to say, and its end, by the time that the channel is active.
  /// - Parameter active: called on the event loop when the connection is up.
  static func attach(
    to channel: any Channel, service: String, active: @escaping (Connection) -> Void = { _ in }
  ) throws -> Connection {
    channel.keepFromChildren()
    let connection = Connection(channel: channel, service: service)
    try channel.pipeline.syncOperations.addHandler(ConnectionHandler(connection, active: active))
    return connection
  }

  private static let numbers = Atomic<Int>(0)

  /// Puts a client's own address in place of a proxy's.
  func setAddresses(peer: PeerAddress?, local: PeerAddress?) {
    state.withLock {
      $0.peer = peer
      $0.local = local
    }
  }
}

extension Connection: CustomStringConvertible {
  public var description: String {
    "connection \(number)\(service.isEmpty ? "" : " of \(service)") with \(peer.map { "\($0)" } ?? "a local peer")"
  }
}

/// An address and a port.
public struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
  public var address: IPAddress
  public var port: Int

  public init(address: IPAddress, port: Int) {
    self.address = address
    self.port = port
  }

  public var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

extension Channel {
  /// Closes the descriptor in programs that this process starts: an appliance may live inside one that does. To be
  /// called on the event loop.
  func keepFromChildren() {
    _ = try? pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { descriptor in
      fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
  }
}
