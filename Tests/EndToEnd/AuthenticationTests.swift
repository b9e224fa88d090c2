import Foundation
import NameServer
import Testing

/// Who sent it: the commands and the MX port, against a real name server.
@Suite("EndToEnd: authentication of mail", .enabled(if: NameServer.canRun, "needs nsd and ldnsutils"), .serialized)
struct AuthenticationTests {
  private static func names() throws -> NameServer {
    try NameServer([
      .init(
        "bank.example",
        """
        @ IN TXT "v=spf1 ip4:127.0.0.1 ip4:192.0.2.1 -all"
        _dmarc IN TXT "v=DMARC1; p=reject"
        """, signing: .signed),
      .init("forged.example", "@ IN TXT \"v=spf1 -all\"\n_dmarc IN TXT \"v=DMARC1; p=reject\"\n"),
    ])
  }

  private static func settings(_ names: NameServer) -> String {
    """
    [dns]
    servers = ["127.0.0.1@\(names.port)"]
    trust-anchors = [\(names.trustAnchors.map { "\"\($0.replacingOccurrences(of: "\t", with: " "))\"" }.joined(separator: ", "))]
    [authentication]
    incoming = "enforce"
    """
  }

  @Test func commandsSayTheStandardsWords() throws {
    let names = try Self.names()
    let office = try TestAppliance(extra: Self.settings(names))
    let check = { (ip: String) in
      try office.command(["spf", "check", "--ip", ip, "--helo", "x", "--from", "a@bank.example", "--json"])
    }
    let good = try check("192.0.2.1")
    #expect(good.status == 0 && good.output.contains("\"result\":\"pass\""), "\(good)")
    let bad = try check("192.0.2.2")
    #expect(bad.status == 1 && bad.output.contains("\"result\":\"fail\""), "\(bad)")
    #expect(try office.command(["spf", "check"]).status == 2)
    let file = try office.folder.write("mail.eml", "From: a@forged.example\n\nhello\n")
    let dmarc = try office.command(["dmarc", "check", file, "--ip", "192.0.2.1", "--from", "a@bank.example"])
    #expect(dmarc.status == 1 && dmarc.output.hasPrefix("fail"), "\(dmarc)")
    #expect(try office.command(["dkim", "verify", file]).output.hasPrefix("none"))
    #expect(try office.command(["arc", "verify", file]).output.hasPrefix("none"))
    #expect(try office.command(["dmarc", "check", "--domain", "bank.example"]).output.contains("p=reject"))
  }

  @Test func mailIsMarkedAndForgedMailIsRefused() throws {
    let names = try Self.names()
    let office = try TestAppliance.running(extra: Self.settings(names))
    func send(_ author: String, _ code: Int) throws {
      let wire = try Wire(port: try office.port("smtp"))
      try wire.expect(220)
      try wire.ask("EHLO x", 250)
      try wire.ask("MAIL FROM:<\(author)>", 250)
      try wire.ask("RCPT TO:<alice@office.example>", 250)
      try wire.ask("DATA", 354)
      try wire.say("From: \(author)\r\nSubject: authentic\r\n\r\nhello\r\n.")
      try wire.expect(code)
    }
    try send("a@bank.example", 250)
    try send("a@forged.example", 550)
  }

  @Test func keysAreMadeListedAndRotated() throws {
    let names = try Self.names()
    let office = try TestAppliance.running(extra: Self.settings(names))
    let made = try office.command(["dkim", "new", "office.example", "--json"])
    #expect(made.status == 0, "\(made)")
    #expect(made.output.contains("rsa-sha256") && made.output.contains("ed25519-sha256"))
    let rotated = try office.command(["dkim", "rotate", "office.example"])
    #expect(rotated.output.contains("waits"), "\(rotated)")
    let list = try office.command(["dkim", "list"]).output
    #expect(list.components(separatedBy: "_domainkey").count == 5, "\(list)")
    #expect(
      try office.command(["dns", "records", "office.example"]).output.contains("_domainkey.office.example. IN TXT"))
    #expect(try office.command(["dkim", "new", "other.example"]).status == 1)
  }
}
