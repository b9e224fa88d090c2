import Message
import Platform
import Testing

@testable import SMTP

/// Plays the server's lines against the client; collects what the client does, as text.
private struct ScriptedClient {
  var machine: ClientMachine
  var log: [String] = []
  var outcome: TransactionOutcome?
  var failure: ClientMachine.Failure?
  var transactions: [ClientTransaction]
  var content = "Subject: x\r\n\r\n.dot\r\n"

  init(
    _ tls: ClientMachine.TLSPolicy = .never, encrypted: Bool = false, credentials: Credentials? = nil,
    transactions: [ClientTransaction] = [], change: (inout ClientMachine.Settings) -> Void = { _ in }
  ) {
    var settings = ClientMachine.Settings(
      name: "client.example", tls: tls, credentials: credentials, nonce: Array("rOprNGfwEbeRWgbNEkqO".utf8))
    change(&settings)
    machine = ClientMachine(settings: settings, isEncrypted: encrypted)
    self.transactions = transactions
  }

  mutating func hear(_ lines: String...) {
    for line in lines { carryOut(machine.receive(Array(line.utf8)[...])) }
  }

  mutating func carryOut(_ actions: [ClientMachine.Action]) {
    for action in actions {
      switch action {
      case .send(let bytes): log += text(bytes)
      case .startTLS:
        log.append("(TLS)")
        carryOut(machine.tlsEstablished())
      case .derive(let derivation):
        let key = try? pbkdf2SHA256(
          password: derivation.password, salt: derivation.salt, iterations: derivation.iterations)
        carryOut(machine.keyDerived(key ?? []))
      case .ready:
        log.append("(ready)")
        if !transactions.isEmpty { carryOut(machine.begin(transactions.removeFirst())) }
      case .sendContent(.dot):
        var encoder = DotEncoder()
        var wire: [UInt8] = []
        encoder.encode(content.utf8, into: &wire)
        encoder.finish(into: &wire)
        log += text(wire)
        carryOut(machine.contentSent())
      case .sendContent(.chunks):
        log += text(machine.chunk(of: content.utf8.count))
        log += text(Array(content.utf8))
        log += text(ClientMachine.lastChunk)
        carryOut(machine.contentSent())
      case .finished(let outcome): self.outcome = outcome
      case .failed(let failure): self.failure = failure
      case .close: log.append("(close)")
      }
    }
  }

  private func text(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false).dropLast()
      .map(String.init)
  }

  /// What was done since the last call.
  mutating func done() -> [String] {
    defer { log = [] }
    return log
  }
}

private func address(_ text: String) -> EmailAddress { EmailAddress(text)! }

private func message(
  to recipients: [String] = ["b@y.org"], change: (inout ClientTransaction) -> Void = { _ in }
) -> ClientTransaction {
  var transaction = ClientTransaction(
    reversePath: address("a@x.org"), recipients: recipients.map { ClientTransaction.Recipient(address($0)) }, size: 20)
  change(&transaction)
  return transaction
}

@Suite struct ClientMachineTests {
  @Test func aPlainOldServer() {
    var client = ScriptedClient(transactions: [message(to: ["b@y.org", "c@y.org"])])
    client.hear("220 old", "502 what", "250 hello")
    #expect(client.done() == ["EHLO client.example", "HELO client.example", "(ready)", "MAIL FROM:<a@x.org>"])
    client.hear("250 ok")
    #expect(client.done() == ["RCPT TO:<b@y.org>"])
    client.hear("250 ok", "550 no")
    #expect(client.done() == ["RCPT TO:<c@y.org>", "DATA"])
    #expect(!client.machine.isUncertain)
    #expect(client.machine.timeLimit == .seconds(120))
    client.hear("354 go")
    #expect(client.done() == ["Subject: x", "", "..dot", "."])
    #expect(client.machine.isUncertain)
    #expect(client.machine.timeLimit == .seconds(600))
    client.hear("250 taken")
    #expect(client.outcome?.results == [.accepted(Reply(250, nil, "taken")), .refused(Reply(550, nil, "no"))])
    #expect(client.outcome?.serverHasDSN == false)
    client.carryOut(client.machine.quit())
    client.hear("221 bye")
    #expect(client.done() == ["(ready)", "QUIT", "(close)"])
  }

