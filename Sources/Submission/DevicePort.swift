internal import Configuration
public import MailFlow
public import Reception

/// Port 25 of a house with devices: scanners and printers that know no other port are told from other servers by
/// their address, and fall under Submission's policy there too.
public struct DevicePort: ReceptionPolicy {
  private let devices: SubmissionPolicy
  private let others: any ReceptionPolicy

  /// - Parameter others: the policy for everybody who is no device.
  public init(devices: SubmissionPolicy, others: any ReceptionPolicy) {
    self.devices = devices
    self.others = others
  }

  public func connect(_ session: ReceptionSession) async -> ConnectDecision {
    let device = session.peer.flatMap { session.configuration.device(at: $0) }
    return await device == nil ? others.connect(session) : devices.connect(session)
  }

  public func hello(_ session: ReceptionSession) async -> Answer? { await policy(session).hello(session) }

  public func authenticated(_ session: ReceptionSession) async -> ConnectDecision {
    await policy(session).authenticated(session)
  }

  public func mail(_ envelope: Envelope, declaredSize: Int?, _ session: ReceptionSession) async -> Answer? {
    await policy(session).mail(envelope, declaredSize: declaredSize, session)
  }

  public func recipient(
    _ recipient: EnvelopeRecipient, _ resolution: Resolution, _ envelope: Envelope, _ session: ReceptionSession
  ) async -> Answer? {
    await policy(session).recipient(recipient, resolution, envelope, session)
  }

  public func refusing(_ session: ReceptionSession) async { await policy(session).refusing(session) }

  public func content(
    _ envelope: Envelope, _ content: ReceivedContent, _ session: ReceptionSession
  ) async -> ContentDecision {
    await policy(session).content(envelope, content, session)
  }

  /// A session stays what it was at its beginning.
  private func policy(_ session: ReceptionSession) -> any ReceptionPolicy {
    session.device == nil ? others : devices
  }
}
