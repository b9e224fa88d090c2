internal import MailFlow
internal import Network
internal import Store

/// Finds out whether the client has got the reply to a message that was accepted (RFC 1047).
///
/// A client that comes again after a lost 250 must not cause a second copy; one that sends the same twice on purpose
/// must get two. So it matters whether the reply was read. It was if its octets were acknowledged by the client's TCP
/// and the client then went on, or left in good order. A command that came before the reply was written proves
/// nothing: then octets of the reply are still here when the command is taken up.
struct ReplyWatch {
  private let flow: MailFlow
  private var waiting: [EnvelopeID] = []

  init(_ flow: MailFlow) { self.flow = flow }

  var isWaiting: Bool { !waiting.isEmpty }

  /// The reply to an accepted message is about to be written.
  mutating func watch(_ id: EnvelopeID) { waiting.append(id) }

  /// A command has come, and this is how much of our output has arrived.
  mutating func wentOn(_ ending: Ending) {
    if ending.everythingAcknowledged { settle(.read) }
  }

  /// The connection is closed. A peer that broke it off, or whose system never acknowledged the reply, may not have it.
  mutating func connectionEnded(_ ending: Ending) {
    settle(ending.everythingAcknowledged && ending.orderly ? .read : .lost)
  }

  /// The connection was gone before the reply could be written.
  func neverWritten(_ id: EnvelopeID) { flow.replyOutcome(id, .lost) }

  private mutating func settle(_ outcome: ReplyOutcome) {
    for id in waiting { flow.replyOutcome(id, outcome) }
    waiting = []
  }
}
