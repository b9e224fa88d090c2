internal import Message
internal import Platform
internal import Store

/// Gives recipients of one envelope their fate within a transaction; the same step for mail that has just come and for
/// mail that is released.
struct Settling {
  let envelope: Envelope
  let id: EnvelopeID
  /// This host's Received field (and a signature below it), to be put before everything that leaves or waits.
  let received: [UInt8]
  let now: Moment
  let observers: [any MailboxObserver]
  /// The prefix of those that wait, stored once.
  private var waitingPrefix: PrefixID?

  /// What a fate came to: the columns of the recipient's row, and the step for its trace.
  struct Settled {
    var state: RecipientState
    var due: Moment?
    var destination: String?
    var content: ContentID?
    var prefix: PrefixID?
    var said: String?
    var account: String?
    var stage: String
    var words: String
    var children: [Child] = []

    /// The step's word is the state's, so that trace and states cannot drift apart.
    func step(_ address: EmailAddress, at: Moment) -> TraceStep {
      TraceStep(at: at, recipient: address.description, stage: stage, what: state.description, words: words)
    }
  }

  init(
    envelope: Envelope, id: EnvelopeID, received: [UInt8], now: Moment, observers: [any MailboxObserver]
  ) {
    self.envelope = envelope
    self.id = id
    self.received = received
    self.now = now
    self.observers = observers
  }

  /// Carries a fate out: files the copy if there is one to file. The row itself is the caller's.
  mutating func settle(
    _ fate: Fate, content: ContentID, through: EmailAddress? = nil, in transaction: inout Transaction
  ) throws -> Settled {
    switch fate {
    case .deliver(let filing): return try file(filing, content, in: &transaction)
    case .merged(let account):
      return Settled(
        state: .delivered, account: account, stage: Stage.delivery,
        words: "\(account) has it already, as another recipient of this message")
    case .queue(let destination):
      return Settled(
        state: .queued, due: now, destination: destination, content: content,
        prefix: try leavingPrefix(through, in: &transaction), stage: Stage.relay, words: "for \(destination)")
    case .expand(let children):
      let names = children.map(\.address.description).joined(separator: ", ")
      return Settled(
        state: .expanded, stage: Stage.delivery,
        words: children.isEmpty ? "all of its members have it already" : "to \(names)", children: children)
    case .quarantine(let reason):
      return Settled(
        state: .quarantined, content: content, prefix: try leavingPrefix(nil, in: &transaction), said: reason,
        stage: Stage.filtering, words: reason)
    case .hold(let reason, let until):
      return Settled(
        state: .held, due: until, content: content, prefix: try leavingPrefix(nil, in: &transaction), said: reason,
        stage: Stage.administration, words: reason)
    case .discard(let reason): return Settled(state: .discarded, said: reason, stage: Stage.filtering, words: reason)
    case .reject(let answer):
      let reason = "it would have been refused alone: \(answer)"
      return Settled(
        state: .quarantined, content: content, prefix: try leavingPrefix(nil, in: &transaction), said: reason,
        stage: Stage.filtering, words: reason)
    }
  }

  private func file(_ filing: Filing, _ content: ContentID, in transaction: inout Transaction) throws -> Settled {
    let (mailbox, isFallback) = try SpecialFolders.mailbox(filing.folder, of: filing.account, in: &transaction)
    let prefix = try transaction.insertPrefix(
      TraceFields.returnPath(envelope.reversePath) + TraceFields.deliveredTo(filing.deliveredTo) + received)
    let filed = try transaction.file(
      NewEntry(mailbox: mailbox.id, content: content, prefix: prefix, internalDate: envelope.receivedAt))
    for observer in observers { try observer.observe(.filed(account: filing.account, filed), in: &transaction) }
    var words = "\(filing.account): \(mailbox.name) (uid \(filed.uid))"
    if isFallback { words += ", because the folder that was wanted is not there" }
    return Settled(state: .delivered, account: filing.account, stage: Stage.delivery, words: words)
  }

  /// The fields on top of what leaves the house or waits. What an alias of ours sends elsewhere carries that alias, so
  /// that it is known if it comes back.
  private mutating func leavingPrefix(
    _ through: EmailAddress?, in transaction: inout Transaction
  ) throws -> PrefixID? {
    if let through { return try transaction.insertPrefix(TraceFields.deliveredTo(through) + received) }
    if let waitingPrefix { return waitingPrefix }
    guard !received.isEmpty else { return nil }
    let prefix = try transaction.insertPrefix(received)
    waitingPrefix = prefix
    return prefix
  }
}
