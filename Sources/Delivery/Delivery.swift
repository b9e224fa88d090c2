public import Configuration
public import Logging
public import MailAuthentication
public import MailFlow
internal import Message

/// # Delivery: the mail delivery agent (RFC 5598 §4.3.3)
///
/// Says what an address of ours leads to and what shall become of a message: the ``MailFlow/Plan``. It reads the
/// configuration and the sums of the mailboxes, and writes nothing; `MailFlow` carries a plan out.
///
///     RCPT ──▶ resolve ──▶ local · remote · 550 5.1.1 · 550 5.7.1 · 452 4.2.2 · 552 5.2.3
///     RCPT to a return address (SRS) ──▶ a notification goes back to the sender of what was forwarded · 550 5.7.1
///     end of data ──▶ plan: verdict ─▶ loop? ─▶ expansion ─▶ quota ─▶ a fate for each recipient
///
/// What must hold: mail for somebody is never lost, never doubled, and never goes to somebody else. So an address that
/// is reached twice (directly and through a group) gets one copy, quota is decided before the client is told yes and
/// never after, and whoever cannot be refused alone is not refused.
public struct Delivery: Planner {
  /// Bytes that an account's mailboxes hold now.
  public typealias Usage = @Sendable (_ account: String) async throws -> Int

  let configuration: @Sendable () -> Configuration
  let usage: Usage
  /// Whether the system has a user of that name.
  let isSystemUser: @Sendable (String) -> Bool
  /// Knows the return addresses of forwarded mail; `nil`: nothing is forwarded with one.
  let rewriting: SenderRewriting?
  let log: Logger

  /// - Parameter isSystemUser: mail of known senders for such a user at the host's own name goes to the postmaster, if
  ///   nobody else has the address: what a program of this machine reports must reach somebody.
  public init(
    configuration: @escaping @Sendable () -> Configuration, usage: @escaping Usage,
    isSystemUser: @escaping @Sendable (String) -> Bool = { _ in false }, rewriting: SenderRewriting? = nil,
    log: Logger = Logger(label: "delivery")
  ) {
    self.configuration = configuration
    self.usage = usage
    self.isSystemUser = isSystemUser
    self.rewriting = rewriting
    self.log = log
  }

  /// Where an address leads for a sender.
  func expansion(_ address: EmailAddress, _ configuration: Configuration, senderIsKnown: Bool) -> Expansion {
    let own = configuration.own(address)
    let found = Expansion(of: own, in: configuration, senderIsKnown: senderIsKnown)
    switch found.outcome {
    case .one, .many, .nobody: return found
    case .elsewhere, .unknown:
      guard configuration.isHostItself(own.domain) else { return found }
      // Whatever is not known here is known nowhere else.
      guard senderIsKnown, isSystemUser(own.localPart) else { return .unknown }
      let root = configuration.ownForm(of: Configuration.Address(localPart: "root", domain: own.domain))
      return Expansion(of: root, in: configuration, senderIsKnown: senderIsKnown)
    }
  }
}
