internal import Configuration
internal import MailFlow
internal import Network
internal import SMTP

/// MAIL and RCPT: the envelope comes together, each part refused as early as it can be.
extension Session {
  mutating func mail(_ command: MailCommand) async throws -> Bool {
    forgetTransaction()
    facts.configuration = reception.configuration()
    machine.settings.sizeLimit = facts.configuration.limits.messageSize
    machine.settings.recipientLimit = max(facts.configuration.limits.recipients, 100)
    let envelope = envelope(command)
    work.begin(.command)
    let refusal = await reception.policy.mail(envelope, declaredSize: command.size, facts)
    work.end(.command)
    if let refusal {
      return try await refuseMail(Reply(refusal), envelope)
    }
    // A want of room is told before the content is sent (RFC 1870 §6.1).
    do throws(IntakeError) {
      try reception.flow.checkIntake(
        peer: facts.peer, reversePath: envelope.reversePath, declaredSize: command.size)
    } catch {
      guard let answer = Session.answer(error) else { throw SessionError.silent }
      return try await refuseMail(Reply(answer), envelope)
    }
    transaction = Transaction(envelope: envelope, declaredSize: command.size)
    return try await carryOut(machine.mailAnswered(refusal: nil))
  }

  mutating func recipient(_ command: RecipientCommand) async throws -> Bool {
    guard let transaction else {
      return try await carryOut(machine.recipientAnswered(.refused(Reply(503, "5.5.1", "Need MAIL command"))))
    }
    let recipient = EnvelopeRecipient(
      command.address, notify: command.notify.map { NotifyRequest($0) },
      original: command.original.map { OriginalRecipient(type: $0.type, address: $0.address) })
    let envelope = transaction.envelope
    work.begin(.command)
    let resolution = await reception.flow.resolve(
      command.address, for: envelope, declaredSize: transaction.declaredSize)
    let refusal: Answer?
    if let answer = resolution.answer {
      refusal = answer
    } else {
      refusal = await reception.policy.recipient(recipient, resolution, envelope, facts)
    }
    work.end(.command)
    guard let refusal else {
      self.transaction?.envelope.recipients.append(recipient)
      return try await carryOut(machine.recipientAnswered(.accepted(nil)))
    }
    if refusal.isPermanent { await reception.policy.refusing(facts) }
    let reply = Reply(refusal)
    trace(.recipient, reply, envelope, recipient: command.address)
    let isUnknown = refusal.isPermanent && refusal.enhanced == "5.1.1"
    return try await carryOut(machine.recipientAnswered(isUnknown ? .unknown(reply) : .refused(reply)))
  }

  private mutating func refuseMail(_ reply: Reply, _ envelope: Envelope) async throws -> Bool {
    trace(.mail, reply, envelope)
    return try await carryOut(machine.mailAnswered(refusal: reply))
  }

  private func envelope(_ command: MailCommand) -> Envelope {
    var envelope = Envelope(
      origin: terms.origin, reversePath: command.reversePath, recipients: [],
      peer: Peer(address: facts.peer, helo: facts.helo), account: facts.account, device: facts.device,
      tls: facts.tls.map { "\($0.version) \($0.cipher)" }, protocolName: protocolName(command),
      envelopeID: command.envelopeID, returnContent: command.returnedContent.map { $0 == .full ? .full : .headers },
      smtputf8: command.smtputf8, eightBitMIME: command.is8BitMIME == true, listener: reception.listener,
      receivedAt: reception.clock.now())
    envelope.user = facts.localUser
    envelope.transport = command.requiresTLS ? .required : .standard
    return envelope
  }

  /// The registered name of what is spoken (RFC 3848, RFC 6531 §4.3).
  private func protocolName(_ command: MailCommand) -> String {
    guard machine.hello?.isExtended == true else { return "SMTP" }
    let base = command.smtputf8 ? "UTF8SMTP" : "ESMTP"
    return base + (machine.isEncrypted ? "S" : "") + (facts.isAuthenticated ? "A" : "")
  }
}

extension NotifyRequest {
  init(_ conditions: NotifyConditions) {
    self = []
    if conditions.contains(.success) { insert(.success) }
    if conditions.contains(.failure) { insert(.failure) }
    if conditions.contains(.delay) { insert(.delay) }
  }
}
