import NIOCore

@testable import Network
@testable import SMTP

/// A driver around ``ServerMachine`` as Reception's is, with lines from the real ``Accumulator`` and no socket.
///
/// The client's bytes come in flights: before it begins TLS a client waits for the reply, so that what was sent behind
/// STARTTLS in one flight, and nothing else, must be forgotten.
private struct Server {
  private(set) var machine: ServerMachine
  private(set) var output: [UInt8] = []
  private(set) var messages: [[UInt8]] = []
  private(set) var chunkedMessages = 0
  private(set) var tlsStarts = 0
  private(set) var isClosed = false

  private let discipline: ContentDecoder.Discipline
  private var input = Accumulator()
  private var dropsRest = false
  private var decoder: ContentDecoder?
  private var waiting: ContentDecoder?
  private var content: [UInt8] = []
  private var chunk: (command: ChunkCommand, left: Int)?
  private var chunks = 0

  init(_ choice: UInt8) {
    var settings = ServerSettings(
      service: choice & 1 == 0 ? .transfer : .submission, hostname: "mx.example.com", sizeLimit: 3000,
      transactionLimit: 4, unknownRecipientLimit: 3, errorLimit: 12, authenticationFailureLimit: 3)
    settings.allowsPlaintextPasswords = choice & 2 != 0
    settings.isLenient = choice & 4 != 0
    if choice & 8 != 0 { settings.requiresAuthentication = false }
    discipline = choice & 4 != 0 ? .normalizing : .strict
    machine = ServerMachine(settings: settings, isEncrypted: choice & 16 != 0)
  }

  /// The network's side of one flight.
  mutating func feed(_ flight: some Sequence<ArraySlice<UInt8>>) throws {
    dropsRest = false
    for piece in flight where !dropsRest && !isClosed {
      input.append(ByteBuffer(bytes: piece))
      while !isClosed, try step() {}
    }
  }

  /// What is known without a look at what comes next.
  private mutating func step() throws -> Bool {
    if chunk != nil { return try readChunk() }
    if decoder != nil { return try readContent() }
    guard let line = input.takeLine(limit: machine.lineLimit - 2) else { return false }
    if line.ending == .tooLong {
      try carryOut(machine.receiveOverlongLine())
    } else {
      try carryOut(machine.receive(line.bytes[...], endsWithCRLF: line.ending == .crlf))
    }
    return true
  }

  private mutating func readContent() throws -> Bool {
    guard var decoder, let bytes = input.takeBytes(upTo: 4096) else { return false }
    let used = bytes.withUnsafeReadableBytes { decoder.decode($0, into: &content) }
    try require(used <= bytes.readableBytes, "the decoder used more than there was")
    self.decoder = decoder
    if used < bytes.readableBytes {
      try require(decoder.isComplete, "the decoder stopped before the end of the content")
      var rest = bytes
      rest.moveReaderIndex(forwardBy: used)
      input.putBack(rest)
    }
    if decoder.isComplete { try contentEnded(decoder) }
    return true
  }

  private mutating func readChunk() throws -> Bool {
    guard let (command, left) = chunk else { return false }
    if left > 0 {
      guard let bytes = input.takeBytes(upTo: left) else { return false }
      if command.refusal == nil, var decoder {
        _ = bytes.withUnsafeReadableBytes { decoder.decode($0, into: &content) }
        self.decoder = decoder
      }
      chunk = (command, left - bytes.readableBytes)
      guard bytes.readableBytes == left else { return true }
    }
    chunk = nil
    try chunkEnded(command)
    return true
  }

  private mutating func chunkEnded(_ command: ChunkCommand) throws {
    guard command.refusal == nil, var decoder else {
      decoder = nil
      return try carryOut(machine.chunkFinished(command, refusal: command.refusal))
    }
    chunks += 1
    if decoder.fault != nil { return try contentEnded(decoder) }
    guard command.isLast else {
      waiting = decoder
      self.decoder = nil
      return try carryOut(machine.chunkFinished(command))
    }
    decoder.finish(into: &content)
    try contentEnded(decoder)
  }

