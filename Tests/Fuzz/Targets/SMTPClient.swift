import Message
import NIOCore
import Network

@testable import Network
@testable import SMTP

/// Plays a server's lines against ``ClientMachine``, as Relay's session does.
private struct Client {
  var machine: ClientMachine
  private(set) var outcomes: [TransactionOutcome] = []
  private(set) var isOver = false
  private(set) var isSending = false
  private var transactions: [ClientTransaction]
  private(set) var contents = 0

  init(_ choice: UInt8) {
    let policies: [ClientMachine.TLSPolicy] = [.never, .opportunistic, .required, .opportunistic]
    var settings = ClientMachine.Settings(
      name: "client.example", tls: policies[Int(choice & 3)],
      credentials: choice & 4 == 0 ? nil : Credentials(user: "a,b=c", password: "secret"), nonce: Array("nonce".utf8))
    settings.allowsPlaintextAuthentication = choice & 8 != 0
    settings.prefersChunking = choice & 16 != 0
    machine = ClientMachine(settings: settings, isEncrypted: choice & 32 != 0)
    let names = ["a@example.org", "\"b c\"@example.org", choice & 64 == 0 ? "d@example.org" : "ä@example.org"]
    let recipients = names.compactMap { EmailAddress($0) }.map {
      ClientTransaction.Recipient($0, notify: [.failure], original: OriginalAddress(type: "rfc822", address: "x+y"))
    }
    let message = ClientTransaction(
      reversePath: EmailAddress("s@example.org"), recipients: recipients, size: 100, needs8BitMIME: choice & 128 != 0,
      needsSMTPUTF8: choice & 64 != 0, returnedContent: .headers, envelopeID: "id=1")
    transactions = [message, message]
  }

  mutating func hear(_ line: [UInt8]) throws {
    try carryOut(machine.receive(line[...]))
    try require(machine.timeLimit > .zero, "there is no time limit")
  }

  mutating func carryOut(_ actions: [ClientMachine.Action]) throws {
    for action in actions {
      switch action {
      case .send(let bytes): try send(bytes)
      case .startTLS: try carryOut(machine.tlsEstablished())
      case .derive: try carryOut(machine.keyDerived([UInt8](repeating: 7, count: 32)))
      case .ready:
        if transactions.isEmpty {
          try carryOut(machine.quit())
        } else {
          try carryOut(machine.begin(transactions.removeFirst()))
        }
      case .sendContent(.dot):
        contents += 1
        try carryOut(machine.contentSent())
      case .sendContent(.chunks):
        contents += 1
        try send(machine.chunk(of: 10))
        if machine.isContentRefused {
          try carryOut(machine.contentStopped())
        } else {
          try carryOut(machine.contentSent())
        }
      case .finished(let outcome):
        try require(outcome.results.count == 3, "an outcome has \(outcome.results.count) results for 3 recipients")
        outcomes.append(outcome)
      case .failed(let failure):
        _ = failure.description
        isOver = true
      case .close: isOver = true
      }
    }
  }

  /// Whatever the server says, only whole lines of ours go out.
  private func send(_ bytes: [UInt8]) throws {
    try require(bytes.last == 10, "a command does not end its line: \(text(bytes))")
    for line in bytes.dropLast().split(separator: 10, omittingEmptySubsequences: false) {
      try require(line.last == 13 && !line.dropLast().contains(13) && !line.contains(0), "not one line: \(text(line))")
      try require(line.count < 13_000, "a line of \(line.count) octets")
    }
  }
}

