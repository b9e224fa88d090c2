internal import Configuration
internal import IMAP
internal import Logging
internal import Network
internal import Platform
internal import Reception
internal import Relay
internal import Submission

/// What each of the five services says on its connections.
struct Services: Sendable {
  private let receptions: [Configuration.Service.Name: Reception]
  private let local: Reception
  private let imap: IMAPServer
  let certificates: Certificates
  let rooms: Rooms

  init(rooms: Rooms, certificates: Certificates, clock: Clock, logger: Logger) {
    let read: @Sendable () -> Configuration = { rooms.configuration }
    // One for all ports: it counts what devices send.
    let submission = SubmissionPolicy(clock: clock)
    let policies: [(Configuration.Service.Name, any ReceptionPolicy)] = [
      (.smtp, DevicePort(devices: submission, others: MXPolicy(pace: PeerPace(clock: clock)))),
      (.submission, submission),
      (.submissions, submission),
    ]
    var receptions: [Configuration.Service.Name: Reception] = [:]
    for (name, policy) in policies {
      receptions[name] = Reception(
        service: name, policy: policy, flow: rooms.flow, authenticator: rooms.authenticator,
        tls: name.isImplicitTLS ? nil : certificates.contexts, configuration: read, clock: clock, log: logger)
    }
    self.receptions = receptions
    local = Reception(
      service: .submission, listener: "local", policy: LocalPolicy(), flow: rooms.flow, authenticator: nil, tls: nil,
      configuration: read, clock: clock, log: logger)
    self.certificates = certificates
    self.rooms = rooms
    imap = IMAPServer(
      store: rooms.store, flow: rooms.flow, authenticator: rooms.authenticator, configuration: read, log: logger)
  }

  /// - Parameter name: `nil` for the local socket.
  func serve(_ name: Configuration.Service.Name?, _ connection: Connection) async {
    guard let name else { return await local.serve(connection) }
    if let reception = receptions[name] {
      await reception.serve(connection)
    } else {
      await imap.serve(connection, startTLS: name.isImplicitTLS ? nil : certificates.contexts)
    }
  }

  /// How the local socket's listener treats those who come: no address tells them apart.
  func localOptions() -> ListenerOptions {
    var options = ListenerOptions(
      name: "local", limits: ConnectionLimits(ConnectionLimits.Bounds(total: 100, perPeer: 100)))
    options.refusal = { Reception.refusal($0) }
    return options
  }

  /// How a service's listener treats those who come.
  func listenerOptions(_ name: Configuration.Service.Name, limits: ConnectionLimits) -> ListenerOptions {
    let rooms = rooms
    var options = ListenerOptions(
      name: name.rawValue, limits: limits, implicitTLS: name.isImplicitTLS ? certificates.contexts : nil)
    options.proxies = { rooms.configuration.proxyProtocolNetworks }
    options.refusal = { receptions[name] == nil ? IMAPServer.refusal($0) : Reception.refusal($0) }
    return options
  }
}
