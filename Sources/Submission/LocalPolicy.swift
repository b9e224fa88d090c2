internal import Configuration
public import MailFlow
internal import Message
public import Platform
public import Reception

/// The policy of the socket on which programs of this machine hand in mail: cron, monitoring, scripts, by the sendmail
/// command.
///
/// Nobody needs a password there: the kernel says which of the system's users it is. A user may send as NAME@hostname and,
/// where there is an account of the same name, as that account's addresses; root as anyone. What is missing in the header
/// is put right as for everybody of ours (RFC 6409).
public struct LocalPolicy: ReceptionPolicy {
  private let random: @Sendable (Int) -> [UInt8]

  /// - Parameter random: bytes for message identifiers; tests hand in their own.
  public init(random: @escaping @Sendable (Int) -> [UInt8] = { randomBytes($0) }) { self.random = random }

  public func connect(_ session: ReceptionSession) async -> ConnectDecision {
    guard let user = session.localUser else {
      return .refuse(Answer(554, "5.7.0", "Only programs of this machine may send here"))
    }
    return .accept(
      SessionTerms(
        origin: .local, requiresAuthentication: false, discipline: .normalizing,
        replyDeadline: session.configuration.limits.submissionReplyDeadline, isLenient: true,
        account: session.configuration.account(user)?.name))
  }

  public func mail(_ envelope: Envelope, declaredSize: Int?, _ session: ReceptionSession) async -> Answer? {
    guard let sender = envelope.reversePath else { return nil }
    return SenderIdentity(session).refusal(of: sender, in: "MAIL FROM")
  }

  public func content(
    _ envelope: Envelope, _ content: ReceivedContent, _ session: ReceptionSession
  ) async -> ContentDecision {
    let identity = SenderIdentity(session)
    if let refusal = identity.refusal(of: content.header) { return .refuse(refusal) }
    let repair = HeaderRepair(
      hostname: session.configuration.hostname, author: envelope.reversePath ?? identity.own, now: envelope.receivedAt,
      random: random)
    return .accept(header: repair.repaired(content.header))
  }
}
