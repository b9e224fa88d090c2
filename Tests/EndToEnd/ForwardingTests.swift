import Foundation
import Testing

/// Mail that an alias sends elsewhere, and what comes of it.
@Suite("EndToEnd: forwarding") struct ForwardingTests {
  private static let alias = """
    [[alias]]
    address = "away@office.example"
    to = ["friend@remote.example"]
    [delivery]
    forward-unauthenticated = true

    """

  private static func route(_ domain: String, _ port: Int) -> String {
    "[[route]]\ndomains = [\"\(domain)\"]\nhost = \"127.0.0.1:\(port)\"\ntls = \"off\"\n"
  }

  /// It leaves with a return address of ours; a notification to that goes back to the sender, anything else does not.
  @Test func forwardedMailComesBackThroughUs() throws {
    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["friend"], plaintext: true)
    let far = try TestAppliance.running(domain: "far.example", accounts: ["anna"], plaintext: true)
    let office = try TestAppliance.running(
      extra: Self.alias + Self.route("remote.example", try remote.port("smtp"))
        + Self.route("far.example", try far.port("smtp")), plaintext: true)
    try office.receive(from: "anna@far.example", to: ["away@office.example"], "Subject: on\r\n\r\nx")
    try TestAppliance.wait("it arrives") { try remote.count("friend") == 1 }
    let text = try remote.imap("friend").imap("FETCH 1 (BODY.PEEK[HEADER])").joined(separator: "\n")
    let line = try #require(text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Return-Path: <SRS0=") })
    let address = String(line.dropFirst("Return-Path: <".count).prefix { $0 != ">" })
    #expect(address.hasSuffix("@mail.office.example") && address.contains("=far.example=anna@"))

    func answer(_ sender: String, _ recipient: String) throws -> String {
      let wire = try Wire(port: try office.port("smtp"))
      try wire.expect(220)
      try wire.ask("EHLO client.example", 250)
      try wire.ask("MAIL FROM:<\(sender)>", 250)
      try wire.say("RCPT TO:<\(recipient)>")
      return try wire.reply()
    }
    #expect(try answer("", address.replacingOccurrences(of: "anna", with: "bert")).hasPrefix("550 5.7.1"))
    #expect(try answer("spam@spam.example", address).hasPrefix("550 5.7.1"))
    #expect(try answer("", "SRS0=x@mail.office.example").hasPrefix("550 5.7.1"))
    #expect(try answer("", address.lowercased()).hasPrefix("250"))

    // A restart keeps the keys.
    office.stop()
    try office.start()
    try office.receive(from: "", to: [address], "Subject: it bounced\r\n\r\nx")
    try TestAppliance.wait("the notification goes back") { try far.count("anna") == 1 }
    let bounce = try far.imap("anna").imap("FETCH 1 (BODY.PEEK[HEADER])").joined(separator: "\n")
    #expect(bounce.contains("Return-Path: <>") && bounce.contains("it bounced"))
    #expect(try office.list("queue", "list").isEmpty)
    #expect(try office.tell("fsck").contains("Sound"))
  }

  /// Our own people's mail leaves with their own address, forwarded or not.
  @Test func ourOwnSendersStay() throws {
    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["friend"], plaintext: true)
    let office = try TestAppliance.running(
      extra: Self.alias + Self.route("remote.example", try remote.port("smtp")), plaintext: true)
    try office.receive(from: "alice@office.example", to: ["away@office.example"], "Subject: on\r\n\r\nx")
    try TestAppliance.wait("it arrives") { try remote.count("friend") == 1 }
    let text = try remote.imap("friend").imap("FETCH 1 (BODY.PEEK[HEADER])").joined(separator: "\n")
    #expect(text.contains("Return-Path: <alice@office.example>"))
  }

  /// A stranger is told nothing of a forwarding that failed, and the trace says why.
  @Test func nobodyIsToldOfAStrangersFailure() throws {
    let remote = try TestAppliance.running(domain: "remote.example", accounts: ["somebody"], plaintext: true)
    let office = try TestAppliance.running(
      extra: Self.alias + Self.route("remote.example", try remote.port("smtp")), plaintext: true)
    try office.receive(from: "anna@far.example", to: ["away@office.example"], "Subject: on\r\n\r\nx")
    try TestAppliance.wait("it is refused there") { try office.list("queue", "list").isEmpty }
    let trace = try office.tell("trace", "friend@remote.example")
    #expect(trace.contains("no notice: sender not authenticated"), "\(trace)")
  }
}

