public import Logging
public import NIOCore
internal import NIOPosix

#if canImport(Glibc)
  import Glibc
#endif

/// The control socket: a Unix socket on which the appliance answers the command line (0660, one group, the peer's
/// credentials checked).
///
/// Few requests come, from people; each connection carries one. The work itself happens in the store's threads.
public struct ControlServer: Sendable {
  public let path: String
  /// The group whose members may ask, besides root and the appliance's own user. Not every system has it.
  public let groupName: String
  let office: @Sendable () -> Office
  let eventLoops: any EventLoopGroup
  let logger: Logger

  /// - Parameter office: what requests act on; asked anew for each request, because a reload changes it.
  public init(
    path: String, groupName: String, eventLoops: any EventLoopGroup, logger: Logger,
    office: @escaping @Sendable () -> Office
  ) {
    self.path = path
    self.groupName = groupName
    self.eventLoops = eventLoops
    self.logger = logger
    self.office = office
  }

  /// Listens until the task is cancelled, then removes the socket.
  ///
  /// - Throws: when the socket cannot be made; the sentence says why.
  public func run(ready: @Sendable () -> Void = {}) async throws {
    let listener = try await bind()
    defer { unlink(path) }
    try giveToGroup()
    ready()
    try await withTaskCancellationHandler {
      try await listener.executeThenClose { connections in
        try await withThrowingDiscardingTaskGroup { group in
          for try await connection in connections {
            group.addTask { await serve(connection) }
          }
        }
      }
    } onCancel: {
      listener.channel.close(promise: nil)
    }
  }

  private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  private func bind() async throws -> NIOAsyncChannel<Connection, Never> {
    // A socket that a killed process left behind is nobody's: the store's lock has shown that no other appliance runs.
    unlink(path)
    let before = umask(0o117)
    defer { umask(before) }
    do {
      return try await ServerBootstrap(group: eventLoops)
        .bind(unixDomainSocketPath: path) { channel in
          channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
        }
    } catch {
      throw CommandFailure(
        "cannot make the control socket \(path): \(error): see that its folder exists and is the appliance's own")
    }
  }

  private func giveToGroup() throws {
    guard let group = getgrnam(groupName) else { return }
    guard chown(path, uid_t.max, group.pointee.gr_gid) == 0 else {
      logger.notice(
        "The control socket stays with the appliance's own group",
        metadata: ["group": "\(groupName)", "reason": "\(String(cString: strerror(errno)))"])
      return
    }
  }

  private func serve(_ connection: Connection) async {
    do {
      guard try await mayAsk(connection.channel) else {
        logger.warning("Someone who may not use the control socket tried to")
        connection.channel.close(promise: nil)
        return
      }
      try await connection.executeThenClose { inbound, outbound in
        guard let request = try await readRequest(inbound) else { return }
        let end = await Command.perform(request, in: office()) { row in
          try await outbound.write(try line(.row(row)))
        }
        try await outbound.write(try line(.end(end)))
      }
    } catch {
      // Whoever asked has gone away; what was asked for is done or not done, and the next request tells.
      logger.debug("A control connection broke", metadata: ["error": "\(error)"])
    }
  }

  private func line(_ answer: ControlAnswer) throws -> ByteBuffer {
    ByteBuffer(bytes: try ControlCoding.line(answer) + [UInt8(ascii: "\n")])
  }

  private func readRequest(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) async throws -> ControlRequest? {
    var bytes: [UInt8] = []
    for try await part in inbound {
      bytes += part.readableBytesView
      if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        return try ControlCoding.decode(ControlRequest.self, Array(bytes[..<end]))
      }
      guard bytes.count <= ControlCoding.longestRequest else { return nil }
    }
    return nil
  }

  /// Root, the appliance's own user, and members of the group. The socket's mode says the same; this holds also where
  /// somebody has changed it.
  private func mayAsk(_ channel: any Channel) async throws -> Bool {
    guard let provider = channel as? any SocketOptionProvider else { return false }
    let peer: PeerCredentials = try await provider.unsafeGetSocketOption(
      level: SocketOptionLevel(SOL_SOCKET), name: SocketOptionName(SO_PEERCRED)
    ).get()
    if peer.uid == 0 || peer.uid == geteuid() { return true }
    guard let group = getgrnam(groupName), let user = getpwuid(peer.uid) else { return false }
    let wanted = group.pointee.gr_gid
    if peer.gid == wanted { return true }
    var groups = [gid_t](repeating: 0, count: 256)
    var count = Int32(groups.count)
    guard getgrouplist(user.pointee.pw_name, peer.gid, &groups, &count) >= 0 else { return false }
    return groups.prefix(Int(count)).contains(wanted)
  }
}

/// The kernel's `struct ucred` (unix(7)), which Glibc's module hides behind _GNU_SOURCE.
private struct PeerCredentials: Sendable {
  var pid: pid_t = 0
  var uid: uid_t = 0
  var gid: gid_t = 0
}
