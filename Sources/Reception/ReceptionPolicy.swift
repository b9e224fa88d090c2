public import Configuration
public import MailFlow
public import Network
public import Platform
public import SMTP

/// What makes one SMTP port different from another: who may do what, step by step.
///
/// Submission implements it for users and devices, Relay for other servers. Reception asks it at every step and
/// carries out what it says; the protocol itself, its limits and the ways of content are Reception's own.
/// A policy keeps nothing of a session: all that it may know is in the ``ReceptionSession`` it is handed. It must not
/// block a thread.
public protocol ReceptionPolicy: Sendable {
  /// Somebody has connected, and nothing has been said. Decides under which terms the session begins.
  func connect(_ session: ReceptionSession) async -> ConnectDecision
  /// The client has said its name. An answer refuses it (`550`), 421 ends the session; `nil` greets it.
  func hello(_ session: ReceptionSession) async -> Answer?
  /// The client has proved to be `session.account`. Gives the terms that hold from now on, or a refusal (`454`, `535`).
  func authenticated(_ session: ReceptionSession) async -> ConnectDecision
  /// MAIL. The envelope has no recipients yet. `nil` accepts the sender.
  func mail(_ envelope: Envelope, declaredSize: Int?, _ session: ReceptionSession) async -> Answer?
  /// RCPT, after the planner has found a way for it. The envelope has the recipients accepted so far. `nil` accepts it.
  func recipient(
    _ recipient: EnvelopeRecipient, _ resolution: Resolution, _ envelope: Envelope, _ session: ReceptionSession
  ) async -> Answer?
  /// A recipient or a message is about to be refused for good, whoever decided that. The reply waits until this returns.
  func refusing(_ session: ReceptionSession) async
  /// The content has come in whole. Decides about it as far as that concerns the port, and fixes its header.
  func content(_ envelope: Envelope, _ content: ReceivedContent, _ session: ReceptionSession) async -> ContentDecision
}

extension ReceptionPolicy {
  public func hello(_ session: ReceptionSession) async -> Answer? { nil }
  public func mail(_ envelope: Envelope, declaredSize: Int?, _ session: ReceptionSession) async -> Answer? { nil }
  public func recipient(
    _ recipient: EnvelopeRecipient, _ resolution: Resolution, _ envelope: Envelope, _ session: ReceptionSession
  ) async -> Answer? { nil }
  public func refusing(_ session: ReceptionSession) async {}
  public func content(
    _ envelope: Envelope, _ content: ReceivedContent, _ session: ReceptionSession
  ) async -> ContentDecision { .accept(header: nil) }
  /// Nobody authenticates where this is not written: a policy without users refuses.
  public func authenticated(_ session: ReceptionSession) async -> ConnectDecision {
    .refuse(Answer(454, "4.7.0", "Nobody can authenticate here"))
  }
}

/// Whether somebody may speak with us, and how.
public enum ConnectDecision: Sendable {
  case accept(SessionTerms)
  /// Said instead of the greeting (554 or 421), or in reply to AUTH.
  case refuse(Answer)
}

/// What a policy says of a message's content.
public enum ContentDecision: Sendable {
  /// - Parameter header: the header section to go on with, its empty line included; `nil` leaves it as it came.
  case accept(header: [UInt8]?)
  case refuse(Answer)
}

/// Under which terms a session goes on.
public struct SessionTerms: Sendable {
  /// What its messages are.
  public var origin: Origin
  /// MAIL is refused with 530 until the client has authenticated.
  public var requiresAuthentication: Bool
  /// What becomes of a CR or LF that stands alone in content.
  public var discipline: ContentDecoder.Discipline
  /// Command lines may end with LF, paths may come without brackets.
  public var isLenient: Bool
  /// The account for which the client acts without having authenticated; a device's.
  public var account: String?
  /// The device's configured name.
  public var device: String?
  /// From the last byte of content to the reply.
  public var replyDeadline: Duration

  public init(
    origin: Origin, requiresAuthentication: Bool, discipline: ContentDecoder.Discipline, replyDeadline: Duration,
    isLenient: Bool = false, account: String? = nil, device: String? = nil
  ) {
    self.origin = origin
    self.requiresAuthentication = requiresAuthentication
    self.discipline = discipline
    self.isLenient = isLenient
    self.account = account
    self.device = device
    self.replyDeadline = replyDeadline
  }
}

/// What is known of a session at the moment when a policy is asked.
public struct ReceptionSession: Sendable {
  /// The port's service.
  public var service: Configuration.Service.Name
  /// The client's address; `nil` for a local socket.
  public var peer: IPAddress?
  /// The system's user at the other end of a local socket, as the kernel vouches.
  public var localUser: String?
  /// The connection's number in logs.
  public var number: Int
  /// What the client called itself, in printable ASCII; empty before EHLO or HELO.
  public var helo: String
  /// `nil` without TLS.
  public var tls: TLSSession?
  /// The account that has authenticated, or for which a device acts.
  public var account: String?
  /// The client has proved to be ``account``.
  public var isAuthenticated: Bool
  /// The device's configured name.
  public var device: String?
  /// The configuration in force at the last MAIL, or at the connection.
  public var configuration: Configuration

  public init(
    service: Configuration.Service.Name, peer: IPAddress?, localUser: String? = nil, number: Int = 0, helo: String = "",
    tls: TLSSession? = nil,
    account: String? = nil, isAuthenticated: Bool = false, device: String? = nil, configuration: Configuration
  ) {
    self.service = service
    self.peer = peer
    self.localUser = localUser
    self.number = number
    self.helo = helo
    self.tls = tls
    self.account = account
    self.isAuthenticated = isAuthenticated
    self.device = device
    self.configuration = configuration
  }
}