  @Test func pipeliningAndParameters() {
    let transaction = message(to: ["b@y.org", "c@y.org"]) {
      $0.needs8BitMIME = true
      $0.needsSMTPUTF8 = true
      $0.returnedContent = .full
      $0.envelopeID = "q+1"
      $0.recipients[0].notify = .never
      $0.recipients[0].original = OriginalAddress(type: "rfc822", address: "b=b@y.org")
    }
    var client = ScriptedClient(transactions: [transaction])
    client.hear("220 x", "250-x hello", "250-PIPELINING", "250-SIZE 1000", "250-8bitmime", "250-SMTPUTF8 x", "250 DSN")
    #expect(
      client.done() == [
        "EHLO client.example", "(ready)",
        "MAIL FROM:<a@x.org> SIZE=20 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=q+2B1",
        "RCPT TO:<b@y.org> NOTIFY=NEVER ORCPT=rfc822;b+3Db@y.org", "RCPT TO:<c@y.org>",
      ])
    client.hear("250 ok", "451 later")
    #expect(client.done().isEmpty)
    client.hear("250 ok", "354 go", "250 2.0.0 taken")
    #expect(
      client.outcome
        == TransactionOutcome(
          results: [.refused(Reply(451, nil, "later")), .accepted(Reply(250, "2.0.0", "taken"))], serverHasDSN: true))
  }

  @Test func manyRecipientsGoInGroups() {
    var client = ScriptedClient(transactions: [message(to: (0..<150).map { "u\($0)@y.org" })])
    client.hear("220 x", "250-x", "250 PIPELINING")
    #expect(client.done().count == 2 + 100)
    client.hear("250 ok")
    #expect(client.done() == ["RCPT TO:<u99@y.org>"])
    for _ in 0..<150 { client.hear("250 ok") }
    #expect(client.done().last == "DATA")
  }

  @Test func nobodyIsAccepted() {
    var client = ScriptedClient(transactions: [message()])
    client.hear("220 x", "250-x", "250 PIPELINING", "550 5.7.1 not you", "503 need MAIL")
    #expect(client.done().last == "RSET")
    client.hear("250 ok")
    // The refusal of MAIL is the reason, not the 503 behind it.
    #expect(client.outcome?.results == [.refused(Reply(550, "5.7.1", "not you"))])
    #expect(client.done() == ["(ready)"])
  }

  @Test func whatTheServerCannotDoIsNotAsked() {
    func outcome(_ keywords: String, _ change: (inout ClientTransaction) -> Void) -> RecipientResult? {
      var client = ScriptedClient(transactions: [message(change: change)])
      client.hear("220 x", "250-x", "250 \(keywords)")
      #expect(client.done() == ["EHLO client.example", "(ready)", "(ready)"])
      return client.outcome?.results.first
    }
    guard case .incapable(let utf8)? = outcome("8BITMIME", { $0.needsSMTPUTF8 = true }) else {
      Issue.record("SMTPUTF8 was not missed")
      return
    }
    #expect(utf8.enhanced == EnhancedCode(5, 6, 7))
    guard case .incapable(let body)? = outcome("SMTPUTF8", { $0.needs8BitMIME = true }) else {
      Issue.record("8BITMIME was not missed")
      return
    }
    #expect(body.enhanced == EnhancedCode(5, 6, 3))
    guard case .incapable(let size)? = outcome("SIZE 10", { _ in }) else {
      Issue.record("SIZE was not heeded")
      return
    }
    #expect(size.code == 552)
  }

  @Test func chunking() {
    var client = ScriptedClient(transactions: [message(), message()]) { $0.prefersChunking = true }
    client.hear("220 x", "250-x", "250 CHUNKING", "250 ok", "250 ok")
    #expect(client.done().suffix(5) == ["BDAT 20", "Subject: x", "", ".dot", "BDAT 0 LAST"])
    client.hear("250 got it", "250 taken")
    #expect(client.outcome?.results == [.accepted(Reply(250, nil, "taken"))])
    client.hear("250 ok", "250 ok", "552 5.3.4 too big", "503 no")
    #expect(client.done().last == "RSET")
    client.hear("250 ok")
    #expect(client.outcome?.results == [.refused(Reply(552, "5.3.4", "too big"))])
  }

  @Test func connectionsThatBreak() {
    func outcome(_ lines: [String]) -> TransactionOutcome? {
      var client = ScriptedClient(transactions: [message(to: ["b@y.org", "c@y.org"])])
      for line in ["220 x", "250 x"] + lines { client.hear(line) }
      return client.machine.connectionLost("reset")
    }
    #expect(outcome([])?.results == [.lost("reset"), .lost("reset")])
    #expect(
      outcome(["250 ok", "250 ok", "550 no", "354 go"])?.results == [
        .uncertain("reset"), .refused(Reply(550, nil, "no")),
      ])
    #expect(outcome(["250 ok", "250 ok", "550 no"])?.results == [.lost("reset"), .refused(Reply(550, nil, "no"))])
    var idle = ScriptedClient()
    idle.hear("220 x", "250 x")
    #expect(idle.machine.connectionLost("reset") == nil)
  }

  @Test func theServerCloses() {
    var client = ScriptedClient(transactions: [message(to: ["b@y.org", "c@y.org"])])
    client.hear("220 x", "250 x", "250 ok", "250 ok", "421 4.3.2 shutting down")
    let reply = Reply(421, "4.3.2", "shutting down")
    #expect(client.outcome?.results == [.refused(reply), .refused(reply)])
    #expect(client.failure == .refused(reply, to: "a command"))
    var greeted = ScriptedClient()
    greeted.hear("554 no service")
    #expect(greeted.failure == .refused(Reply(554, nil, "no service"), to: "the connection"))
    var content = ScriptedClient(transactions: [message()])
    content.hear("220 x", "250 x", "250 ok", "250 ok", "354 go", "garbage")
    #expect(content.outcome?.results.first.map { if case .uncertain = $0 { true } else { false } } == true)
  }

  @Test func tls() {
    var client = ScriptedClient(.opportunistic)
    client.hear("220 x", "250-x", "250 STARTTLS", "220 go")
    #expect(client.done() == ["EHLO client.example", "STARTTLS", "(TLS)", "EHLO client.example"])
    #expect(client.machine.isEncrypted && client.machine.extensions == Extensions())
    client.hear("250-x", "250 STARTTLS")
    #expect(client.done() == ["(ready)"])
    var refused = ScriptedClient(.opportunistic)
    refused.hear("220 x", "250-x", "250 STARTTLS", "454 not now")
    #expect(refused.done().last == "(ready)")
    var required = ScriptedClient(.required)
    required.hear("220 x", "250-x", "250 STARTTLS", "454 not now")
    #expect(required.failure == .refused(Reply(454, nil, "not now"), to: "STARTTLS"))
    var missing = ScriptedClient(.required)
    missing.hear("220 x", "250 x")
    #expect(missing.failure != nil)
    #expect(missing.done() == ["EHLO client.example"])
  }

  @Test func passwords() {
    let anna = Credentials(user: "anna", password: "secret")
    var open = ScriptedClient(credentials: anna)
    open.hear("220 x", "250-x", "250 AUTH PLAIN")
    #expect(open.failure == .unsuitable("the password may not be sent without TLS"))
    var plain = ScriptedClient(encrypted: true, credentials: anna)
    plain.hear("220 x", "250-x", "250 AUTH LOGIN PLAIN", "235 ok")
    #expect(plain.done() == ["EHLO client.example", "AUTH PLAIN AGFubmEAc2VjcmV0", "(ready)"])
    var login = ScriptedClient(encrypted: true, credentials: anna)
    login.hear("220 x", "250-x", "250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok")
    #expect(login.done() == ["EHLO client.example", "AUTH LOGIN", "YW5uYQ==", "c2VjcmV0", "(ready)"])
    var wrong = ScriptedClient(encrypted: true, credentials: anna)
    wrong.hear("220 x", "250-x", "250 AUTH PLAIN", "535 5.7.8 no")
    #expect(wrong.failure == .refused(Reply(535, "5.7.8", "no"), to: "AUTH"))
    var none = ScriptedClient(encrypted: true, credentials: anna)
    none.hear("220 x", "250-x", "250 AUTH NTLM")
    #expect(none.failure != nil)
  }

  /// The example of RFC 7677 §3.
  @Test func scram() {
    let server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    func challenge(_ text: String) -> String {
      "334 " + String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self)
    }
    func sent(_ line: String) -> String { String(decoding: Base64.decode(Array(line.utf8)) ?? [], as: UTF8.self) }
    var client = ScriptedClient(encrypted: true, credentials: Credentials(user: "user", password: "pencil"))
    client.hear("220 x", "250-x", "250 AUTH PLAIN SCRAM-SHA-256")
    #expect(sent(String(client.done()[1].dropFirst(19))) == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    client.hear(challenge(server))
    #expect(
      sent(client.done()[0])
        == "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    var impostor = client
    client.hear(challenge("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), "235 ok")
    #expect(client.done() == ["", "(ready)"])
    #expect(client.machine.isAuthenticated)
    // A server that does not know the password cannot have us believe it does.
    var early = impostor
    early.hear("235 ok")
    #expect(early.failure != nil)
    impostor.hear(challenge("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="))
    #expect(impostor.failure != nil)
    var greedy = ScriptedClient(encrypted: true, credentials: Credentials(user: "user", password: "pencil"))
    greedy.hear("220 x", "250-x", "250 AUTH SCRAM-SHA-256")
    greedy.hear(challenge(server.replacing("i=4096", with: "i=2000000000")))
    #expect(greedy.failure != nil)
  }

  @Test func limitsOfTheServer() {
    let extensions = Extensions(Reply(250, nil, ["x", "LIMITS RCPTMAX=20 mailmax=5 FOO", "SIZE 0"]))
    #expect(extensions.recipientLimit == 20 && extensions.transactionLimit == 5 && extensions.sizeLimit == nil)
  }

  /// Both machines with each other, in one process.
  @Test func bothSidesAgree() {
    for chunking in [false, true] {
      var client = ScriptedClient(transactions: [message(to: ["b@y.org", "nobody@y.org"]), message()]) {
        $0.prefersChunking = chunking
      }
      var server = ScriptedServer()
      client.hear("220 mx.example.com")
      for _ in 0..<20 {
        let lines = client.done().filter { !$0.hasPrefix("(") }
        if lines.isEmpty { break }
        server.feed(lines.map { $0 + "\r\n" }.joined())
        for line in server.said().split(separator: "\r\n") { client.hear(String(line)) }
      }
      #expect(server.messages == [client.content, client.content])
      #expect(client.outcome?.results.count == 1)
    }
  }

  @Test func garbageEndsTheSession() {
    var generator = SplitMix(state: 5)
    for _ in 0..<500 {
      var client = ScriptedClient(.opportunistic, transactions: [message()])
      for _ in 0..<30 {
        let good = ["220 x", "250-x", "250 STARTTLS", "250 ok", "354 x", "421 x", "550 x", "250-PIPELINING"]
        if Int.random(in: 0..<10, using: &generator) > 0 {
          client.hear(good[Int.random(in: 0..<good.count, using: &generator)])
        } else {
          let noise = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
          }
          client.carryOut(client.machine.receive(noise[...]))
        }
      }
      _ = client.machine.connectionLost("end")
      if let outcome = client.outcome { #expect(outcome.results.count == 1) }
    }
  }
}

