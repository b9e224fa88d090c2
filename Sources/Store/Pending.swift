internal import Platform

/// What the closures of a batch have changed in memory. It becomes true by COMMIT and vanishes by ROLLBACK: a value,
/// so that a savepoint is a copy of it.
struct Pending {
  struct ChangedMailbox {
    /// As the row says.
    var stored: Mailbox
    var current: Mailbox
  }

  var mailboxes: [MailboxID: ChangedMailbox] = [:]
  /// References gained; those lost go through `garbage`.
  var contentReferences: [ContentID: Int] = [:]
  var prefixReferences: [PrefixID: Int] = [:]
  /// Contents and prefixes that this batch has stored.
  var contents: [ContentID: StoredContent] = [:]
  var prefixSizes: [PrefixID: Int] = [:]
  /// New entries for the hash tail.
  var hashes: [HashTail.Item] = []
  var fingerprints: [FingerprintMap.Item] = []
  /// The next number of a trace row and of a recipient in an envelope that this batch has touched.
  var traceNumbers: [EnvelopeID: Int] = [:]
  var recipientNumbers: [EnvelopeID: Int] = [:]
  /// Ids below it are reserved by the row in `sequence`.
  var idMark: Int64
  /// How far the fold got in this batch.
  var folded: HashTail.Progress?
  /// Whether there is new work for the reaper.
  var hasGarbage = false
  /// How far the reaper got in this batch.
  var reaper: Reaper?
  var summary = CommitSummary()

  init(idMark: Int64) { self.idMark = idMark }
}
