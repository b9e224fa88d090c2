internal import MailFlow
internal import Platform
internal import Store

/// What the runner wants of the queue. MailFlow has it; tests have one of their own.
protocol RelayQueue: Sendable {
  /// Queued recipients that are due, at most so many for each destination, the earliest first.
  func due(perDestination: Int) async throws -> [QueueRow]
  /// The next time after a moment at which a recipient becomes due.
  func nextDue(after: Moment) async throws -> Moment?
  /// Calls `wake` after commits that changed the queue, with the earliest due time among the changed rows.
  func onChange(_ wake: @escaping @Sendable (Moment?) -> Void) -> any Sendable
  /// The message as it goes out; `nil`: its content is gone.
  func open(_ content: ContentID, prefix: PrefixID?) async throws -> OutgoingContent?
  /// Makes the attempt known durably, before its point of no return.
  func recordAttempt(_ ids: [RecipientID], host: String) async throws
  /// Writes what came of attempts, with the notices that follow from it, in one transaction.
  func recordOutcomes(_ outcomes: [RecipientID: AttemptOutcome]) async throws
  /// Attempts that a process before us left open are uncertain.
  func recoverAttempts() async throws
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
