internal import Configuration
internal import Logging
internal import Message
internal import Platform
internal import Store

extension MailFlow {
  /// Accepts a message: judged, planned, and committed in one transaction before this returns.
  ///
  /// - Parameters:
  ///   - header: the header section to deliver instead of the received one, where a policy has changed it (Bcc,
  ///     Date…). What nobody but this house may write is taken out of either.
  ///   - deadline: when the reply must be on its way; filters that are not done by then count as unknown. Without it
  ///     the configured time from now on.
  public func accept(
    _ envelope: Envelope, _ content: ReceivedContent, header: [UInt8]? = nil,
    deadline: ContinuousClock.Instant? = nil
  ) async -> Acceptance {
    guard !envelope.recipients.isEmpty else {
      content.body.drop()
      return .refused(Answer(554, "5.5.1", "No valid recipients"))
    }
    let acceptance = await decide(envelope, content, header: header, deadline: deadline)
    content.body.drop()
    measure(acceptance, envelope)
    return acceptance
  }

  private func decide(
    _ envelope: Envelope, _ content: ReceivedContent, header: [UInt8]?, deadline: ContinuousClock.Instant?
  ) async -> Acceptance {
    let (configuration, work) = (configuration(), content.work)
    var envelope = envelope
    // RFC 8689 §4.1: the parameter of MAIL is stronger than the field.
    if envelope.transport == .standard, TLSRequiredField.isNo(in: content.header) { envelope.transport = .waived }
    var candidate = Candidate(
      envelope: envelope, content: content,
      header: work.during(.scan) { Self.deliverable(header, content, configuration) },
      configuration: configuration, deadline: deadline ?? Self.deadline(for: envelope, configuration))
    await examine(&candidate)
    var fingerprint = Fingerprint.applies(to: envelope.origin) ? Fingerprint(envelope, content: content.hash) : nil
    #if DEBUG
      if Mutation.noFingerprint.isOn { fingerprint = nil }
    #endif
    // Only planning is left, which is quick: others' commits may wait a moment for this one.
    let expectation = store.expectWrite()
    defer { expectation.withdraw() }
    do {
      // A plan may be overtaken once, by a reload; twice in a row means that something is wrong.
      for _ in 0..<2 {
        work.begin(.plan)
        defer { work.end(.plan) }
        let prepared = try await prepare(candidate, fingerprint: fingerprint)
        work.end(.plan)
        switch prepared {
        case .refused(let answer): return refuse(candidate, answer)
        case .ready(let commission):
          switch try await commit(commission, work, expectation) {
          case .done(let id): return .accepted(id, .accepted(id))
          case .repeated(let id): return repeated(id, envelope)
          case .stale: continue
          }
        }
      }
      log.warning("a message was planned twice, and the configuration changed each time; the client shall come again")
      return refuse(candidate, .localError)
    } catch StoreError.outcomeUnknown(let why) {
      log.critical("a message's commit has an unknown outcome: \(why)")
      return .unknown
    } catch {
      log.error("a message could not be accepted: \(error)")
      return refuse(candidate, Answer(for: error))
    }
  }

  func commit(
    _ commission: Commission, _ work: WorkSlot = .unwatched, _ expectation: WriteExpectation? = nil
  ) async throws -> Commission.Result {
    store.setGeneration(Int(clamping: configuration().generation))
    #if DEBUG
      if Mutation.queueRowApart.isOn { return try await commitInTwo(commission) }
    #endif
    return try await store.write(expected: expectation) { [observers] in
      work.begin(.commit)
      defer { work.end(.commit) }
      return try commission.carryOut(in: &$0, observers: observers)
    }
  }

  /// The same message again, because the client never learned that it was accepted: the same id, no second copy.
  private func repeated(_ id: EnvelopeID, _ envelope: Envelope) -> Acceptance {
    var words = "the same message came again"
    if let address = envelope.peer.address { words += " from \(address)" }
    words += "; the reply to the first one was lost, so this is no second message"
    store.traceLazily(TraceStep(at: clock.now(), stage: Stage.reception, what: "repeated", words: words), of: id)
    return .accepted(id, .accepted(id))
  }

  private func refuse(_ candidate: Candidate, _ answer: Answer) -> Acceptance {
    let envelope = candidate.envelope
    let recipients = envelope.recipients.map { displayable($0.address.description, limit: 500) }
    let reasons = candidate.verdicts.flatMap(\.factors).prefix(5).map { "\($0.test): \($0.reason)" }
    refusals.add(
      Refusal(
        at: clock.now(), peer: envelope.peer.address?.description ?? "local",
        helo: displayable(envelope.peer.helo, limit: 255),
        sender: displayable(envelope.reversePath?.description ?? "", limit: 500),
        recipient: recipients.count > 1 ? "\(recipients[0]) and \(recipients.count - 1) more" : recipients.first,
        messageID: candidate.messageID, subject: candidate.subject, stage: "content",
        words: displayable(([answer.description] + reasons).joined(separator: "; "), limit: 2000)))
    return .refused(answer)
  }

  /// The header section that is delivered: the policy's or the received one, without what only this house may write.
  static func deliverable(
    _ header: [UInt8]?, _ content: ReceivedContent, _ configuration: Configuration
  ) -> HeaderSection {
    guard content.isParsed else { return content.header }
    let section = header.map { HeaderSection($0) } ?? content.header
    let names = [configuration.hostname] + configuration.domains.map(\.name)
    return ArrivingHeader.cleaned(section, hostnames: names).map { HeaderSection($0) } ?? section
  }

  private static func deadline(for envelope: Envelope, _ configuration: Configuration) -> ContinuousClock.Instant {
    let limits = configuration.limits
    return .now + (envelope.origin == .mx ? limits.replyDeadline : limits.submissionReplyDeadline)
  }
}

extension Answer {
  static func accepted(_ id: EnvelopeID) -> Answer { Answer(250, "2.0.0", "Accepted as \(id)") }
}
