internal import Message

/// One message: MAIL, RCPT, the content, and one result for each recipient.
extension ClientMachine {
  /// As many commands as may be unanswered at once where the server has PIPELINING: more might fill both
  /// sides' windows (RFC 2920 §3.1).
  static let pipelineDepth = 100

  /// Begins a transaction in an open session.
  public mutating func begin(_ transaction: ClientTransaction) -> [Action] {
    guard self.transaction == nil, expected.isEmpty else {
      return fail(.protocolViolation("a transaction was begun while the session was busy"))
    }
    results = Array(repeating: nil, count: transaction.recipients.count)
    nextRecipient = 0
    accepted = []
    refusal = nil
    if let reply = incapable(of: transaction) {
      return [
        .finished(
          TransactionOutcome(
            results: transaction.recipients.map { _ in .incapable(reply) }, serverHasDSN: extensions.dsn)),
        .ready(extensions),
      ]
    }
    self.transaction = transaction
    expected.append(.mail)
    var bytes = mailLine(transaction)
    if extensions.pipelining { bytes += recipientLines() }
    return [.send(bytes)]
  }

  /// The driver has sent the content and its end.
  public mutating func contentSent() -> [Action] {
    expected.append(.content)
    return []
  }

  /// The driver sends a chunk that is not the last; its reply is waited for here. Gives the command line.
  public mutating func chunk(of size: Int) -> [UInt8] {
    expected.append(.chunk)
    return Array("BDAT \(size)\r\n".utf8)
  }

  // MARK: Replies

  mutating func transactionAnswered(_ expectation: Expectation, _ reply: Reply) -> [Action] {
    guard let transaction else { return expectation == .reset ? [] : strayReply() }
    // The server is about to close (RFC 5321 §3.8): all that is open is refused for now.
    if reply.code == 421, expectation != .reset { return fail(.refused(reply, to: "a command")) }
    switch expectation {
    case .mail:
      if !reply.isPositive { refusal = reply }
      return goOn(transaction)
    case .recipient(let index):
      guard results.indices.contains(index) else { return strayReply() }
      if reply.isPositive {
        accepted.insert(index)
      } else {
        results[index] = .refused(refusal ?? asRecipientReply(reply))
      }
      return goOn(transaction)
    case .data:
      return reply.isIntermediate ? [.sendContent(.dot)] : settle(with: reply)
    case .chunk:
      // A failed chunk fails the message; the server refuses what is sent behind it too (RFC 3030 §2).
      if !reply.isPositive { refusal = refusal ?? reply }
      return []
    case .content:
      if let refusal { return settle(with: refusal) }
      for index in accepted { results[index] = reply.isPositive ? .accepted(reply) : .refused(asRefusal(reply)) }
      return finish()
    default:
      return finish()
    }
  }

  /// Names more recipients, or begins the content, or ends a transaction that came to nothing.
  private mutating func goOn(_ transaction: ClientTransaction) -> [Action] {
    if refusal == nil, nextRecipient < transaction.recipients.count {
      let lines = recipientLines()
      return lines.isEmpty ? [] : [.send(lines)]
    }
    guard expected.isEmpty else { return [] }
    if let refusal { return settle(with: refusal) }
    guard !accepted.isEmpty else { return settle(with: nil) }
    if settings.prefersChunking, extensions.chunking { return [.sendContent(.chunks)] }
    expected.append(.data)
    return [.send(Array("DATA\r\n".utf8))]
  }

  /// Nothing was taken: whoever has no refusal yet gets this one, and the server is told to forget the transaction.
  mutating func settle(with reply: Reply?) -> [Action] {
    if let reply {
      for index in results.indices where results[index] == nil { results[index] = .refused(asRefusal(reply)) }
    }
    expected.append(.reset)
    return [.send(Array("RSET\r\n".utf8))]
  }

