internal import Message

extension MailFlow {
  /// Who sent a message, where it comes from outside; then what the judges say of it.
  func examine(_ candidate: inout Candidate) async {
    guard candidate.content.isParsed else {
      candidate.verdicts = candidate.envelope.recipients.map { _ in .unknown("nothing has looked at this message") }
      return
    }
    if let senderCheck, candidate.envelope.origin.isFromOutside { await check(&candidate, senderCheck) }
    candidate.verdicts = await judge(candidate)
  }

  /// Finds out who sent a message from outside, and writes it on top of it.
  private func check(_ candidate: inout Candidate, _ senderCheck: any SenderCheck) async {
    let (message, work) = (candidate.judged, candidate.content.work)
    let facts = await before(candidate.deadline) {
      work.begin(.filter)
      defer { work.end(.filter) }
      return await senderCheck.check(message)
    }
    guard let facts = facts ?? nil else { return }
    candidate.sender = facts
    candidate.envelope.isSenderProven = facts.isSenderProven
    if !facts.fields.isEmpty { candidate.header = HeaderSection(candidate.header.prepending(facts.fields)) }
  }

  /// Whether a message, or what becomes of it, goes to another server now or later.
  static func leaves(_ candidate: Candidate, _ plan: Plan) -> Bool {
    guard candidate.content.isParsed else { return false }
    if plan.recipients.contains(where: { $0.fate.leaves }) { return true }
    // What waits for a person, or for the time of taking back, may leave yet.
    return !candidate.envelope.origin.isFromOutside
      && candidate.envelope.recipients.contains { !candidate.configuration.isLocal(domain: $0.address.domain) }
  }

  /// A header section as it leaves, with what proves where it comes from on top.
  func signed(_ header: HeaderSection, _ candidate: Candidate, _ signer: any Signer) async -> HeaderSection {
    var message = candidate.judged
    message.header = header
    return await signed(message, signer)
  }

  func signed(_ message: JudgedMessage, _ signer: any Signer) async -> HeaderSection {
    let fields = await before(message.deadline) { await signer.signature(for: message) } ?? []
    return fields.isEmpty ? message.header : HeaderSection(message.header.prepending(fields))
  }
}

extension Fate {
  /// Whether it leads to another server.
  var leaves: Bool {
    switch self {
    case .queue: true
    case .expand(let children): children.contains { $0.fate.leaves }
    case .deliver, .merged, .quarantine, .hold, .discard, .reject: false
    }
  }
}
