internal import MailFlow
internal import Platform
internal import Store

/// What the runner wants of the queue. MailFlow has it; tests have one of their own.
protocol RelayQueue: Sendable {
  /// Due rows of destinations, the earliest of each first: how many of each, and which of these need not be read.
  ///
  /// - Returns: the rows, and the destinations that may have more.
  func due(
    at orders: [(destination: String, limit: Int, known: Set<RecipientID>)]
  ) async throws -> (rows: [QueueRow], cut: Set<String>)
  /// Releases what was held until now, and ends what can go nowhere. `true`: there may be more.
  func settleDueElsewhere() async throws -> Bool
  /// A part of a round through all destinations: those with rows that are due.
  func dueDestinations(after: String, limit: Int) async throws -> DueDestinations
  /// Destinations of what has become due since a mark.
  func becameDue(after mark: DueMark, limit: Int) async throws -> BecameDue
  /// The next time after a moment at which a recipient becomes due.
  func nextDue(after: Moment) async throws -> Moment?
  /// What is due impossibly late becomes due now.
  func bringBackStranded() async throws
  /// The clock was set back by so much.
  func clockWasSetBack(by step: Duration) async throws
  /// Calls `told` with news of the queue, on threads that must not be held up.
  func onNews(_ told: @escaping @Sendable (QueueNews) -> Void) -> any Sendable
  /// The message as it goes out, and which of the recipients are still queued: an administrator may have held or deleted a
  /// row that waits in memory.
  func open(_ content: ContentID?, prefix: PrefixID?, for ids: [RecipientID]) async throws -> OpenedMessage
  /// The message for a server without 8BITMIME. `nil`: it cannot be made so, or must not be.
  func sevenBit(_ row: QueueRow, _ source: OutgoingContent) async throws -> OutgoingContent?
  /// Makes the attempt known durably, before its point of no return.
  func recordAttempt(_ ids: [RecipientID], host: String) async throws
  /// Writes what came of attempts, with the notices that follow from it. What is written is taken out of the list, also
  /// where it throws; what could not be written stands first then.
  func recordOutcomes(_ left: inout [(row: QueueRow, outcome: AttemptOutcome)]) async throws
  /// Where work on a message for a next hop is marked.
  func watch(_ envelope: EnvelopeID, to hop: String) -> WorkSlot
  /// Why a message must not be sent to a next hop any more; `nil`: it may go.
  func crashReason(of envelope: EnvelopeID, to hop: String) -> String?
  /// Keeps queued recipients back for a person.
  func holdAfterCrash(_ ids: [RecipientID], reason: String) async throws
  /// Attempts that a process before us left open are uncertain.
  func recoverAttempts() async throws
  /// Next hops that did not answer a process before us.
  func troubles() async throws -> [StoredTrouble]
  /// Keeps what has become of them; `nil`: it answers again.
  func keepTroubles(_ changes: [String: StoredTrouble?]) async throws
}

/// Something that the runner should look at.
enum QueueNews: Sendable {
  /// Rows have changed.
  case changed(QueueChange)
  /// An administrator wants rows tried now, whatever is known of their hosts.
  case retryAsked
}

/// See ``RelayQueue/open(_:prefix:for:)``.
struct OpenedMessage: Sendable {
  /// `nil`: the content is gone.
  var content: OutgoingContent?
  var queued: Set<RecipientID>
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