  private mutating func contentEnded(_ decoder: ContentDecoder) throws {
    (self.decoder, waiting) = (nil, nil)
    try require(machine.isInTransaction, "content came outside of a transaction")
    if decoder.fault != nil {
      try carryOut(machine.contentFinished(Reply(550, "5.6.11", "Bare CR or LF in content"), thenClose: true))
    } else {
      try require(isClean(content), "content has a line end that is none: \(content)")
      messages.append(content)
      if decoder.framing == .counted, chunks > 1 { chunkedMessages += 1 }
      try carryOut(machine.contentFinished(Reply(250, "2.0.0", "OK")))
    }
    (content, chunks) = ([], 0)
  }

  private func isClean(_ content: [UInt8]) -> Bool {
    for index in content.indices {
      if content[index] == 10, index == 0 || content[index - 1] != 13 { return false }
      if content[index] == 13, index + 1 == content.count || content[index + 1] != 10 { return false }
    }
    return true
  }

  private mutating func carryOut(_ action: ServerMachine.Action) throws {
    switch action {
    case .reply(let reply), .abandonAuthentication(let reply): try say(reply)
    case .reset(let reply):
      (waiting, content, chunks) = (nil, [], 0)
      try say(reply)
    case .close(let reply):
      try say(reply)
      isClosed = true
    case .hello: try carryOut(machine.helloAnswered(refusal: nil))
    case .startTLS(let reply):
      try say(reply)
      _ = input.drop()
      dropsRest = true
      tlsStarts += 1
      machine.tlsStarted()
      try require(
        !machine.isAuthenticated && machine.hello == nil && !machine.isInTransaction, "TLS kept what was said before")
    case .authenticate(_, let initial):
      if let initial { try check(initial) } else { try say(machine.authenticationChallenge([])) }
    case .continueAuthentication(let response): try check(response)
    case .mail: try carryOut(machine.mailAnswered(refusal: nil))
    case .recipient(let command): try carryOut(machine.recipientAnswered(answer(command)))
    case .data:
      decoder = ContentDecoder(framing: .dot, discipline: discipline, lineLimit: 500)
      try carryOut(machine.dataAnswered(refusal: nil))
    case .chunk(let command):
      if command.refusal == nil {
        decoder =
          command.isFirst ? ContentDecoder(framing: .counted, discipline: discipline, lineLimit: 500) : waiting
        try require(decoder != nil, "a chunk came that belongs to no content")
      }
      chunk = (command, command.size)
    }
  }

  private func answer(_ command: RecipientCommand) -> ServerMachine.RecipientAnswer {
    if command.address.localPart.hasPrefix("no") { return .unknown(Reply(550, "5.1.1", "No such user")) }
    if command.address.localPart.hasPrefix("full") { return .refused(Reply(452, "4.2.2", "Mailbox full")) }
    return .accepted(nil)
  }

  private mutating func check(_ response: [UInt8]) throws {
    if response == Array("\0a\0b".utf8) {
      try say(machine.authenticationAccepted())
    } else if response.isEmpty {
      try say(machine.authenticationChallenge(Array("more".utf8)))
    } else {
      try carryOut(machine.authenticationRefused())
    }
  }

  private mutating func say(_ reply: Reply) throws {
    let bytes = reply.encoded()
    try require((200...599).contains(reply.code), "\(reply.code) is no code of SMTP")
    let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).dropLast()
    try require(bytes.last == 10, "a reply does not end its line")
    for line in lines {
      try require(
        line.count < 512 && line.last == 13 && !line.dropLast().contains(13), "a reply has a bad line: \(text(line))")
    }
    output += bytes
  }
}

