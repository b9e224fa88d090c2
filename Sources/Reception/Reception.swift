public import Accounts
public import Configuration
public import Logging
public import MailFlow
public import Network
public import Platform
public import SMTP

/// The running SMTP server of every port.
///
/// One `Reception` serves one port: it is handed each accepted connection and speaks SMTP on it until it ends. The
/// protocol is ``SMTP/ServerMachine``'s, the decisions are a ``ReceptionPolicy``'s and the planner's, the message goes
/// through ``MailFlow/MailFlow``; what is Reception's own is carrying bytes between them, with nothing held whole:
///
///     Connection ──lines──▶ ServerMachine ──asks──▶ ReceptionPolicy, Planner, Authenticator
///         │                                          │ answers
///         └─bytes─▶ ContentDecoder ─▶ Intake ─▶ MailFlow.accept ─▶ reply ─▶ ReplyWatch (RFC 1047)
///
/// Nothing that a client does ends anything but its own session.
public final class Reception: Sendable {
  public let service: Configuration.Service.Name
  /// What its messages name as their listener.
  let listener: String
  let policy: any ReceptionPolicy
  let flow: MailFlow
  let authenticator: Authenticator?
  let tls: TLSContexts?
  let configuration: @Sendable () -> Configuration
  let clock: Clock
  let timeLimits: TimeLimits
  let log: Logger

  /// - Parameters:
  ///   - service: `smtp`, `submission` or `submissions`: which SMTP is spoken.
  ///   - listener: the name of the port, where it is not the service's.
  ///   - authenticator: `nil` where nobody can authenticate; never used for `smtp`.
  ///   - tls: for STARTTLS; `nil` does not offer it. Implicit TLS is the listener's.
  ///   - configuration: gives the one in force; a reload is noticed at the next message.
  public init(
    service: Configuration.Service.Name, listener: String? = nil, policy: any ReceptionPolicy, flow: MailFlow,
    authenticator: Authenticator?,
    tls: TLSContexts?, configuration: @escaping @Sendable () -> Configuration, clock: Clock = .system,
    timeLimits: TimeLimits = .standard, log: Logger = Logger(label: "reception")
  ) {
    self.service = service
    self.listener = listener ?? service.rawValue
    self.policy = policy
    self.flow = flow
    self.authenticator = service == .smtp ? nil : authenticator
    self.tls = tls
    self.configuration = configuration
    self.clock = clock
    self.timeLimits = timeLimits
    self.log = log
  }

  /// Speaks with one client until the connection is closed. The session of a ``Network/Listener``.
  public func serve(_ connection: Connection) async {
    var session = Session(self, connection)
    await session.run()
  }

  /// What a listener says to somebody for whom there is no room (RFC 5321 §3.1, §4.2.2).
  public static func refusal(_ reason: ConnectionLimits.Refusal) -> [UInt8] {
    switch reason {
    case .total: Reply(421, "4.3.2", "Too many connections, try again later").encoded()
    case .perPeer: Reply(421, "4.7.0", "Too many connections from your network, try again later").encoded()
    }
  }
}
