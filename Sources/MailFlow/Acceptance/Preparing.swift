internal import Configuration
internal import Message
internal import Platform
internal import Store

/// A message between its last byte and its commit: what was found out about it so far.
struct Candidate: Sendable {
  var envelope: Envelope
  let content: ReceivedContent
  /// The header section as it will be delivered, without marks.
  var header: HeaderSection
  let configuration: Configuration
  let deadline: ContinuousClock.Instant
  var verdicts: [Verdict] = []
  /// Who sent it, where it comes from outside and somebody found out.
  var sender: SenderFacts?
  /// Nothing becomes of it: see ``MailFlow/trial(_:_:)``.
  var isTrial = false

  var judged: JudgedMessage {
    var message = JudgedMessage(
      envelope: envelope, header: header, content: content, configuration: configuration, deadline: deadline,
      sender: sender)
    message.isTrial = isTrial
    return message
  }

  var messageID: String? {
    header.first("Message-ID").flatMap { MessageIdentifier.first(in: $0.body) }.map { displayable($0, limit: 998) }
  }

  var subject: String? {
    guard configuration.trace.subjects else { return nil }
    return header.text("Subject").map { displayable($0, limit: 500) }
  }
}

/// What preparing came to.
enum Prepared: Sendable {
  case refused(Answer)
  case ready(Commission)
}

extension MailFlow {
  /// Asks the judge, and goes on without him at the deadline.
  func judge(_ candidate: Candidate) async -> [Verdict] {
    let count = candidate.envelope.recipients.count
    let message = candidate.judged
    let work = candidate.content.work
    var given = work.during(.filter) { judge.verdictsAtOnce(message) }
    if given == nil {
      given = await before(candidate.deadline) { [judge] in
        // A judge who is late still works, and may still end the process.
        work.begin(.filter)
        defer { work.end(.filter) }
        return await judge.judge(message)
      }
    }
    guard let given else {
      return Array(repeating: .unknown("the filters did not answer in time"), count: count)
    }
    guard given.count == count else {
      log.error("filtering gave \(given.count) verdicts for \(count) recipients; they are not used")
      return Array(repeating: .unknown("the filters gave no usable answer"), count: count)
    }
    return given
  }

  /// The plan and everything that its commit needs. Reads, never writes.
  func prepare(_ candidate: Candidate, fingerprint: Fingerprint?) async throws -> Prepared {
    let envelope = candidate.envelope
    let plan = candidate.content.isParsed ? try await plan(candidate) : heldUnparsed(candidate)
    guard plan.recipients.count == envelope.recipients.count else {
      throw StoreError.misuse("a plan for \(plan.recipients.count) of \(envelope.recipients.count) recipients")
    }
    if let answer = Self.commonRefusal(plan) { return .refused(answer) }
    let made = Self.variants(candidate, plan)
    var headers = made.headers
    if let signer, Self.leaves(candidate, plan) {
      for index in headers.indices { headers[index] = await signed(headers[index], candidate, signer) }
    }
    var commission = commission(candidate, plan, headers, made.variantOf)
    commission.fingerprint = fingerprint
    let notified = await notificationsOfSuccess(candidate, plan)
    commission.notifications = notified.commissions
    commission.steps += notified.steps
    return .ready(commission)
  }

  private func plan(_ candidate: Candidate) async throws -> Plan {
    let deliveredTo = candidate.content.header.all("Delivered-To").flatMap { AddressList($0.body).addresses }
    return try await planner.plan(
      PlannedMessage(
        envelope: candidate.envelope, size: candidate.content.size, deliveredTo: deliveredTo,
        verdicts: candidate.verdicts))
  }

  /// The process ended twice over such a message: a person decides about this one.
  private func heldUnparsed(_ candidate: Candidate) -> Plan {
    let envelope = candidate.envelope
    let known = crashes.repeated(Suspect(peer: envelope.peer.address, reversePath: envelope.reversePath))
    var reason = "crash: the process ended \(known?.count ?? CrashRecord.tooMany) times over mail of this sender"
    reason += " from this address"
    if let stage = known?.stage { reason += ", last while it \(stage.words)" }
    reason += "; nothing has looked at this message"
    return Plan(
      recipients: envelope.recipients.map { _ in PlannedRecipient(.hold(reason: reason, until: nil)) },
      configurationGeneration: candidate.configuration.generation)
  }

  /// The answer for all, if every recipient is rejected (RFC 5321 §4.2.5): one that allows another try, if there is one.
  static func commonRefusal(_ plan: Plan) -> Answer? {
    var answers: [Answer] = []
    for recipient in plan.recipients {
      guard case .reject(let answer) = recipient.fate else { return nil }
      answers.append(answer)
    }
    return answers.first { $0.isTransient } ?? answers.first
  }

  /// The header sections that are needed, the one without marks first, and which of them each recipient gets.
  private static func variants(_ candidate: Candidate, _ plan: Plan) -> (headers: [HeaderSection], variantOf: [Int]) {
    var tags: [Tag?] = [nil]
    let variantOf = plan.recipients.map { recipient in
      guard let tag = recipient.tag, tag.changesHeader else { return 0 }
      if let known = tags.firstIndex(of: tag) { return known }
      tags.append(tag)
      return tags.count - 1
    }
    return (tags.map { $0.map { HeaderSection($0.applied(to: candidate.header)) } ?? candidate.header }, variantOf)
  }