@Suite struct ClientRequireTLSTests {
  private func open(
    _ keywords: [String], encrypted: Bool = true, demands: Bool = false, sender: Bool = true
  ) -> ScriptedClient {
    let transaction = message {
      $0.requiresTLS = true
      if !sender { $0.reversePath = nil }
    }
    var client = ScriptedClient(encrypted: encrypted, transactions: [transaction]) { $0.demandsRequireTLS = demands }
    client.hear("220 hello")
    for line in ["mx.example"] + keywords { client.hear("250-\(line)") }
    client.hear("250 HELP")
    return client
  }

  @Test func itIsPassedOn() {
    var client = open(["REQUIRETLS"], demands: true)
    #expect(client.done().last?.hasSuffix(" REQUIRETLS") == true)
  }

  @Test func aServerWithoutItGetsNothing() {
    let client = open([])
    #expect(client.outcome?.results.map(isRefusal) == ["5.7.30"])
    #expect(open(["REQUIRETLS"], encrypted: false).outcome?.results.map(isRefusal) == ["5.7.10"])
    guard case .unsuitable? = open([], demands: true).failure else {
      Issue.record("the session went on")
      return
    }
  }

  /// RFC 8689 §5: a notification goes all the same.
  @Test func aNotificationGoesWithoutIt() {
    var client = open([], sender: false)
    let lines = client.done()
    #expect(lines.contains { $0.hasPrefix("MAIL FROM:<>") } && !lines.contains { $0.contains("REQUIRETLS") })
    var better = open(["REQUIRETLS"], sender: false)
    #expect(better.done().contains { $0.hasPrefix("MAIL FROM:<>") && $0.hasSuffix("REQUIRETLS") })
  }

  private func isRefusal(_ result: RecipientResult) -> String {
    if case .incapable(let reply) = result { "\(reply.status)" } else { "\(result)" }
  }
}
