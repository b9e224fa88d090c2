internal import Message
internal import Platform
public import Store

extension MailFlow {
  /// A message's journey; `nil` if there is no such envelope (any more).
  public func journey(of id: EnvelopeID) async throws -> Journey? {
    let found = try await store.read { reader -> (StoredEnvelope, [Recipient], [TraceStep], [UInt8])? in
      guard let envelope = try reader.envelope(id) else { return nil }
      let recipients = try reader.recipients(of: id)
      let content = recipients.lazy.compactMap(\.content).first ?? envelope.content
      let header = try content.flatMap { try reader.columns(of: $0, .header) }?.header ?? []
      return (envelope, recipients, try reader.trace(of: id), header)
    }
    guard let (envelope, recipients, steps, header) = found else { return nil }
    return Journey(envelope, recipients, steps, header: HeaderSection(header))
  }

  /// The journeys of all messages that fit, the newest first.
  public func journeys(matching query: TraceQuery) async throws -> [Journey] {
    var journeys: [Journey] = []
    for envelope in try await store.read({ try $0.envelopes(matching: query) }) {
      if let journey = try await journey(of: envelope.id) { journeys.append(journey) }
    }
    return journeys
  }

  /// Refusals that fit, the newest first.
  public func refusals(matching query: TraceQuery) async throws -> [RefusalListing] {
    try await store.read { try $0.refusals(matching: query) }.map { row in
      RefusalListing(
        at: row.at, peer: row.peer, helo: row.helo, sender: row.sender, recipient: row.recipient,
        messageID: row.messageID, subject: row.subject, stage: row.stage, words: row.words, count: row.count)
    }
  }
}

extension Journey {
  init(_ envelope: StoredEnvelope, _ recipients: [Recipient], _ steps: [TraceStep], header: HeaderSection) {
    self.init(
      envelope: envelope.id.description, origin: envelope.origin, arrived: envelope.at, sender: envelope.sender ?? "",
      peer: envelope.peer, helo: envelope.helo, account: envelope.account, messageID: envelope.messageID,
      subject: envelope.subject, size: envelope.size, hops: Self.hops(header), steps: steps.map(Step.init),
      outcomes: recipients.map(Outcome.init))
  }

  /// Received fields stand newest first (RFC 5321 §4.4), a story is told oldest first.
  private static func hops(_ header: HeaderSection) -> [Hop] {
    header.all("Received").prefix(100).reversed().map { field in
      let received = ReceivedField(field.body)
      func text(_ bytes: [UInt8]?) -> String? { bytes.map { displayable($0, limit: 300) } }
      return Hop(
        from: text(received.from), by: text(received.by), with: text(received.with), id: text(received.id),
        for: text(received.for), at: received.date?.moment)
    }
  }
}

extension Journey.Step {
  fileprivate init(_ step: TraceStep) {
    self.init(
      at: step.at, stage: step.stage, what: step.what, words: step.words, recipient: step.recipient,
      isPointOfNoReturn: (step.stage == Stage.reception && step.what == "accepted")
        || (step.stage == Stage.relay && (step.what == "attempting" || step.what == "relayed")))
  }
}

extension Journey.Outcome {
  fileprivate init(_ recipient: Recipient) {
    self.init(
      id: recipient.id.description, recipient: recipient.address, state: recipient.state.description,
      isFinal: recipient.state.isFinal, due: recipient.due, attempts: recipient.attempts, said: recipient.said)
  }
}