  private mutating func finish() -> [Action] {
    guard let transaction else { return [] }
    self.transaction = nil
    let outcome = TransactionOutcome(
      results: transaction.recipients.indices.map { results[$0] ?? .lost("the recipient was not named") },
      serverHasDSN: extensions.dsn)
    return [.finished(outcome), .ready(extensions)]
  }

  /// A reply that is neither yes nor no counts as a failure that may pass.
  private func asRefusal(_ reply: Reply) -> Reply {
    reply.code >= 400 ? reply : Reply(451, "4.5.0", "unexpected reply: \(reply)")
  }

  private mutating func strayReply() -> [Action] {
    fail(.protocolViolation("the server sent a reply to nothing"))
  }

  /// RFC 5321 §4.5.3.1.10: 552 for too many recipients means 452. Only when others were accepted before it.
  private func asRecipientReply(_ reply: Reply) -> Reply {
    guard reply.code == 552, reply.enhanced == EnhancedCode(5, 5, 3) else { return reply }
    return Reply(452, EnhancedCode(4, 5, 3), reply.lines)
  }

  // MARK: Lines

  /// What this server cannot do that the message needs (RFC 1870 §6, RFC 6152, RFC 6531 §3.2).
  private func incapable(of transaction: ClientTransaction) -> Reply? {
    if transaction.requiresTLS, transaction.reversePath != nil {
      guard isEncrypted else {
        return Reply(550, "5.7.10", "the message may go through TLS only, and this session has none")
      }
      guard extensions.requireTLS else {
        return Reply(550, "5.7.30", "the next server does not offer REQUIRETLS, which this message needs")
      }
    }
    if transaction.needsSMTPUTF8, !extensions.smtputf8 {
      return Reply(550, "5.6.7", "the next server does not offer SMTPUTF8, which this message needs")
    }
    if transaction.needs8BitMIME, !extensions.eightBitMIME {
      return Reply(554, "5.6.3", "the next server does not offer 8BITMIME, which this message needs")
    }
    if let limit = extensions.sizeLimit, transaction.size > limit {
      return Reply(552, "5.3.4", "the next server takes no message of more than \(limit) octets")
    }
    return nil
  }

  private func mailLine(_ transaction: ClientTransaction) -> [UInt8] {
    var line = "MAIL FROM:<\(transaction.reversePath?.description ?? "")>"
    if extensions.size { line += " SIZE=\(transaction.size)" }
    if transaction.needs8BitMIME { line += " BODY=8BITMIME" }
    if transaction.needsSMTPUTF8 { line += " SMTPUTF8" }
    if transaction.requiresTLS, isEncrypted, extensions.requireTLS { line += " REQUIRETLS" }
    if extensions.dsn {
      if let returned = transaction.returnedContent { line += " RET=\(returned.rawValue)" }
      if let id = transaction.envelopeID { line += " ENVID=\(String(decoding: Xtext.encode(id.utf8), as: UTF8.self))" }
    }
    return Array(line.utf8) + [0x0d, 0x0a]
  }

  /// One recipient, or with PIPELINING as many as may be unanswered.
  private mutating func recipientLines() -> [UInt8] {
    guard let transaction else { return [] }
    var bytes: [UInt8] = []
    let depth = extensions.pipelining ? ClientMachine.pipelineDepth : 1
    while nextRecipient < transaction.recipients.count, expected.count < depth {
      bytes += recipientLine(transaction.recipients[nextRecipient])
      expected.append(.recipient(nextRecipient))
      nextRecipient += 1
    }
    return bytes
  }

  private func recipientLine(_ recipient: ClientTransaction.Recipient) -> [UInt8] {
    var line = "RCPT TO:<\(recipient.address.description)>"
    if extensions.dsn {
      if let notify = recipient.notify { line += " NOTIFY=\(notify.text)" }
      if let original = recipient.original { line += " ORCPT=\(original.text)" }
    }
    return Array(line.utf8) + [0x0d, 0x0a]
  }
}