extension FuzzTarget {
  /// What a server may say to our client: replies, extensions, challenges. The first byte chooses the client's settings.
  static let smtpClient = FuzzTarget(
    "smtp-client",
    covers: [
      "SMTP/ReplyParser.swift", "SMTP/ClientMachine.swift", "SMTP/ClientMachine+Transaction.swift",
      "SMTP/Extensions.swift",
      "SMTP/ClientMachine+Chunks.swift",
    ],
    words: [
      "220 x\r\n", "250 x\r\n", "250-x\r\n", "250-PIPELINING\r\n", "250-SIZE 99\r\n", "250-8BITMIME\r\n",
      "250-SMTPUTF8\r\n",
      "250-CHUNKING\r\n", "250-DSN\r\n", "250-STARTTLS\r\n", "250-AUTH PLAIN LOGIN SCRAM-SHA-256\r\n",
      "250-LIMITS RCPTMAX=1 MAILMAX=2\r\n",
      "250 OK\r\n", "354 go\r\n", "235 2.7.0 yes\r\n", "334 \r\n", "334 VXNlcm5hbWU6\r\n", "550 5.1.1 no\r\n",
      "550-5.1.1 no\r\n",
      "421 4.3.2 bye\r\n", "452 4.5.3 many\r\n", "454 no\r\n", "500 what\r\n", "503 no\r\n", "250", "-", "\r\n",
      "334 cj1ub25jZXgscz1hYmNkLGk9NDA5Ng==\r\n",
    ],
    seeds: [
      "\u{0}220 x\r\n250-x\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 DSN\r\n250 a\r\n250 b\r\n550 5.1.1 c\r\n250 d\r\n354 e\r\n250 f\r\n",
      "\u{1}220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n250 x\r\n250 a\r\n250 b\r\n250 c\r\n250 d\r\n354 e\r\n250 f\r\n",
      "\u{2c}220 x\r\n250-x\r\n250 AUTH SCRAM-SHA-256\r\n334 cj1ub25jZXgscz1hYmNkLGk9NDA5Ng==\r\n334 dj1hYmNk\r\n235 x\r\n",
      "\u{2c}220 x\r\n250-x\r\n250 AUTH LOGIN\r\n334 a\r\n334 a\r\n235 x\r\n250 a\r\n",
      "\u{2c}220 x\r\n250-x\r\n250 AUTH PLAIN\r\n235 x\r\n",
      "\u{10}220 x\r\n250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n250 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n250 f\r\n221 x\r\n",
      "\u{0}220 x\r\n500 x\r\n250 x\r\n250 x\r\n421 bye\r\n",
    ]
  ) { bytes in
    guard let choice = bytes.first else { return }
    var client = Client(choice)
    var input = Accumulator()
    input.append(ByteBuffer(bytes: bytes.dropFirst()))
    while !client.isOver, let line = input.takeLine(limit: ReplyParser.lineLimit), line.ending != .tooLong {
      try client.hear(line.bytes)
    }
    let scramOnly = client.machine.extensions.mechanisms == ["SCRAM-SHA-256"]
    try require(!(scramOnly && client.machine.isAuthenticated), "a server that cannot know the password was believed")
    if let lost = client.machine.connectionLost("the connection ended") {
      try require(lost.results.count == 3, "an outcome has \(lost.results.count) results for 3 recipients")
    }
    try require(client.machine.connectionLost("again") == nil, "a transaction has two ends")
    try require(client.outcomes.count <= 2, "two transactions have \(client.outcomes.count) outcomes")
    try Planted.bug(
      where: client.outcomes.first.map { outcome in
        outcome.serverHasDSN
          && outcome.results.contains { if case .refused(let reply) = $0 { reply.code == 452 } else { false } }
          && outcome.results.contains { if case .accepted = $0 { true } else { false } }
      } ?? false)
  }

  /// What a client writes and we read: paths, parameters, xtext, each on its own.
  static let smtpGrammar = FuzzTarget(
    "smtp-grammar",
    covers: ["SMTP/PathGrammar.swift", "SMTP/Parameters.swift", "SMTP/MailParameters.swift", "SMTP/Xtext.swift"],
    words: [
      "<", ">", "@", "\"", "\\", ".", "[", "]", "IPv6:", "192.0.2.1", "::1", "x.org", "postmaster", "@a,@b:", "+2B",
      "=", ";",
      " SIZE=", " BODY=8BITMIME", " BODY=7BIT", " BODY=BINARYMIME", " SMTPUTF8", " RET=FULL", " RET=HDRS", " ENVID=",
      " AUTH=<>", " AUTH=a+2Bb",
      " NOTIFY=", "NEVER", "SUCCESS", "FAILURE", "DELAY", ",", " ORCPT=", "rfc822;", "utf-8;", "\\x{e9}", "é",
    ],
    seeds: [
      "<@a,@b:\"a\\\"b\"@x.org> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=a+2B AUTH=<>",
      "<a.b@[IPv6:::1]> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;é",
      "<Postmaster> NOTIFY=NEVER ORCPT=rfc822;a+2Bb", "<> AUTH=a+2Bb@c RET=HDRS BODY=7BIT",
    ]
  ) { bytes in
    var grammar = PathGrammar(bytes[...])
    if grammar.nullPath() { _ = grammar.rest }
    let mailbox = grammar.path(allowsBarePostmaster: true)
    if let mailbox, let domain = mailbox.domain {
      try require(!domain.isEmpty && domain.count <= ProtocolLimits.domain, "a domain of \(domain.count) octets")
      // What a path has, EmailAddress can hold, or refuses; what it holds it writes so that it is read as the same.
      if let address = EmailAddress(localPart: text(mailbox.localPart), domain: text(domain)) {
        try require(EmailAddress("\(address)") == address, "\(address) is another address when it is read again")
      }
    }
    let rest = mailbox == nil ? bytes[...] : grammar.rest
    let settings = ServerSettings(service: .submission, hostname: "x", sizeLimit: 1000)
    var mail = MailCommand(reversePath: nil)
    let mailReply = MailParameters.read(rest, into: &mail, settings: settings)
    if mailReply == nil {
      try Planted.bug(
        where: mail.smtputf8 && mail.returnedContent == .headers && mail.envelopeID?.contains("+") == true)
    }
    if let size = mail.size { try require(size >= 0, "a size below nothing") }
    if let address = EmailAddress("a@x.org") {
      var recipient = RecipientCommand(address: address)
      _ = RecipientParameters.read(rest, into: &recipient)
      if let original = recipient.original {
        try require(
          OriginalAddress(Array(original.text.utf8)[...]) == original, "\(original.text) is read as another ORCPT")
      }
      if let notify = recipient.notify {
        try require(
          NotifyConditions(Array(notify.text.utf8)[...]) == notify, "\(notify.text) is read as another NOTIFY")
      }
    }
    try require(Xtext.decode(Xtext.encode(bytes)[...]) == bytes, "xtext does not come back")
    if let decoded = Xtext.decode(bytes[...]) { try require(decoded.count <= bytes.count, "xtext grew") }
  }
}
