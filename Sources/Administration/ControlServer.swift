public import Logging
public import NIOCore
internal import Network
internal import Platform

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
  /// - Parameter ready: called when requests are being answered.
  /// - Throws: when the socket cannot be made; the sentence says why.
  public func run(ready: @Sendable () -> Void = {}) async throws {
    let limits = ConnectionLimits(ConnectionLimits.Bounds(total: 64, perPeer: 64))
    let listener = try await Listener.bind(
      .unix(path: path, permissions: 0o660), ListenerOptions(name: "control", limits: limits), on: eventLoops)
    defer { unlink(path) }
    giveToGroup()
    ready()
    await listener.run { connection in await serve(connection) }
  }

  private func giveToGroup() {
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
      guard let peer = await connection.peerCredentials(), mayAsk(peer) else {
        logger.warning("Someone who may not use the control socket tried to")
        return
      }
      guard let line = try await connection.line(limit: ControlCoding.longestRequest, within: .seconds(30)),
        line.ending != .tooLong
      else { return }
      let request = try ControlCoding.decode(ControlRequest.self, line.bytes)
      let end = await Command.perform(request, in: office(), actor: userName(peer.user)) { row in
        try await connection.write(try ControlCoding.line(ControlAnswer.row(row)) + [UInt8(ascii: "\n")])
      }
      try await connection.write(try ControlCoding.line(ControlAnswer.end(end)) + [UInt8(ascii: "\n")])
      try await connection.drain(within: .seconds(30))
    } catch {
      // Whoever asked has gone away; what was asked for is done or not done, and the next request tells.
      logger.debug("A control connection broke", metadata: ["error": "\(error)"])
    }
  }

  /// Root, the appliance's own user, and members of the group. The socket's mode says the same; this holds also where
  /// somebody has changed it.
  private func mayAsk(_ peer: PeerCredentials) -> Bool {
    if peer.user == 0 || peer.user == geteuid() { return true }
    guard let group = getgrnam(groupName) else { return false }
    let wanted = group.pointee.gr_gid
    guard peer.group != wanted else { return true }
    guard let user = getpwuid(peer.user) else { return false }
    var groups = [gid_t](repeating: 0, count: 256)
    var count = Int32(groups.count)
    guard getgrouplist(user.pointee.pw_name, peer.group, &groups, &count) >= 0 else { return false }
    return groups.prefix(Int(count)).contains(wanted)
  }
}

/// The name of one of the system's users, or its number.
public func userName(_ user: UInt32) -> String { Machine.userName(user) ?? "user \(user)" }
