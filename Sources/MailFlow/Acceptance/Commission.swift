internal import Message
internal import Platform
internal import Store

/// Everything that one transaction shall do with one message, ready to be done: made by preparing, carried out on the
/// writer's thread as often as the writer likes.
struct Commission: Sendable {
  /// What became of a commission in the transaction.
  enum Result: Sendable {
    case done(EnvelopeID)
    /// The plan's preconditions do not hold any more; nothing was done.
    case stale
    /// The message was accepted before, and the client never learned of it; nothing was done.
    case repeated(EnvelopeID)
  }

  var envelope: Envelope
  var plan: Plan
  /// Header variants over one body; the first is the content without a mark.
  var variants: [NewContent]
  /// Which variant each recipient gets.
  var variantOf: [Int]
  /// This host's Received field without the envelope's id: what stands before it and behind it.
  var receivedBefore: [UInt8] = []
  var receivedBehind: [UInt8] = []
  var fingerprint: Fingerprint?
  var messageID: String?
  var subject: String?
  /// Bytes as received.
  var size: Int
  /// Steps that come before the recipients' own: how it came in, what filters said.
  var steps: [TraceStep] = []
  /// What the appliance writes about this message.
  var notifications: [Commission] = []
  var now: Moment

  func carryOut(in transaction: inout Transaction, observers: [any MailboxObserver]) throws -> Result {
    guard transaction.generation == Int(clamping: plan.configurationGeneration) else { return .stale }
    if let fingerprint, let id = try transaction.repeated(fingerprint) { return .repeated(id) }
    let id = try write(in: &transaction, observers: observers)
    for notification in notifications {
      try MailFlow.tell(
        .notify(notification), about: id, to: envelope.reversePath?.description, now, observers, in: &transaction)
    }
    return .done(id)
  }

  /// Writes the message without asking for preconditions.
  @discardableResult
  func write(in transaction: inout Transaction, observers: [any MailboxObserver]) throws -> EnvelopeID {
    let contents = try insertContents(in: &transaction)
    let id = try transaction.insert(row(content: contents.min { $0.key < $1.key }?.value))
    for step in steps { try transaction.trace(step, of: id) }
    var settling = Settling(
      envelope: envelope, id: id, received: receivedField(id), now: now, observers: observers)
    // The sender's own recipients come first, in their order; what expansions make comes behind them.
    var parents: [Parent] = []
    for index in envelope.recipients.indices {
      parents += [try settle(index, of: id, contents, &settling, in: &transaction)]
    }
    for parent in parents {
      try settling.settleChildren(
        parent.children, of: parent.id, notify: envelope.recipients[parent.index].notify,
        original: envelope.recipients[parent.index].original, content: parent.content, in: &transaction)
    }
    return id
  }

  private struct Parent {
    var index: Int
    var id: RecipientID
    var content: ContentID
    var children: [Child]
  }

  private func settle(
    _ index: Int, of id: EnvelopeID, _ contents: [Int: ContentID], _ settling: inout Settling,
    in transaction: inout Transaction
  ) throws -> Parent {
    guard let content = contents[variantOf[index]] else {
      throw StoreError.misuse("recipient \(index) of a commission has no content")
    }
    let (recipient, planned) = (envelope.recipients[index], plan.recipients[index])
    var settled = try settling.settle(planned.fate, content: content, in: &transaction)
    if let note = planned.note { settled.words += settled.words.isEmpty ? note : "; \(note)" }
    var options = RecipientOptions()
    options.notify = recipient.notify
    options.original = recipient.original
    options.account = settled.account
    let row = try transaction.insert(
      NewRecipient(recipient.address, settled, options), of: id, trace: settled.step(recipient.address, at: now))
    return Parent(index: index, id: row, content: content, children: settled.children)
  }

  private func receivedField(_ id: EnvelopeID) -> [UInt8] {
    guard !receivedBefore.isEmpty else { return receivedBehind }
    return receivedBefore + Array(id.description.utf8) + receivedBehind
  }

  /// Stores the variants that somebody gets; the body once.
  private func insertContents(in transaction: inout Transaction) throws -> [Int: ContentID] {
    var contents: [Int: ContentID] = [:]
    var first: ContentID?
    for index in Set(variantOf).sorted() {
      let stored =
        if let first { try transaction.insert(header: variants[index], of: first) } else {
          try transaction.insert(variants[index])
        }
      first = first ?? stored.id
      contents[index] = stored.id
    }
    return contents
  }

  private func row(content: ContentID?) -> NewEnvelope {
    NewEnvelope(
      at: envelope.receivedAt, origin: envelope.origin.name, content: content,
      sender: envelope.reversePath?.description, peer: envelope.peer.address?.description,
      helo: envelope.peer.helo.isEmpty ? nil : displayable(envelope.peer.helo, limit: 255), account: envelope.account,
      options: envelope.options(fingerprint: fingerprint), fingerprint: fingerprint?.short, messageID: messageID,
      subject: subject, size: size)
  }
}

extension NewRecipient {
  init(_ address: EmailAddress, _ settled: Settling.Settled, _ options: RecipientOptions) {
    self.init(
      address: address.description, state: settled.state, due: settled.due, destination: settled.destination,
      options: options.bytes, content: settled.content, prefix: settled.prefix, said: settled.said)
  }
}

extension Settling {
  /// Makes the children of an expansion recipients of their own.
  ///
  /// An alias of one target passes the sender's wishes on unchanged (RFC 3461 §5.2.7.2); one of several passes them on
  /// without SUCCESS, which the `expanded` notification has answered (§5.2.7.3 c).
  mutating func settleChildren(
    _ children: [Child], of parent: RecipientID, notify: NotifyRequest?, original: OriginalRecipient?,
    content: ContentID, in transaction: inout Transaction
  ) throws {
    for child in children {
      let settled = try settle(child.fate, content: content, through: child.through, in: &transaction)
      var options = RecipientOptions()
      options.notify = children.count == 1 ? notify : notify?.subtracting(.success)
      options.original = original
      options.parent = parent.number
      options.account = settled.account
      options.deliveredTo = child.through.description
      let row = try transaction.insert(
        NewRecipient(child.address, settled, options), of: id, trace: settled.step(child.address, at: now))
      try settleChildren(
        settled.children, of: row, notify: options.notify, original: original, content: content, in: &transaction)
    }
  }
}