extension FuzzTarget {
  /// SMTP sessions: the first byte chooses the port and its settings, the second how far the session is.
  static let smtpServer = FuzzTarget(
    "smtp-server",
    covers: [
      "SMTP/ServerMachine.swift", "SMTP/ServerMachine+Session.swift", "SMTP/ServerMachine+Transaction.swift",
      "SMTP/CommandTable.swift", "SMTP/ContentDecoder.swift", "SMTP/PathGrammar.swift", "SMTP/MailParameters.swift",
      "SMTP/Parameters.swift", "SMTP/Reply.swift",
    ],
    words: [
      "EHLO c\r\n", "HELO c\r\n", "MAIL FROM:<", "MAIL FROM:<>\r\n", "RCPT TO:<", "a@x.org>", "@a,@b:",
      "\"a b\"@x.org>",
      "<Postmaster>", "a@[192.0.2.1]>", "a@[IPv6:::1]>", " SIZE=10", " BODY=8BITMIME", " BODY=7BIT", " SMTPUTF8",
      " RET=HDRS",
      " RET=FULL", " ENVID=a+2Bb", " AUTH=<>", " NOTIFY=NEVER", " NOTIFY=SUCCESS,DELAY", " ORCPT=rfc822;a",
      " ORCPT=utf-8;",
      "DATA\r\n", "\r\n.\r\n", "\r\n", "BDAT 3\r\n", "BDAT 0 LAST\r\n", "BDAT 5 LAST\r\n", "RSET\r\n", "NOOP\r\n",
      "QUIT\r\n",
      "VRFY a\r\n", "EXPN a\r\n", "HELP\r\n", "STARTTLS\r\n\u{1e}", "AUTH PLAIN\r\n", "AUTH PLAIN AGEAYg==\r\n",
      "AUTH LOGIN =\r\n",
      "AUTH SCRAM-SHA-256 ", "AGEAYg==\r\n", "*\r\n", "..", "é", "no", "full", "\n", "\r",
    ],
    seeds: [
      "\u{0}\u{0}EHLO c\r\nMAIL FROM:<a@x.org> SIZE=9 BODY=8BITMIME RET=FULL\r\nRCPT TO:<b@y.org> NOTIFY=DELAY\r\nDATA\r\nx: y\r\n\r\n..\r\n.\r\nQUIT\r\n",
      "\u{0}\u{1}MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nBDAT 5\r\na: b\rBDAT 1 LAST\r\n\n",
      "\u{1}\u{1}STARTTLS\r\nNOOP\r\n\u{1e}EHLO c\r\nAUTH PLAIN\r\nAGEAYg==\r\n",
      "\u{3}\u{1}AUTH LOGIN\r\n*\r\nAUTH PLAIN AGEAYg==\r\nRSET\r\n",
      "\u{0}\u{3}RCPT TO:<nobody@x.org>\r\nRCPT TO:<\"a b\"@[IPv6:::1]> ORCPT=utf-8;é\r\n", "\u{0}\u{4}x\r\n.\r\n",
      "\u{4}\u{3}DATA\nx\n.\r\n", "\u{0}\u{5}abcBDAT 0 LAST\r\n",
    ]
  ) { bytes in
    guard bytes.count >= 2 else { return }
    let beginnings = [
      "", "EHLO c\r\n", "EHLO c\r\n\u{1e}STARTTLS\r\n\u{1e}EHLO c\r\n",
      "EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@y.org>\r\n",
      "EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@y.org>\r\nDATA\r\n",
      "EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@y.org>\r\nBDAT 3\r\n",
      "EHLO c\r\nAUTH PLAIN AGEAYg==\r\n", "HELO c\r\n",
    ]
    let session = Array(beginnings[Int(bytes[1]) % beginnings.count].utf8) + bytes.dropFirst(2)
    let flights = session.split(separator: 0x1e, omittingEmptySubsequences: false)
    var whole = Server(bytes[0])
    var torn = Server(bytes[0])
    for flight in flights {
      try whole.feed([flight])
      try torn.feed(pieces(Array(flight)))
    }
    try require(whole.output == torn.output, "the replies depend on how the bytes were split")
    try require(whole.messages == torn.messages, "the messages depend on how the bytes were split")
    try require(whole.messages.reduce(0) { $0 + $1.count } <= session.count * 2 + 2, "there is more content than came")
    try Planted.bug(where: whole.tlsStarts > 0 && whole.chunkedMessages > 0)
  }
}
