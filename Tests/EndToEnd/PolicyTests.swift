import Foundation
import Testing

/// Rules, quarantine, devices, quotas, aliases and groups, as an office would set them.
@Suite("EndToEnd: the office's rules") struct PolicyTests {
  @Test func rulesRejectQuarantineTagAndDiscard() throws {
    let office = try TestAppliance.running(
      extra: """
        [[rule]]
        name = "no programs"
        attachment-name = ["*.exe"]
        action = "reject"
        text = "programs are not taken here"
        [[rule]]
        name = "lottery"
        headers = { Subject = ["lottery"] }
        recipient = ["alice@office.example"]
        action = "quarantine"
        [[rule]]
        name = "external"
        direction = ["incoming"]
        sender = ["*@partner.example"]
        action = "tag"
        text = "[partner] "
        [[rule]]
        name = "noise"
        headers = { Subject = ["noise"] }
        action = "discard"
        """, plaintext: true)
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.say(
      "Subject: tool\r\nContent-Type: application/octet-stream; name=\"setup.EXE\"\r\nContent-Disposition: attachment; filename=\"setup.EXE\"\r\n\r\nMZ\r\n."
    )
    #expect(try wire.expect(550).contains("programs are not taken here"))

    // One recipient's copy is kept back, the other's arrives; the sender is told yes.
    try office.receive(to: ["alice@office.example", "bob@office.example"], "Subject: Your lottery win\r\n\r\nx")
    #expect(try office.count("alice") == 0)
    #expect(try office.count("bob") == 1)
    let kept = try office.list("quarantine", "list")
    #expect(kept.count == 1)
    let id = try #require(kept.first?["id"] as? String)
    #expect(try office.tell("quarantine", "show", id).contains("lottery"))
    try office.tell("quarantine", "release", id)
    #expect(try office.count("alice") == 1)
    #expect(try office.list("quarantine", "list").isEmpty)

    try office.receive(from: "p@partner.example", to: ["bob@office.example"], "Subject: offer\r\n\r\nx")
    let bob = try office.imap("bob")
    #expect(try bob.imap("FETCH 2 (ENVELOPE)").joined().contains("[partner] offer"))

    try office.receive(to: ["bob@office.example"], "Subject: noise\r\n\r\nx")
    #expect(try office.count("bob") == 2)
    #expect(try office.tell("trace", "--subject", "noise").contains("discarded"))

    try office.receive(to: ["alice@office.example"], "Subject: lottery again\r\n\r\nx")
    let again = try #require(try office.list("quarantine", "list").first?["id"] as? String)
    try office.tell("quarantine", "delete", again)
    #expect(try office.count("alice") == 1)
    #expect(try office.tell("fsck").contains("Sound"))
  }

  @Test func devicesSendForTheirAccountAndNoFurther() throws {
    let office = try TestAppliance.running(
      extra: """
        [[device]]
        name = "scanner"
        networks = ["127.0.0.1"]
        account = "alice"
        senders = ["scanner@office.example"]
        reach = "inside"
        rate = 3
        """, plaintext: true)
    func scan(_ wire: Wire, from: String = "scanner@office.example", to: String = "bob@office.example") throws -> String
    {
      try wire.say("MAIL FROM:<\(from)>")
      let mail = try wire.line()
      guard mail.hasPrefix("250") else { return mail }
      try wire.say("RCPT TO:<\(to)>")
      let recipient = try wire.line()
      guard recipient.hasPrefix("250") else {
        try wire.ask("RSET", 250)
        return recipient
      }
      try wire.ask("DATA", 354)
      try wire.send("Subject: scan\r\nFrom: scanner@office.example\r\n\nbare line feeds\n.\r\nmore\r\n.\r\n")
      return try wire.line()
    }
    let wire = try Wire(port: try office.port("submission"))
    try wire.expect(220)
    try wire.ask("EHLO scanner", 250)
    #expect(try scan(wire, from: "bob@office.example").hasPrefix("550"))
    #expect(try scan(wire, to: "x@elsewhere.example").hasPrefix("550"))
    for _ in 0..<3 { #expect(try scan(wire).hasPrefix("250")) }
    #expect(try scan(wire).hasPrefix("4"), "the rate is limited")
    #expect(try office.count("bob") == 3)
    let header = try office.imap("bob").imap("FETCH 1 (BODY.PEEK[HEADER])").joined(separator: "\n")
    #expect(header.contains("Message-I") && header.contains("Date: "))
  }

  @Test func quotaIsDecidedAtRCPTAndNeverBounces() throws {
    let office = try TestAppliance.running(quota: "1 MiB", plaintext: true)
    let big = String(repeating: String(repeating: "z", count: 98) + "\r\n", count: 9000)
    try office.receive(to: ["alice@office.example"], "Subject: big\r\n\r\n" + big)
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example> SIZE=900000", 250)
    try wire.say("RCPT TO:<alice@office.example>")
    let reply = try wire.line()
    #expect(reply.hasPrefix("452") || reply.hasPrefix("552"), "\(reply)")
    #expect(reply.contains(".2.2"))
    // The postmaster is alice: reached all the same.
    try wire.ask("RCPT TO:<postmaster@office.example>", 250)
    try wire.ask("RCPT TO:<bob@office.example>", 250)
  }

  @Test func aliasesGroupsSubAddressesAndCatchAll() throws {
    let office = try TestAppliance.running(
      accounts: ["alice", "bob", "carol"],
      extra: """
        [[alias]]
        address = "info@office.example"
        to = ["alice"]
        [[group]]
        address = "team@office.example"
        members = ["alice", "bob", "info@office.example"]
        [[domain]]
        name = "second.example"
        catch-all = "carol"
        """, plaintext: true)
    try office.receive(
      to: ["team@office.example", "alice+lists@office.example", "info@office.example"], "Subject: one each\r\n\r\nx")
    #expect(try office.count("alice") == 1, "reached three ways, delivered once")
    #expect(try office.count("bob") == 1)
    try office.receive(to: ["anything@second.example"], "Subject: catch\r\n\r\nx")
    #expect(try office.count("carol") == 1)
    // Its own Delivered-To stops a loop.
    try office.receive(to: ["bob@office.example"], "Subject: direct\r\n\r\nx")
    let wire = try Wire(port: try office.port("smtp"))
    try wire.expect(220)
    try wire.ask("EHLO x", 250)
    try wire.ask("MAIL FROM:<a@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<bob@office.example>", 250)
    try wire.ask("DATA", 354)
    let lines = try office.imap("bob").imap("FETCH * (BODY.PEEK[HEADER])")
    let header = try #require(lines.first { $0.hasPrefix("Delivered-To:") })
    try wire.say("\(header)\r\nSubject: loop\r\n\r\nx\r\n.")
    #expect(try wire.expect(554).contains("5.4.6"))
  }
}
