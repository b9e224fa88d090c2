internal import Configuration
internal import Logging
internal import Message
internal import Platform
internal import Store

/// What notifying came to.
enum Notifying: Sendable {
  /// To be written in the same transaction as what it tells.
  case notify(Commission)
  /// Nobody is told, for this reason; it belongs into the trace.
  case silent(String)
  /// Nobody is told, because a stranger may have written somebody else's address. Whom it concerns here gets a summary.
  case unauthenticated
}

extension MailFlow {
  /// A whole message comes back only up to this size; of larger ones the header does (RFC 3461 §6.2 allows a limit).
  static let returnLimit = 64 << 10

  /// What the trace says of ``Notifying/unauthenticated``.
  static let unauthenticatedWords = "no notice: sender not authenticated"

  /// Why nobody may be told about a message; `nil` if its sender may.
  static func silence(about envelope: Envelope) -> Notifying? {
    // RFC 3461 §5.2: never about a notification, or two servers could talk about one for ever.
    if envelope.reversePath == nil {
      return .silent("nobody is told: the message has no sender, as notifications have none")
    }
    // A notification to a forged sender would hit somebody who sent nothing.
    if envelope.origin.isFromOutside, !envelope.isSenderProven { return .unauthenticated }
    return nil
  }

  /// Writes a notification (RFC 3464) and plans it like any other message, for the reverse-path.
  ///
  /// - Parameters:
  ///   - reports: only recipients whose sender asked for that word (RFC 3461 §5.2.8).
  ///   - header: of the message that it is about.
  ///   - body: its body, if it is at hand and small; returned if the sender asked for it and something failed.
  func notification(
    about envelope: Envelope, _ reports: [Report], header: HeaderSection, body: [UInt8]?, subject: String?
  ) async -> Notifying {
    if let silence = Self.silence(about: envelope) { return silence }
    guard let sender = envelope.reversePath, !reports.isEmpty else { return .silent("there is nothing to tell") }
    let configuration = configuration()
    guard let report = report(about: envelope, to: sender, reports, header, body, subject, configuration) else {
      return .silent("the sender is not told: no address of ours could be made for the notification")
    }
    // RFC 8689 §5: it is protected as the message was that it tells of.
    return await commission(report.build(), to: sender, transport: envelope.transport, configuration)
  }

  private func report(
    about envelope: Envelope, to sender: EmailAddress, _ reports: [Report], _ header: HeaderSection, _ body: [UInt8]?,
    _ subject: String?, _ configuration: Configuration
  ) -> DeliveryReport? {
    // Answers to a notification should reach a person: the postmaster of a domain of ours.
    let domain = configuration.isLocal(domain: sender.domain) ? sender.domain : configuration.domains.first?.name
    guard let from = EmailAddress(localPart: "postmaster", domain: domain ?? configuration.hostname) else { return nil }
    let now = clock.now()
    let isFailure = reports.contains { $0.action == .failed }
    let returned: DeliveryReport.Returned =
      if isFailure, envelope.returnedContent != .headers, let body, body.count <= Self.returnLimit {
        .message(header.bytes + body)
      } else {
        .header(header.bytes)
      }
    var report = DeliveryReport(
      from: TextMessage.Mailbox(name: "Mail Delivery System", from), to: sender,
      subject: NotificationText.subject(reports), date: HeaderDate(now),
      messageID: MessageIdentifier.make(host: configuration.hostname, at: now),
      text: NotificationText.body(reports, subject: subject, hostname: configuration.hostname),
      reportingMTA: configuration.hostname, recipients: reports.map(\.entry), returned: returned)
    report.inReplyTo = header.first("Message-ID").flatMap { MessageIdentifier.first(in: $0.body) }
      .map { String(decoding: $0, as: UTF8.self) }
    report.originalEnvelopeID = envelope.envelopeID
    report.arrival = envelope.receivedAt
    return report
  }

  /// Plans a message of our own. It has no sender and asks for no notification (RFC 3461 §6.1).
  func commission(
    _ message: BuiltMessage, to recipient: EmailAddress, transport: TransportWish = .standard,
    _ configuration: Configuration
  ) async -> Notifying {
    let now = clock.now()
    let header = HeaderSection(message.header)
    let structure = MIMEScanner.scan(header: header, body: message.body[...])
    var envelope = Envelope(
      origin: .notification, reversePath: nil, recipients: [EnvelopeRecipient(recipient, notify: .never)],
      smtputf8: recipient.isInternationalized, eightBitMIME: structure.has8BitBody, receivedAt: now)
    envelope.transport = transport
    let size = message.header.count + message.body.count
    let plan: Plan
    do {
      plan = try await planner.plan(
        PlannedMessage(envelope: envelope, size: size, deliveredTo: [], verdicts: [.accept]))
    } catch {
      log.error("a notification could not be planned: \(error)")
      return .silent("the sender is not told: \(displayable("\(error)", limit: 500))")
    }
    guard let fate = plan.recipients.first?.fate else { return .silent("the sender is not told: it has no plan") }
    if case .reject(let answer) = fate { return .silent("the sender is not told: \(answer)") }
    var leaving = header
    if let signer, fate.leaves {
      let body = ReceivedBody(place: .memory([message.body]), size: message.body.count, hash: [], share: nil)
      let content = ReceivedContent(header: header, structure: structure, body: body, hash: [])
      let judged = JudgedMessage(
        envelope: envelope, header: header, content: content, configuration: configuration,
        deadline: .now + configuration.limits.submissionReplyDeadline)
      leaving = await signed(judged, signer)
    }
    let variant = NewContent(header: leaving, structure: structure, body: .pieces(of: message.body))
    return .notify(
      Commission(
        envelope: envelope, plan: plan, variants: [variant], variantOf: [0],
        messageID: header.first("Message-ID").flatMap { MessageIdentifier.first(in: $0.body) }
          .map { String(decoding: $0, as: UTF8.self) },
        subject: configuration.trace.subjects ? header.text("Subject") : nil, size: size,
        steps: [
          TraceStep(at: now, stage: Stage.notification, what: "written", words: "to <\(recipient)>")
        ],
        now: now))
  }
}

extension NewBody {
  /// Bytes in memory as the store wants them.
  static func pieces(of bytes: [UInt8]) -> NewBody {
    let pieces = stride(from: 0, to: bytes.count, by: Store.chunkSize).map { start in
      Array(bytes[start..<min(start + Store.chunkSize, bytes.count)])
    }
    return .bytes(pieces, sha256: SHA256.hash(bytes))
  }
}
