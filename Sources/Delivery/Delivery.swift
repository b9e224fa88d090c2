public import Configuration
public import Logging
public import MailFlow
internal import Message

/// # Delivery: the mail delivery agent (RFC 5598 §4.3.3)
///
/// Says what an address of ours leads to and what shall become of a message: the ``MailFlow/Plan``. It reads the
/// configuration and the sums of the mailboxes, and writes nothing; `MailFlow` carries a plan out.
///
///     RCPT ──▶ resolve ──▶ local · remote · 550 5.1.1 · 550 5.7.1 · 452 4.2.2 · 552 5.2.3
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
  let log: Logger

  public init(
    configuration: @escaping @Sendable () -> Configuration, usage: @escaping Usage,
    log: Logger = Logger(label: "delivery")
  ) {
    self.configuration = configuration
    self.usage = usage
    self.log = log
  }
}