/// A real Postfix as the next server, in several moods.
@Suite("EndToEnd: Postfix as the next server", .enabled(if: TestPostfix.canRun)) struct NextServerTests {
  private func office(
    _ postfix: TestPostfix, tls: String = "off", launcher: [String] = []
  ) throws -> TestAppliance {
    let office = try TestAppliance(
      extra: """
        [queue]
        retry = ["2 s"]
        [[route]]
        domains = ["remote.example"]
        host = "127.0.0.1:\(postfix.port)"
        tls = "\(tls)"

        """, plaintext: true, launcher: launcher)
    try office.start()
    return office
  }

  @Test func itTakesSeveralRecipientsInOneTransaction() throws {
    let postfix = try TestPostfix(domain: "remote.example")
    let office = try office(postfix)
    try office.submit(to: ["a@remote.example", "b@remote.example", "c@remote.example"], ".\r\n..\r\ndots")
    try TestAppliance.wait("all three arrive") { postfix.messages().count == 3 }
    let ids = Set(
      postfix.messages().compactMap { text in
        text.split(separator: "\n").first { $0.contains("with ESMTP id") || $0.contains(" id ") }.map(String.init)
      })
    #expect(ids.count == 1, "one transaction, one id of Postfix: \(ids)")
  }

  @Test func itRejects() throws {
    let postfix = try TestPostfix(domain: "remote.example")
    try postfix.configure("smtpd_recipient_restrictions=check_recipient_access static:{550 5.7.1 we do not like you}")
    let office = try office(postfix)
    try office.submit(to: ["a@remote.example"])
    try TestAppliance.wait("the sender is told") { try office.count("alice") == 1 }
    let notice = try office.imap().imap("FETCH 1 (BODY.PEEK[])").joined(separator: "\n")
    #expect(notice.contains("we do not like you") && notice.contains("Status: 5.7.1"))
    #expect(postfix.messages().isEmpty)
  }

  /// As greylisting does: not now, and yes a moment later.
  @Test func itPutsOff() throws {
    let postfix = try TestPostfix(domain: "remote.example")
    try postfix.configure("smtpd_recipient_restrictions=check_recipient_access static:{450 4.7.1 greylisted}")
    let office = try office(postfix)
    try office.submit(to: ["a@remote.example"])
    try TestAppliance.wait("it is put off") {
      (try office.list("queue", "list", "--reason", "greylisted").first?["attempts"] as? Int ?? 0) >= 1
    }
    try postfix.configure("smtpd_recipient_restrictions=")
    try TestAppliance.wait("it arrives") { postfix.messages().count == 1 }
    #expect(try office.list("queue", "list").isEmpty)
    #expect(try office.count("alice") == 0)
  }

  @Test func itIsSlow() throws {
    let postfix = try TestPostfix(domain: "remote.example")
    try postfix.configure("smtpd_recipient_restrictions=sleep 3, permit_mynetworks, reject")
    let office = try office(postfix)
    for n in 0..<5 { try office.submit(to: ["a\(n)@remote.example"]) }
    try TestAppliance.wait("all arrive") { postfix.messages().count == 5 }
    #expect(try office.list("queue", "list").isEmpty)
  }

  /// It takes mail over TLS only. Its certificate is for its address, and whoever signed it is known to one office alone.
  @Test func itInsistsOnTLS() throws {
    let postfix = try TestPostfix(domain: "remote.example")
    let (certificate, key) = (postfix.folder.file("certificate.pem"), postfix.folder.file("key.pem"))
    try TestCertificate.make(names: "IP:127.0.0.1", certificate: certificate, key: key)
    try postfix.configure(
      "smtpd_tls_security_level=encrypt", "smtpd_tls_cert_file=\(certificate)", "smtpd_tls_key_file=\(key)",
      "smtpd_tls_received_header=yes")
    let opportunistic = try office(postfix, tls: "opportunistic")
    try opportunistic.submit(to: ["a@remote.example"])
    try TestAppliance.wait("it arrives") { postfix.messages().count == 1 }
    #expect(postfix.messages().first?.contains("using TLSv1.3 with cipher") == true)
    #expect(try opportunistic.tell("trace", "a@remote.example").contains("TLSv1.3"))

    let trusting = try office(postfix, tls: "verified", launcher: ["env", "SSL_CERT_FILE=\(certificate)"])
    try trusting.submit(to: ["b@remote.example"])
    try TestAppliance.wait("it arrives") { postfix.messages().count == 2 }

    // Nobody vouches for it: the message waits, and says why.
    let doubting = try office(postfix, tls: "verified")
    try doubting.submit(to: ["c@remote.example"])
    try TestAppliance.wait("it is tried") {
      (try doubting.list("queue", "list").first?["attempts"] as? Int ?? 0) >= 1
    }
    #expect(try doubting.tell("trace", "c@remote.example").contains("TLS with 127.0.0.1:\(postfix.port) failed"))
    // In the clear it is not to be had.
    let clear = try office(postfix)
    try clear.submit(to: ["d@remote.example"])
    try TestAppliance.wait("the sender is told") { try clear.count("alice") == 1 }
    #expect(try clear.imap().imap("FETCH 1 (BODY.PEEK[])").joined(separator: "\n").contains("STARTTLS"))
    #expect(postfix.messages().count == 2)
  }

  /// It hangs up in the middle of a content that is larger than it takes.
  @Test func itDropsInTheMiddle() throws {
    let postfix = try TestPostfix(domain: "remote.example")
    try postfix.configure("message_size_limit=20000", "smtpd_discard_ehlo_keywords=size")
    let office = try office(postfix)
    try office.submit(to: ["a@remote.example"], String(repeating: "0123456789\r\n", count: 20_000))
    try TestAppliance.wait("the sender is told") { try office.count("alice") == 1 }
    let notice = try office.imap().imap("FETCH 1 (BODY.PEEK[])").joined(separator: "\n")
    #expect(notice.contains("Status: 5.3.4"), "\(notice)")
    try office.submit(to: ["b@remote.example"])
    try TestAppliance.wait("a small one arrives") { postfix.messages().count == 1 }
  }
}
