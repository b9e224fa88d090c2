internal import Accounts
internal import Configuration
internal import Logging
public import MailFlow
internal import Message
public import Platform
public import Reception

/// The policy of the mail submission agent (RFC 6409): who may send, as whom, and what is put right on the way.
///
/// - Users prove who they are before anything else (530 5.7.0), and send only as an address of their own, in the envelope
///   and in the From and Sender fields (550 5.7.1).
/// - A device, a printer or scanner known by its address, sends without a password for one account, as the senders and
///   as far as the configuration lets it, and no more messages an hour than that says. Which recipients it reaches is
///   the planner's to say.
/// - ``HeaderRepair`` adds what is missing and takes out what must not travel.
///
/// It keeps nothing but the devices' counts, and serves all submission ports of an appliance.
public final class SubmissionPolicy: ReceptionPolicy {
  private let devices: DeviceRates
  private let clock: Clock
  private let random: @Sendable (Int) -> [UInt8]

  /// - Parameter random: bytes for message identifiers; tests hand in their own.
  public init(clock: Clock = .system, random: @escaping @Sendable (Int) -> [UInt8] = { randomBytes($0) }) {
    devices = DeviceRates()
    self.clock = clock
    self.random = random
  }

  // MARK: Who may send

  public func connect(_ session: ReceptionSession) async -> ConnectDecision {
    let limits = session.configuration.limits
    if let peer = session.peer, let device = session.configuration.device(at: peer) {
      return .accept(
        SessionTerms(
          origin: .device, requiresAuthentication: false, discipline: .normalizing,
          replyDeadline: limits.submissionReplyDeadline, isLenient: true, account: device.account, device: device.name))
    }
    return .accept(users(limits))
  }

  public func authenticated(_ session: ReceptionSession) async -> ConnectDecision {
    guard let account = session.account, session.configuration.account(account) != nil else {
      return .refuse(Answer(535, "5.7.8", "This account is no longer in the configuration"))
    }
    return .accept(users(session.configuration.limits))
  }

  private func users(_ limits: Configuration.Limits) -> SessionTerms {
    SessionTerms(
      origin: .submission, requiresAuthentication: true, discipline: .normalizing,
      replyDeadline: limits.submissionReplyDeadline)
  }

  // MARK: As whom

  public func mail(_ envelope: Envelope, declaredSize: Int?, _ session: ReceptionSession) async -> Answer? {
    if let device = device(session), !devices.hasRoom(device.name, limit: device.rate, at: clock.now()) {
      return DeviceRates.refusal(device)
    }
    // The null reverse-path is for notifications that a mail program writes (RFC 8098); the From field tells who.
    guard let sender = envelope.reversePath else { return nil }
    return SenderIdentity(session).refusal(of: sender, in: "MAIL FROM")
  }

  public func content(
    _ envelope: Envelope, _ content: ReceivedContent, _ session: ReceptionSession
  ) async -> ContentDecision {
    plantedTrap(.submission, in: content.header.bytes)
    let identity = SenderIdentity(session)
    if let refusal = identity.refusal(of: content.header) { return .refuse(refusal) }
    if let device = device(session), !devices.take(device.name, limit: device.rate, at: clock.now()) {
      return .refuse(DeviceRates.refusal(device))
    }
    let repair = HeaderRepair(
      hostname: session.configuration.hostname, author: envelope.reversePath ?? identity.own, now: envelope.receivedAt,
      random: random)
    return .accept(header: repair.repaired(content.header))
  }

  private func device(_ session: ReceptionSession) -> Configuration.Device? {
    guard !session.isAuthenticated, let name = session.device else { return nil }
    return session.configuration.devices.first { $0.name == name }
  }
}
