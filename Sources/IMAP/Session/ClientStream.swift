internal import NIOCore
internal import Network
internal import Platform

/// The connection as a session sees it: what it needs of ``Network/Connection``, so that a session can be run on octets
/// alone.
protocol ClientStream: AnyObject, Sendable {
  var peerAddress: IPAddress { get }
  var isEncrypted: Bool { get }
  /// Whether STARTTLS can be carried out.
  var canStartTLS: Bool { get }

  func line(limit: Int, within: Duration) async throws -> Line?
  func lineOrWake(limit: Int, within: Duration) async throws -> LineOrWake
  /// Hands whatever has arrived, at most `limit` octets, to `take`.
  /// - Returns: how many octets; 0 if the client has ended its side.
  func content(upTo limit: Int, within: Duration, _ take: (UnsafeRawBufferPointer) -> Void) async throws -> Int
  func write(_ octets: [UInt8]) async throws
  /// Ends a ``lineOrWake(limit:within:)``.
  func wake()
  /// Sends the go-ahead and begins TLS; throws away what had come behind the command.
  func startTLS(goAhead: [UInt8]) async throws
}

/// A real connection.
final class ConnectionStream: ClientStream {
  private let connection: Connection
  private let contexts: TLSContexts?

  let peerAddress: IPAddress

  /// - Returns: nil for a connection without an IP address: whose guesses are being counted must be known.
  init?(_ connection: Connection, contexts: TLSContexts?) {
    guard let peer = connection.peer?.address else { return nil }
    self.connection = connection
    self.contexts = contexts
    peerAddress = peer
  }

  var isEncrypted: Bool { connection.tls != nil }
  var canStartTLS: Bool { contexts != nil && connection.tls == nil }

  func line(limit: Int, within: Duration) async throws -> Line? {
    try await connection.line(limit: limit, within: within)
  }

  func lineOrWake(limit: Int, within: Duration) async throws -> LineOrWake {
    try await connection.lineOrWake(limit: limit, within: within)
  }

  func content(
    upTo limit: Int, within: Duration, _ take: (UnsafeRawBufferPointer) -> Void
  ) async throws -> Int {
    guard let bytes = try await connection.bytes(upTo: limit, within: within) else { return 0 }
    bytes.withUnsafeReadableBytes(take)
    return bytes.readableBytes
  }

  func write(_ octets: [UInt8]) async throws {
    var rest = octets[...]
    while !rest.isEmpty {
      try await connection.write(rest.prefix(Self.piece))
      rest = rest.dropFirst(Self.piece)
    }
  }

  /// What is handed to the connection at a time: it waits for a slow client only between two of them.
  private static let piece = 32_768

  func wake() { connection.wake() }

  func startTLS(goAhead: [UInt8]) async throws {
    guard let contexts else { throw ConnectionError.tls("there is no certificate") }
    _ = try await connection.startTLS(contexts, goAhead: goAhead)
  }
}
