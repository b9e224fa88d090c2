internal import Message

/// The commands that make up a mail transaction: MAIL, RCPT, DATA, BDAT.
extension ServerMachine {
  mutating func mail(_ argument: ArraySlice<UInt8>) -> Action {
    guard let text = after("FROM:", argument) else {
      return failure(Reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]"))
    }
    guard transactions < settings.transactionLimit else {
      return close(Reply(421, "4.5.3", "Too many messages in one session"))
    }
    var grammar = PathGrammar(text)
    var path: PathGrammar.Mailbox?
    if !grammar.nullPath() {
      path = self.path(&grammar, allowsBarePostmaster: false)
      guard path != nil else { return failure(Reply(501, "5.1.7", "The sender's address is not well formed")) }
    }
    guard text.count - grammar.rest.count <= ProtocolLimits.path else {
      return failure(Reply(501, "5.1.7", "Path too long"))
    }
    var command = MailCommand(reversePath: nil)
    if let refusal = MailParameters.read(grammar.rest, into: &command, settings: settings) { return failure(refusal) }
    // RFC 8689 §2: only within TLS, where alone it is announced.
    guard isEncrypted || !command.requiresTLS else {
      return failure(Reply(555, "5.5.4", "REQUIRETLS is offered within TLS only: use STARTTLS first"))
    }
    if let path {
      // RFC 6531 §3.5: 550 for MAIL.
      guard path.isASCII || command.smtputf8 else {
        return failure(Reply(550, "5.6.7", "An address beyond ASCII needs the SMTPUTF8 parameter"))
      }
      guard let address = address(path) else {
        return failure(Reply(501, "5.1.7", "The sender's address is not well formed"))
      }
      command.reversePath = address
    }
    return begin(command)
  }

  mutating func recipient(_ argument: ArraySlice<UInt8>) -> Action {
    guard let text = after("TO:", argument) else {
      return failure(Reply(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]"))
    }
    named = true
    guard accepted < settings.recipientLimit else {
      // RFC 5321 §4.5.3.1.10. Not counted as an error: a client that knows of no limit may go on for long.
      return .reply(Reply(452, "4.5.3", "Too many recipients"))
    }
    var grammar = PathGrammar(text)
    guard let path = path(&grammar, allowsBarePostmaster: true) else {
      return failure(Reply(501, "5.1.3", "The recipient's address is not well formed"))
    }
    guard text.count - grammar.rest.count <= ProtocolLimits.path else {
      return failure(Reply(501, "5.1.3", "Path too long"))
    }
    // RFC 6531 §3.5: 553 for RCPT.
    guard path.isASCII || isInternationalized else {
      return failure(Reply(553, "5.6.7", "An address beyond ASCII needs the SMTPUTF8 parameter of MAIL"))
    }
    guard let address = address(path) else {
      return failure(Reply(501, "5.1.3", "The recipient's address is not well formed"))
    }
    var command = RecipientCommand(address: address)
    command.isBarePostmaster = path.domain == nil
    if let refusal = RecipientParameters.read(grammar.rest, into: &command) { return failure(refusal) }
    return .recipient(command)
  }

  mutating func data(_ argument: ArraySlice<UInt8>) -> Action {
    guard argument.isEmpty else { return failure(Reply(501, "5.5.4", "DATA has no parameters")) }
    guard accepted > 0 else { return failure(noRecipients) }
    phase = .data
    return .data
  }

  /// BDAT is answered only after its octets have been read, refused or not (RFC 3030 §2).
  mutating func chunk(_ argument: ArraySlice<UInt8>) -> Action {
    let words = argument.split(separator: 0x20)
    let isLast = words.count == 2 && words[1].uppercased == Array("LAST".utf8)
    guard let size = words.first.flatMap(ServerMachine.octets), words.count == 1 || isLast else {
      // Where the octets end cannot be known, so what follows must not be taken for commands.
      return close(Reply(501, "5.5.4", "Syntax: BDAT size [LAST]"))
    }
    var command = ChunkCommand(size: size, isLast: isLast, isFirst: phase == .mail, refusal: nil)
    if let refusal = chunkRefusal {
      // Counted as every mistake, but the session cannot end before the octets have been read.
      if case .close(let last) = failure(refusal) { command.refusal = last } else { command.refusal = refusal }
      if phase == .mail { phase = .chunksFailed }
      return .chunk(command)
    }
    phase = .chunks
    return .chunk(command)
  }

  private var chunkRefusal: Reply? {
    if settings.requiresAuthentication, !isAuthenticated { return Reply(530, "5.7.0", "Authentication required") }
    switch phase {
    case .chunks: return nil
    case .mail: return accepted > 0 ? nil : noRecipients
    case .chunksFailed: return Reply(503, "5.5.1", "A chunk failed: send RSET first")
    default: return Reply(503, "5.5.1", "Need MAIL command")
    }
  }

  /// RFC 5321 §3.3.
  private var noRecipients: Reply {
    named ? Reply(554, "5.5.1", "No valid recipients") : Reply(503, "5.5.1", "Need RCPT command")
  }

  /// A count of octets: digits only, at most 18 of them, so that sums cannot overflow.
  static func octets(_ text: ArraySlice<UInt8>) -> Int? {
    guard (1...18).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// What stands behind `FROM:` or `TO:`. A space after the colon is wrong, common and harmless.
  private func after(_ word: String, _ argument: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let word = Array(word.utf8)
    guard argument.prefix(word.count).uppercased == word else { return nil }
    return argument.dropFirst(word.count).drop { $0 == 0x20 }
  }

  /// A path in brackets; from a device also a mailbox without them.
  private func path(_ grammar: inout PathGrammar, allowsBarePostmaster: Bool) -> PathGrammar.Mailbox? {
    if settings.isLenient, grammar.rest.first != UInt8(ascii: "<") {
      return grammar.mailbox(allowsBarePostmaster: allowsBarePostmaster)
    }
    return grammar.path(allowsBarePostmaster: allowsBarePostmaster)
  }

  /// `Postmaster` alone is ours (RFC 5321 §4.5.1).
  private func address(_ mailbox: PathGrammar.Mailbox) -> EmailAddress? {
    EmailAddress(
      localPart: String(decoding: mailbox.localPart, as: UTF8.self),
      domain: mailbox.domain.map { String(decoding: $0, as: UTF8.self) } ?? settings.hostname)
  }
}