  private func commission(
    _ candidate: Candidate, _ plan: Plan, _ headers: [HeaderSection], _ variantOf: [Int]
  ) -> Commission {
    let (envelope, content, now) = (candidate.envelope, candidate.content, clock.now())
    let variants = headers.map { header in
      NewContent(
        header: header, structure: content.structure, body: content.body.asNewBody,
        facts: content.isParsed ? [] : .unparsed)
    }
    let showsClient =
      envelope.origin == .mx || candidate.configuration.submission.showClientAddress
    let mark = "\u{1}"
    let received = TraceFields.received(
      envelope, id: mark, hostname: candidate.configuration.hostname, showsClient: showsClient)
    let parts = received.split(separator: 1, maxSplits: 1, omittingEmptySubsequences: false)
    return Commission(
      envelope: envelope, plan: plan, variants: variants, variantOf: variantOf,
      receivedBefore: Array(parts.first ?? []), receivedBehind: Array(parts.last ?? []),
      messageID: candidate.messageID, subject: candidate.subject, size: content.size,
      steps: steps(candidate, now), now: now)
  }

  /// How it came in, and what the filters said: the first rows of its trace.
  private func steps(_ candidate: Candidate, _ now: Moment) -> [TraceStep] {
    let envelope = candidate.envelope
    var words = "from <\(envelope.reversePath.map { displayable($0.description, limit: 400) } ?? "")>"
    if let address = envelope.peer.address { words += " by \(address)" }
    if !envelope.peer.helo.isEmpty { words += " (\(displayable(envelope.peer.helo, limit: 255)))" }
    words += " with \(envelope.protocolName)"
    if let tls = envelope.tls { words += ", \(displayable(tls, limit: 100))" }
    if envelope.transport == .required { words += ", REQUIRETLS" }
    if envelope.transport == .waived { words += ", TLS-Required: No" }
    if let account = envelope.account { words += ", account \(account)" }
    if let user = envelope.user { words += ", user \(displayable(user, limit: 100))" }
    if let device = envelope.device { words += ", device \(device)" }
    words += ", \(candidate.content.size) bytes"
    let accepted = TraceStep(at: now, stage: Stage.reception, what: "accepted", words: words)
    return [accepted] + Self.steps(candidate.verdicts, of: envelope, now)
  }

  /// One row where all recipients got the same verdict, else one each; none for a plain yes.
  private static func steps(_ verdicts: [Verdict], of envelope: Envelope, _ now: Moment) -> [TraceStep] {
    func step(_ verdict: Verdict, _ recipient: String?) -> TraceStep? {
      if verdict == .accept { return nil }
      let reasons = verdict.factors.map { factor in
        factor.score == 0 ? "\(factor.test): \(factor.reason)" : "\(factor.test) \(factor.score): \(factor.reason)"
      }
      return TraceStep(
        at: now, recipient: recipient, stage: Stage.filtering, what: verdict.name,
        words: displayable(reasons.joined(separator: "; "), limit: 4000))
    }
    if let first = verdicts.first, verdicts.allSatisfy({ $0 == first }) { return step(first, nil).map { [$0] } ?? [] }
    return zip(envelope.recipients, verdicts).compactMap { step($1, $0.address.description) }
  }
}

extension Tag {
  /// Whether the copy's header differs from the others'.
  fileprivate var changesHeader: Bool { !fields.isEmpty || !edits.isEmpty || !(subjectPrefix ?? "").isEmpty }
}

extension MailFlow {
  /// The notifications of success that an acceptance brings: local delivery, and expansion to several (RFC 3461 §5.2.3,
  /// §5.2.7.3 c).
  private func notificationsOfSuccess(
    _ candidate: Candidate, _ plan: Plan
  ) async -> (commissions: [Commission], steps: [TraceStep]) {
    var reports: [Report] = []
    for (recipient, planned) in zip(candidate.envelope.recipients, plan.recipients) {
      guard let notify = recipient.notify, notify.contains(.success) else { continue }
      reports += Self.reports(of: planned.fate, recipient.address, recipient.original)
    }
    guard !reports.isEmpty else { return ([], []) }
    let told = await notification(
      about: candidate.envelope, reports, header: candidate.header, body: nil, subject: candidate.subject)
    switch told {
    case .notify(let commission): return ([commission], [])
    case .silent(let reason):
      return ([], [TraceStep(at: clock.now(), stage: Stage.notification, what: "silent", words: reason)])
    case .unauthenticated:
      let words = Self.unauthenticatedWords
      return ([], [TraceStep(at: clock.now(), stage: Stage.notification, what: "silent", words: words)])
    }
  }

  /// What a fate is to somebody who wants to know of success.
  static func reports(of fate: Fate, _ address: EmailAddress, _ original: OriginalRecipient?) -> [Report] {
    switch fate {
    case .deliver, .merged:
      [Report(recipient: address, original: original, action: .delivered, status: "2.0.0")]
    case .expand(let children) where children.count == 1:
      // An alias for one: its target's success is the alias's.
      children.flatMap { reports(of: $0.fate, $0.address, original) }
    case .expand: [Report(recipient: address, original: original, action: .expanded, status: "2.0.0")]
    case .queue, .quarantine, .hold, .discard, .reject: []
    }
  }
}
