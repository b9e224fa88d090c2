internal import Logging
internal import MailFlow
internal import Message
internal import SMTP
internal import Store

/// Refusals in the trace: "why did it not arrive" is answered for what was never accepted too.
extension Session {
  /// Where a client was refused; the `stage` of the trace's row.
  enum RefusalStage: String {
    case connect, hello, authentication, mail, recipient, content, session
  }

  func trace(
    _ stage: RefusalStage, _ reply: Reply, _ envelope: Envelope? = nil, recipient: EmailAddress? = nil,
    content: ReceivedContent? = nil
  ) {
    let envelope = envelope ?? transaction?.envelope
    let named = recipient ?? envelope?.recipients.first?.address
    log.debug("refused at \(stage.rawValue): \(displayable(reply.description))")
    reception.flow.refused(
      Refusal(
        at: reception.clock.now(), peer: facts.peer?.description ?? "local", helo: facts.helo,
        sender: envelope.map { $0.reversePath?.description ?? "<>" }, recipient: named?.description,
        messageID: content?.header.text("Message-ID"), subject: content?.header.text("Subject"),
        stage: stage.rawValue, words: reply.description))
  }
}

extension Reply {
  /// An answer in SMTP's words.
  init(_ answer: Answer) { self.init(answer.code, answer.enhanced, answer.text) }

  /// The first reply of a session has no enhanced code (RFC 2034 §4).
  var withoutEnhancedCode: Reply { Reply(code, nil, lines) }
}
