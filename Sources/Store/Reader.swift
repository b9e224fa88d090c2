public import Platform

/// One read transaction, as a closure given to ``Store/read(_:)`` sees it.
public struct Reader: ~Copyable {
  init() {}
}

extension Reader {
  // MARK: Mailboxes

  /// An account's mailboxes by name.
  public func mailboxes(account: String) throws -> [Mailbox] { throw StoreError.closed }

  public func mailbox(_ id: MailboxID) throws -> Mailbox? { throw StoreError.closed }

  public func mailbox(account: String, name: String) throws -> Mailbox? { throw StoreError.closed }

  /// Names an account has subscribed to; some may have no mailbox.
  public func subscriptions(account: String) throws -> [String] { throw StoreError.closed }

  public func usage(account: String) throws -> Usage { throw StoreError.closed }

  /// Accounts that have mailboxes.
  public func accounts() throws -> [String] { throw StoreError.closed }

  public func keywords(_ mailbox: MailboxID) throws -> Keywords { throw StoreError.closed }

  // MARK: Entries

  public func snapshot(_ mailbox: MailboxID) throws -> MailboxSnapshot? { throw StoreError.closed }

  /// What happened after a modification sequence.
  public func changes(_ mailbox: MailboxID, since: ModSeq) throws -> MailboxChanges? { throw StoreError.closed }

  /// UIDs expunged after a modification sequence.
  public func expunged(_ mailbox: MailboxID, since: ModSeq) throws -> UIDSet { throw StoreError.closed }

  /// Entries of a set, by ascending UID.
  public func entries(_ mailbox: MailboxID, _ uids: UIDSet) throws -> [Entry] { throw StoreError.closed }

  /// Entries of a set with columns of their contents, by ascending UID. Ask for a few hundred at a time.
  public func fetch(_ mailbox: MailboxID, _ uids: UIDSet, _ columns: FetchColumns) throws -> [FetchedEntry] {
    throw StoreError.closed
  }

  // MARK: Content

  public func content(_ id: ContentID) throws -> StoredContent? { throw StoreError.closed }

  public func columns(of id: ContentID, _ columns: FetchColumns) throws -> ContentColumns? { throw StoreError.closed }

  public func prefix(_ id: PrefixID) throws -> [UInt8]? { throw StoreError.closed }

  /// Bytes of a body, fewer at its end. For small pieces; streams use ``Store/open(_:prefix:)``.
  public func body(_ id: BodyID, from: Int, count: Int) throws -> [UInt8] { throw StoreError.closed }

  // MARK: Queue

  /// Recipients that are queued, or held with a time, and due by then; the earliest first.
  public func due(by: Moment, limit: Int) throws -> [QueueRow] { throw StoreError.closed }

  /// Queued recipients for a destination, the earliest due first.
  public func queued(destination: String, limit: Int) throws -> [QueueRow] { throw StoreError.closed }

  /// When the next queued or held recipient after a moment is due.
  public func nextDue() throws -> Moment? { throw StoreError.closed }

  /// Waiting recipients, the oldest first.
  public func waiting(_ filter: QueueFilter) throws -> [QueueRow] { throw StoreError.closed }

  /// How many recipients wait, by state.
  public func waitingCounts() throws -> [RecipientState: Int] { throw StoreError.closed }

  /// Recipients whose attempt began and did not end: after a start, their outcome is uncertain.
  public func attempting() throws -> [QueueRow] { throw StoreError.closed }

  public func envelope(_ id: EnvelopeID) throws -> StoredEnvelope? { throw StoreError.closed }

  public func recipient(_ id: RecipientID) throws -> Recipient? { throw StoreError.closed }

  public func recipients(of envelope: EnvelopeID) throws -> [Recipient] { throw StoreError.closed }

  // MARK: Trace

  /// An envelope's steps in order.
  public func trace(of envelope: EnvelopeID) throws -> [TraceStep] { throw StoreError.closed }

  /// Envelopes that fit, the newest first.
  public func envelopes(matching query: TraceQuery) throws -> [StoredEnvelope] { throw StoreError.closed }

  /// Refusals that fit, the newest first.
  public func refusals(matching query: TraceQuery) throws -> [Refusal] { throw StoreError.closed }

  // MARK: Secrets

  public func verifier(account: String) throws -> Verifier? { throw StoreError.closed }

  /// Accounts that have a password.
  public func verifiedAccounts() throws -> Set<String> { throw StoreError.closed }

  /// Addresses an account logged in from, the newest first.
  public func loginAddresses(account: String) throws -> [LoginAddress] { throw StoreError.closed }

  public func setting(_ key: String) throws -> [UInt8]? { throw StoreError.closed }
}
