import Testing

@testable import SMTP

@Suite struct ServerMachineTests {
  /// The codes of all replies, the last line of each.
  private func codes(_ server: inout ScriptedServer, _ input: String) -> [String] {
    server.feed(input)
    return server.said().split(separator: "\r\n").filter { $0.count < 4 || $0.dropFirst(3).first == " " }.map { line in
      let words = line.split(separator: " ")
      let hasEnhanced = words.count > 1 && EnhancedCode(words[1]) != nil
      return hasEnhanced ? "\(words[0]) \(words[1])" : String(words[0])
    }
  }

  private func codes(_ input: String, change: (inout ServerSettings) -> Void = { _ in }) -> [String] {
    var server = ScriptedServer(change: change)
    return codes(&server, input)
  }

  @Test func aWholeSession() {
    var server = ScriptedServer()
    server.feed("EHLO client.example.org\r\n")
    #expect(
      server.said() == """
        250-mx.example.com greets client.example.org\r
        250-PIPELINING\r
        250-SIZE 100000\r
        250-8BITMIME\r
        250-SMTPUTF8\r
        250-CHUNKING\r
        250-DSN\r
        250-ENHANCEDSTATUSCODES\r
        250-LIMITS RCPTMAX=1000 MAILMAX=1000\r
        250-STARTTLS\r
        250 HELP\r

        """)
    let got = codes(
      &server,
      "MAIL FROM:<a@example.org> SIZE=20 BODY=8BITMIME RET=HDRS ENVID=q+2Bq\r\n"
        + "RCPT TO:<b@example.com> NOTIFY=success,delay ORCPT=rfc822;b+2Bx@example.com\r\n"
        + "DATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n")
    #expect(got == ["250 2.1.0", "250 2.1.5", "354", "250 2.0.0", "221 2.0.0"])
    #expect(server.messages == ["Subject: x\r\n\r\n.\r\n"])
    #expect(server.mails[0].size == 20 && server.mails[0].is8BitMIME == true)
    #expect(server.mails[0].returnedContent == .headers && server.mails[0].envelopeID == "q+q")
    #expect(server.recipients[0].notify == [.success, .delay])
    #expect(server.recipients[0].original == OriginalAddress(type: "rfc822", address: "b+x@example.com"))
    #expect(server.isClosed)
  }

  @Test func nothingDependsOnTheSplits() {
    let script =
      "EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@y.org>\r\nRCPT TO:<nobody@y.org>\r\nBDAT 5\r\na: b\rBDAT 7 LAST\r\n"
      + "\n\r\n..\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nDATA\r\nx: y\r\n\r\n.\r\nDATA\r\nBDAT x\r\n"
    var whole = ScriptedServer()
    whole.feed(script)
    #expect(whole.messages.count == 2)
    #expect(whole.isClosed)
    var generator = SplitMix(state: 1)
    for round in 0..<60 {
      var server = ScriptedServer()
      var rest = Array(script.utf8)[...]
      while !rest.isEmpty {
        let size = round == 0 ? 1 : Int.random(in: 1...40, using: &generator)
        server.feed(rest.prefix(size))
        rest = rest.dropFirst(size)
      }
      #expect(server.output == whole.output && server.messages == whole.messages)
    }
  }

  @Test func ordersOfCommands() {
    #expect(codes("MAIL FROM:<a@x.org>\r\n") == ["503 5.5.1"])
    #expect(codes("HELO c\r\nRCPT TO:<b@y.org>\r\nDATA\r\n") == ["250", "503 5.5.1", "503 5.5.1"])
    #expect(
      codes("HELO c\r\nMAIL FROM:<a@x.org>\r\nMAIL FROM:<a@x.org>\r\nDATA\r\n")
        == ["250", "250 2.1.0", "503 5.5.1", "503 5.5.1"])
    #expect(codes("HELO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<no@y.org>\r\nDATA\r\n").last == "554 5.5.1")
    // These can be used at any time (RFC 5321 §4.1.4).
    #expect(
      codes("NOOP x y\r\nRSET\r\nVRFY anna\r\nEXPN list\r\nHELP\r\nQUIT\r\n")
        == ["250 2.0.0", "250 2.0.0", "252 2.5.0", "502 5.5.1", "214 2.0.0", "221 2.0.0"])
  }

  @Test func aNewHelloEndsTheTransaction() {
    let got = codes("EHLO c\r\nMAIL FROM:<a@x.org>\r\nEHLO c\r\nRCPT TO:<b@y.org>\r\n")
    #expect(got == ["250", "250 2.1.0", "250", "503 5.5.1"])
  }

  @Test func wrongCommands() {
    #expect(codes("FROB\r\n\r\nEHLO\r\nDATA x\r\nRSET x\r\nQUIT x\r\n\0\u{e4}\r\n").allSatisfy { $0.hasPrefix("50") })
    #expect(codes("NOOP\nNOOP\r\n").first == "500 5.5.2")
    #expect(codes("helo c\r\nnoop  \r\nmail from:<a@x.org>\r\n") == ["250", "250 2.0.0", "250 2.1.0"])
  }

  @Test func overlongLinesAreRefusedAndConsumed() {
    let long = String(repeating: "x", count: 5000)
    #expect(codes("NOOP \(long)\r\nNOOP\r\n") == ["500 5.5.2", "250 2.0.0"])
    // RFC 5321 §4.5.3.1.4 and RFC 3461 §5.4 demand these.
    #expect(codes("NOOP \(String(repeating: "x", count: 1036 - 7))\r\n") == ["250 2.0.0"])
  }

  @Test func tooManyErrorsEndTheSession() {
    let got = codes(String(repeating: "FROB\r\n", count: 30))
    #expect(got.count == 20 && got.last == "421 4.7.0")
  }

  @Test func tooManyUnknownRecipientsEndTheSession() {
    let got = codes("EHLO c\r\nMAIL FROM:<>\r\n" + String(repeating: "RCPT TO:<no@y.org>\r\n", count: 30))
    #expect(got.count == 22 && got.last == "421 4.7.0")
    // The count goes on from one message to the next.
    let two = codes(
      String(repeating: "EHLO c\r\nMAIL FROM:<>\r\n" + String(repeating: "RCPT TO:<no@y.org>\r\n", count: 10), count: 2)
    )
    #expect(two.last == "421 4.7.0")
  }

  @Test func recipientsAreLimited() {
    let many = (0..<101).map { "RCPT TO:<u\($0)@y.org>\r\n" }.joined()
    let got = codes("EHLO c\r\nMAIL FROM:<>\r\n" + many) { $0.recipientLimit = 100 }
    #expect(got.filter { $0 == "250 2.1.5" }.count == 100)
    #expect(got.last == "452 4.5.3")
  }

  @Test func transactionsAreLimited() {
    let got = codes("EHLO c\r\n" + String(repeating: "MAIL FROM:<>\r\nRSET\r\n", count: 3)) { $0.transactionLimit = 2 }
    #expect(got.last == "421 4.5.3")
    #expect(got.filter { $0 == "250 2.1.0" }.count == 2)
  }

  @Test func parameters() {
    func mail(_ parameters: String) -> String { codes("EHLO c\r\nMAIL FROM:<a@x.org>\(parameters)\r\n")[1] }
    #expect(mail(" SIZE=100000") == "250 2.1.0")
    #expect(mail(" SIZE=100001") == "552 5.3.4")
    #expect(mail(" SIZE=99999999999999999999") == "552 5.3.4")
    #expect(mail(" SIZE=00000000000000000020") == "250 2.1.0")
    #expect(mail(" SIZE=999999999999999999999") == "501 5.5.4")
    #expect(mail(" SIZE") == "501 5.5.4")
    #expect(mail(" SIZE=-1") == "501 5.5.4")
    #expect(mail(" BODY=BINARYMIME") == "555 5.5.4")
    #expect(mail(" BODY=x") == "501 5.5.4")
    #expect(mail(" BODY=7BIT body=8BITMIME") == "501 5.5.4")
    #expect(mail(" SMTPUTF8") == "250 2.1.0")
    #expect(mail(" SMTPUTF8=1") == "501 5.5.4")
    #expect(mail(" FROB=1") == "555 5.5.4")
    #expect(mail(" AUTH=<>") == "555 5.5.4")
    #expect(mail(" RET=x") == "501 5.5.4")
    #expect(mail(" ENVID=a+zz") == "501 5.5.4")
    #expect(mail(" ENVID=a+00") == "501 5.5.4")
    #expect(mail("x") == "501 5.5.4")
    #expect(mail("  SIZE=5  ") == "250 2.1.0")
    func recipient(_ parameters: String) -> String {
      codes("EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@y.org>\(parameters)\r\n")[2]
    }
    #expect(recipient(" NOTIFY=NEVER") == "250 2.1.5")
    #expect(recipient(" NOTIFY=NEVER,DELAY") == "501 5.5.4")
    #expect(recipient(" NOTIFY=") == "501 5.5.4")
    #expect(recipient(" ORCPT=rfc822") == "501 5.5.4")
    #expect(recipient(" ORCPT=rfc822;\(String(repeating: "x", count: 493))") == "250 2.1.5")
    #expect(recipient(" ORCPT=rfc822;\(String(repeating: "x", count: 494))") == "501 5.5.4")
    #expect(recipient(" SIZE=5") == "555 5.5.4")
  }

  @Test func internationalizedAddressesNeedTheParameter() {
    let sender = "MAIL FROM:<j\u{f6}rg@b\u{fc}cher.example>"
    #expect(codes("EHLO c\r\n\(sender)\r\n")[1] == "550 5.6.7")
    #expect(codes("EHLO c\r\n\(sender) SMTPUTF8\r\nRCPT TO:<\u{e4}@y.org>\r\n")[1...] == ["250 2.1.0", "250 2.1.5"])
    #expect(codes("EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<\u{e4}@y.org>\r\n")[2] == "553 5.6.7")
    var server = ScriptedServer()
    server.feed(Array("EHLO c\r\nMAIL FROM:<".utf8) + [0xff, 0xc3] + Array("@x.org> SMTPUTF8\r\n".utf8))
    #expect(server.output.contains("501 5.1.7"))
  }

  @Test func chunks() {
    let begin = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.org>\r\n"
    var server = ScriptedServer()
    #expect(
      codes(&server, begin + "BDAT 4\r\na: bBDAT 2\r\n\r\nBDAT 0 LAST\r\nNOOP\r\n").suffix(4)
        == ["250 2.0.0", "250 2.0.0", "250 2.0.0", "250 2.0.0"])
    #expect(server.messages == ["a: b\r\n"])
    // Refused chunks are read to their end, and what stands in them is no command.
    #expect(codes("EHLO c\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n") == ["250", "503 5.5.1", "250 2.0.0"])
    #expect(
      codes("EHLO c\r\nMAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\nBDAT 6\r\nQUIT\r\nRSET\r\nMAIL FROM:<>\r\n")
        == ["250", "250 2.1.0", "503 5.5.1", "503 5.5.1", "250 2.0.0", "250 2.1.0"])
    #expect(codes(begin + "BDAT 2\r\nabDATA\r\n").last == "503 5.5.1")
    #expect(codes(begin + "BDAT 2\r\nabRCPT TO:<c@y.org>\r\n").last == "503 5.5.1")
    #expect(codes(begin + "BDAT 2\r\nabRSET\r\nMAIL FROM:<>\r\n").suffix(2) == ["250 2.0.0", "250 2.1.0"])
    // After the last chunk there is no transaction.
    #expect(codes(begin + "BDAT 2 LAST\r\nabBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n").suffix(2) == ["503 5.5.1", "250 2.0.0"])
  }

  @Test func aChunkOfUnknownLengthEndsTheSession() {
    for line in ["BDAT", "BDAT x", "BDAT -1", "BDAT 5 FIRST", "BDAT 9999999999999999999", "BDAT 1 LAST x"] {
      var server = ScriptedServer()
      server.feed("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.org>\r\n\(line)\r\nNOOP\r\n")
      #expect(server.isClosed, "\(line)")
      #expect(server.said().hasSuffix("501 5.5.4 Syntax: BDAT size [LAST]\r\n"))
    }
  }

  @Test func smugglingIsRefusedAndNothingBehindItObeyed() {
    let evil = "MAIL FROM:<evil@x.org>\r\nRCPT TO:<b@y.org>\r\nDATA\r\nevil\r\n.\r\n"
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\r\n.\r\r\n"] {
      var server = ScriptedServer()
      server.feed("EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@y.org>\r\nDATA\r\nx: y\r\n\r\nz\(end)\(evil)NOOP\r\n")
      #expect(server.messages.isEmpty, "\(end.debugDescription)")
      #expect(server.mails.count == 1)
      #expect(server.isClosed)
      #expect(
        server.said().hasSuffix(
          "354 Start mail input; end with <CRLF>.<CRLF>\r\n550 5.6.11 Bare CR or LF in content\r\n"))
    }
    var server = ScriptedServer()
    server.feed("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@y.org>\r\nBDAT 9 LAST\r\nz\n.\nabcd\nNOOP\r\n")
    #expect(server.isClosed && server.messages.isEmpty)
  }

  @Test func tlsForgetsEverything() {
    var server = ScriptedServer()
    let got = codes(&server, "EHLO c\r\nSTARTTLS\r\nMAIL FROM:<injected@x.org>\r\n")
    #expect(got == ["250", "220 2.0.0"])
    #expect(server.startedTLS == 1 && server.mails.isEmpty)
    #expect(codes(&server, "MAIL FROM:<a@x.org>\r\nEHLO c\r\nSTARTTLS\r\n") == ["503 5.5.1", "250", "503 5.5.1"])
    server.feed("EHLO c\r\n")
    #expect(!server.said().contains("STARTTLS"))
    #expect(
      codes("EHLO c\r\nSTARTTLS x\r\nMAIL FROM:<>\r\nSTARTTLS\r\n").suffix(3) == [
        "501 5.5.4", "250 2.1.0", "503 5.5.1",
      ])
    #expect(codes("STARTTLS\r\n") { $0.offersTLS = false } == ["502 5.5.1"])
  }

  @Test func randomBytesDoNoHarm() {
    var generator = SplitMix(state: 99)
    let words = [
      "MAIL FROM:<", ">", "RCPT TO:", "\r\n", "BDAT ", "LAST", "AUTH PLAIN ", "EHLO x\r\n", "<@a,@b:c@d>", "\"", "\\",
      "=",
    ]
    for round in 0..<400 {
      var server = ScriptedServer(round % 2 == 0 ? .transfer : .submission, encrypted: round % 3 == 0)
      for _ in 0..<30 {
        if Bool.random(using: &generator) {
          server.feed(words[Int.random(in: 0..<words.count, using: &generator)])
        } else {
          server.feed(
            (0..<Int.random(in: 0...20, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
      }
      server.feed("\r\n")
      #expect(server.messages.isEmpty)
    }
  }
}

@Suite struct SubmissionMachineTests {
  private let plain = "AUTH PLAIN AGFubmEAc2VjcmV0\r\n"

  private func said(_ input: String, encrypted: Bool, change: (inout ServerSettings) -> Void = { _ in }) -> String {
    var server = ScriptedServer(.submission, encrypted: encrypted, change: change)
    server.feed(input)
    return server.said()
  }

  @Test func nothingBeforeAuthentication() {
    for command in ["MAIL FROM:<a@x.org>", "RCPT TO:<b@y.org>", "DATA", "VRFY a", "EXPN a", "HELP"] {
      #expect(said("EHLO c\r\n\(command)\r\n", encrypted: true).hasSuffix("530 5.7.0 Authentication required\r\n"))
      #expect(
        said("EHLO c\r\n\(command)\r\n", encrypted: false).hasSuffix(
          "530 5.7.0 Must issue a STARTTLS command first\r\n"))
    }
    #expect(
      said("EHLO c\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n", encrypted: true).hasSuffix(
        "530 5.7.0 Authentication required\r\n250 2.0.0 OK\r\n"))
    #expect(said("NOOP\r\nRSET\r\nQUIT\r\n", encrypted: true).contains("221 2.0.0"))
  }

  @Test func passwordsNeedEncryption() {
    #expect(!said("EHLO c\r\n", encrypted: false).contains("AUTH"))
    #expect(said("EHLO c\r\n\(plain)", encrypted: false).contains("538 5.7.11"))
    #expect(said("EHLO c\r\n\(plain)", encrypted: false) { $0.allowsPlaintextPasswords = true }.contains("235 2.7.0"))
    #expect(said("EHLO c\r\n", encrypted: true).contains("AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n"))
  }

  @Test func neverOnPort25() {
    var server = ScriptedServer(.transfer, encrypted: true)
    server.feed("EHLO c\r\n\(plain)")
    #expect(!server.output.contains("AUTH PLAIN"))
    #expect(server.output.hasSuffix("502 5.5.1 AUTH is not offered here\r\n"))
  }

  @Test func exchanges() {
    #expect(
      said("EHLO c\r\nAUTH PLAIN\r\nAGFubmEAc2VjcmV0\r\nMAIL FROM:<a@x.org>\r\n", encrypted: true)
        .hasSuffix("334 \r\n235 2.7.0 Authentication succeeded\r\n250 2.1.0 Sender OK\r\n"))
    #expect(
      said("EHLO c\r\nAUTH PLAIN\r\n*\r\nNOOP\r\n", encrypted: true).contains(
        "501 5.7.0 Authentication cancelled\r\n250"))
    #expect(said("EHLO c\r\nAUTH PLAIN\r\nMAIL FROM:<a@x.org>\r\nNOOP\r\n", encrypted: true).contains("501 5.5.2"))
    #expect(said("EHLO c\r\nAUTH PLAIN x!\r\n", encrypted: true).contains("501 5.5.2"))
    #expect(said("EHLO c\r\nAUTH NTLM\r\n", encrypted: true).contains("504 5.5.4"))
    #expect(said("EHLO c\r\n\(plain)\(plain)", encrypted: true).contains("503 5.5.1 Already authenticated"))
    #expect(said("HELO c\r\n\(plain)", encrypted: true).contains("503 5.5.1 Send EHLO first"))
    #expect(said("EHLO c\r\n\(plain)MAIL FROM:<> AUTH=<>\r\n", encrypted: true).hasSuffix("250 2.1.0 Sender OK\r\n"))
    #expect(said("EHLO c\r\nAUTH PLAIN =\r\n", encrypted: true).contains("535 5.7.8"))
    // Who has authenticated is not asked to do it again.
    #expect(said("EHLO c\r\n\(plain)EHLO c\r\n", encrypted: true).components("AUTH SCRAM").count == 2)
  }

  @Test func longResponsesAreRefusedButReadUpToTheStandardsLimit() {
    let long = String(repeating: "A", count: 12_288)
    #expect(said("EHLO c\r\nAUTH PLAIN\r\n\(long)\r\nNOOP\r\n", encrypted: true).contains("500 5.5.6"))
    #expect(
      said("EHLO c\r\nAUTH PLAIN \(String(repeating: "A", count: 12_000))\r\n", encrypted: true).contains("535 5.7.8"))
  }

  @Test func guessesAreLimited() {
    let output = said("EHLO c\r\n" + String(repeating: "AUTH PLAIN AGEAYg==\r\n", count: 10), encrypted: true)
    #expect(output.components("535 5.7.8").count == 5)
    #expect(output.hasSuffix("421 4.7.0 Too many failed authentications\r\n"))
  }

  @Test func devicesMayBeOldFashioned() {
    let lenient = said("HELO scanner\nMAIL FROM: scan@example.com\nRCPT TO:anna@example.com\n", encrypted: false) {
      $0.requiresAuthentication = false
      $0.isLenient = true
    }
    #expect(lenient.hasSuffix("250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n"))
  }
}

extension String {
  fileprivate func components(_ separator: String) -> [Substring] {
    var parts: [Substring] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      parts.append(rest[..<range.lowerBound])
      rest = rest[range.upperBound...]
    }
    return parts + [rest]
  }
}
