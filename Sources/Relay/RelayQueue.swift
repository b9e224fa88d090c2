internal import MailFlow
internal import Platform
internal import Store

/// What the runner wants of the queue. MailFlow has it; tests have one of their own.
protocol RelayQueue: Sendable {
  /// Queued recipients that are due, at most so many for each destination, the earliest first.
  func due(perDestination: Int) async throws -> [QueueRow]
  /// The next time after a moment at which a recipient becomes due.
  func nextDue(after: Moment) async throws -> Moment?
  /// Calls `told` with news of the queue, on threads that must not be held up.
  func onNews(_ told: @escaping @Sendable (QueueNews) -> Void) -> any Sendable
  /// Those that are still queued: an administrator may have held or deleted a row that waits in memory.
  func stillQueued(_ ids: [RecipientID]) async throws -> Set<RecipientID>
  /// The message as it goes out; `nil`: its content is gone.
  func open(_ content: ContentID, prefix: PrefixID?) async throws -> OutgoingContent?
  /// Makes the attempt known durably, before its point of no return.
  func recordAttempt(_ ids: [RecipientID], host: String) async throws
  /// Writes what came of attempts, with the notices that follow from it, in one transaction.
  func recordOutcomes(_ outcomes: [RecipientID: AttemptOutcome]) async throws
  /// Where work on a message for a next hop is marked.
  func watch(_ envelope: EnvelopeID, to hop: String) -> WorkSlot
  /// Why a message must not be sent to a next hop any more; `nil`: it may go.
  func crashReason(of envelope: EnvelopeID, to hop: String) -> String?
  /// Keeps queued recipients back for a person.
  func holdAfterCrash(_ ids: [RecipientID], reason: String) async throws
  /// Attempts that a process before us left open are uncertain.
  func recoverAttempts() async throws
}

/// Something that the runner should look at.
enum QueueNews: Sendable {
  /// Rows have changed; the earliest of them is due then. `nil`: none of them is due at any time.
  case changed(due: Moment?)
  /// An administrator wants rows tried now, whatever is known of their hosts.
  case retryAsked
}

/// A message on its way out.
struct OutgoingContent: Sendable {
  /// Bytes, prefix included.
  var size: Int
  var facts: ContentFacts
  /// The fields before the header section have characters beyond ASCII.
  var hasInternationalizedPrefix: Bool
  /// Reads up to so many bytes from an offset; fewer only at the end. No transaction is open between two calls.
  var read: @Sendable (_ from: Int, _ count: Int) async throws -> [UInt8]
}
