import NIOCore
import NIOPosix
import Platform
import Testing

@testable import Network

/// A server on an ephemeral port of the loopback interface whose sessions a test writes, and clients for it.
struct Loopback {
  let listener: Listener
  let connector: Connector
  var port: Int { listener.address?.port ?? 0 }

  static let group = MultiThreadedEventLoopGroup.singleton

  /// Runs a server with this session while `body` runs; then shuts down and waits for the sessions.
  static func serve(
    _ change: (inout ListenerOptions) -> Void = { _ in },
    session: @escaping @Sendable (Connection) async throws -> Void,
    _ body: (Loopback) async throws -> Void
  ) async throws {
    var options = ListenerOptions(name: "test", limits: ConnectionLimits(.init(total: 1000, perPeer: 1000)))
    change(&options)
    let listener = try await Listener.bind(
      .tcp(HostPort(host: "127.0.0.1", port: 0)), options, on: group)
    let loopback = Loopback(listener: listener, connector: Connector(on: group, resolverThreads: 1))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await listener.run { connection in try? await session(connection) } }
      let result: Result<Void, any Error>
      do { result = .success(try await body(loopback)) } catch { result = .failure(error) }
      listener.beginShutdown()
      try await tasks.waitForAll()
      await loopback.connector.shutDown()
      try result.get()
    }
  }

  func connect() async throws -> Connection {
    try await connector.connect(to: HostPort(host: "127.0.0.1", port: port), within: .seconds(10))
  }

  func connect<T>(_ body: (Connection) async throws -> T) async throws -> T {
    let connection = try await connect()
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      connection.abort()
      throw error
    }
  }
}

/// Time limits that only a hanging test reaches.
let patience: Duration = .seconds(60)

extension Connection {
  func text(limit: Int = 4096) async throws -> String? {
    try await line(limit: limit, within: patience).map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  /// Everything up to the peer's end.
  func rest() async throws -> [UInt8] {
    var all: [UInt8] = []
    while let bytes = try await bytes(upTo: 65536, within: patience) { all += bytes.readableBytesView }
    return all
  }
}

/// Echoes lines until the peer ends, with a stamp on each.
@Sendable func echo(_ connection: Connection) async throws {
  while let line = try await connection.line(limit: 1000, within: patience) {
    try await connection.write("\(line.ending) ".utf8 + line.bytes + Array("\r\n".utf8))
  }
}

/// A self-made certificate for names, made once for each set of names.
func certificate(_ names: String...) throws -> Certificate {
  try SelfMadeCertificate(names: names, now: Clock.system.now()).certificate()
}

/// One value that a session hands to its test.
actor Box<T: Sendable> {
  private var value: T?
  private var waiting: [CheckedContinuation<T, Never>] = []

  func put(_ new: T) {
    value = new
    for continuation in waiting { continuation.resume(returning: new) }
    waiting = []
  }

  func get() async -> T {
    if let value { return value }
    return await withCheckedContinuation { waiting.append($0) }
  }
}
