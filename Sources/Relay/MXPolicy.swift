internal import Configuration
public import MailFlow
internal import Message
public import Reception

/// Port 25: mail from other servers, for us. Nobody authenticates here, and nothing is passed on for strangers.
///
/// What RFC 5321 lets a server check is checked; what it forbids to hold against a client is not: a HELO name that does
/// not fit the client's address never refuses a message (§4.1.4). Limits on size, recipients and unknown recipients are
/// the protocol machine's; who exists is the planner's; whether content has been round too often is MailFlow's.
public struct MXPolicy: ReceptionPolicy {
  private let pace: PeerPace

  /// - Parameter pace: counts what each peer does; one for the life of the port.
  public init(pace: PeerPace = PeerPace()) { self.pace = pace }

  public func connect(_ session: ReceptionSession) async -> ConnectDecision {
    let limits = session.configuration.limits
    guard pace.hasRoom(session.peer, limit: limits.messagesPerMinute) else {
      return .refuse(Answer(421, "4.7.0", "\(session.configuration.hostname) Too many messages, try again later"))
    }
    return .accept(
      SessionTerms(
        origin: .mx, requiresAuthentication: false, discipline: .strict,
        replyDeadline: session.configuration.limits.replyDeadline))
  }

  /// 451 4.7.1: not for the moment, for reasons of policy (RFC 3463 §3.8).
  public func mail(_ envelope: Envelope, declaredSize: Int?, _ session: ReceptionSession) async -> Answer? {
    let limit = session.configuration.limits.messagesPerMinute
    guard pace.take(session.peer, limit: limit) else {
      return Answer(451, "4.7.1", "More than \(limit) messages a minute from your address, try again later")
    }
    return nil
  }

  /// Accepts what ends here, what is kept for others as their backup MX, and nothing else: whatever the planner would know
  /// to do with mail for another server, it was not asked for by one of ours.
  public func recipient(
    _ recipient: EnvelopeRecipient, _ resolution: Resolution, _ envelope: Envelope, _ session: ReceptionSession
  ) async -> Answer? {
    switch resolution {
    case .local: nil
    case .refused(let answer): answer
    case .remote
    where session.configuration.isBackup(
      for: Configuration.Address(localPart: recipient.address.localPart, domain: recipient.address.domain)):
      nil
    // 5.7.1: delivery not authorised (RFC 3463 §3.8).
    case .remote: Answer(550, "5.7.1", "Relaying denied: this server takes mail for its own domains only")
    }
  }

  /// Who is refused again and again waits for it.
  public func refusing(_ session: ReceptionSession) async {
    let limits = session.configuration.limits
    await pace.refused(session.peer, limit: limits.messagesPerMinute, longest: limits.longestRefusal)
  }

  /// Takes out of the header what only this house may say.
  public func content(
    _ envelope: Envelope, _ content: ReceivedContent, _ session: ReceptionSession
  ) async -> ContentDecision {
    let configuration = session.configuration
    let names = [configuration.hostname] + configuration.domains.map(\.name)
    return .accept(header: ArrivingHeader.cleaned(content.header, hostnames: names))
  }
}
