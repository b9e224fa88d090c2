import Foundation
import NameServer
import Testing

/// Mail that goes to a domain's own servers: a real name server, and port 25 of loopback addresses.
@Suite(
  "EndToEnd: by MX",
  .enabled(if: NameServer.canRun && getuid() == 0, "needs nsd, ldnsutils, and root for port 25"), .serialized)
struct MXTests {
  /// The first address is where nobody listens.
  private static let (dead, first, second) = ("127.0.53.9", "127.0.53.2", "127.0.53.3")

  private static func names() throws -> NameServer {
    try NameServer(
      [
        .init(
          "remote.example",
          """
          @ IN MX 10 dead
          @ IN MX 20 mail
          @ IN MX 30 mail.backup.example.
          dead IN A \(dead)
          mail IN A \(first)
          null IN MX 0 .
          inside IN MX 10 printer
          printer IN A 192.168.53.1
          loop IN MX 10 mail.office.example.
          alias IN CNAME remote.example.
          """, signing: .signed),
        .init("backup.example", "mail IN A \(second)\n"),
        .init(
          "forged.example", "@ IN MX 10 mail\nmail IN A 192.0.2.66\n", signing: .forged("192.0.2.66", "192.0.2.99")),
      ], broken: ["broken.example"])
  }

  private static func settings(_ names: NameServer, _ more: String = "") -> String {
    """
    [dns]
    servers = ["127.0.0.1@\(names.port)"]
    trust-anchors = [\(names.trustAnchors.map { "\"\($0.replacingOccurrences(of: "\t", with: " "))\"" }.joined(separator: ", "))]
    [relay]
    internal-networks = ["127.0.53.0/24"]
    \(more)
    """
  }

  private static func remote(_ domain: String, _ address: String, extra: String = "") throws -> TestAppliance {
    try TestAppliance(
      domain: domain, accounts: ["carol"], extra: "[smtp]\nlisten = [\"\(address):25\"]\n" + extra, plaintext: true)
  }

  @Test func mailFindsTheServerThatAnswers() throws {
    let names = try Self.names()
    defer { withExtendedLifetime(names) {} }
    let remote = try Self.remote("remote.example", Self.first)
    try remote.start()
    let office = try TestAppliance.running(extra: Self.settings(names), plaintext: true)
    try office.submit(to: ["carol@remote.example"])
    try TestAppliance.wait("it arrives") { try remote.count("carol") == 1 }
    try TestAppliance.wait("it is told") { try office.list("queue", "list").isEmpty }
    let trace = try office.tell("trace", "--address", "carol@remote.example")
    #expect(trace.contains("mail.remote.example[\(Self.first)]:25, TLSv1.3"), "\(trace)")
  }

  @Test func whatCannotArriveComesBackAtOnceWithTheReason() throws {
    let names = try Self.names()
    defer { withExtendedLifetime(names) {} }
    let office = try TestAppliance.running(extra: Self.settings(names), plaintext: true)
    let cases = [
      ("x@null.remote.example", "5.1.10"), ("x@gone.remote.example", "5.1.2"), ("x@inside.remote.example", "5.4.4"),
      ("x@loop.remote.example", "5.4.6"),
    ]
    for (address, _) in cases { try office.submit(to: [address]) }
    try TestAppliance.wait("the sender is told of each") { try office.count("alice") == cases.count }
    let notices = try office.imap().imap("FETCH 1:* (BODY.PEEK[])").joined(separator: "\n")
    for (address, status) in cases {
      #expect(notices.contains("Final-Recipient: rfc822; \(address)"), "\(address)")
      #expect(notices.contains("Status: \(status)"), "\(address) \(status)")
    }
  }

  @Test func whatNobodyKnowsNowWaits() throws {
    let names = try Self.names()
    defer { withExtendedLifetime(names) {} }
    let office = try TestAppliance.running(extra: Self.settings(names), plaintext: true)
    for address in ["x@forged.example", "x@broken.example"] { try office.submit(to: [address]) }
    try TestAppliance.wait("both have been tried") {
      try office.list("queue", "list").filter { ($0["attempts"] as? Int ?? 0) >= 1 }.count == 2
    }
    let rows = try office.list("queue", "list")
    #expect(rows.allSatisfy { $0["state"] as? String == "queued" })
    for address in ["x@forged.example", "x@broken.example"] {
      #expect(try office.tell("trace", "--address", address).contains("4.4.3"))
    }
  }

  @Test func aBackupKeepsMailUntilTheServerIsBack() throws {
    let names = try Self.names()
    defer { withExtendedLifetime(names) {} }
    let remote = try Self.remote("remote.example", Self.first)
    let backup = try Self.remote(
      "backup.example", Self.second, extra: Self.settings(names, "[[backup-mx]]\ndomains = [\"remote.example\"]\n"))
    try backup.start()
    let office = try TestAppliance.running(extra: Self.settings(names), plaintext: true)
    try office.submit(to: ["carol@remote.example"])
    // The first two do not answer, so the third takes it.
    try TestAppliance.wait("the backup has tried") {
      (try backup.list("queue", "list").first?["attempts"] as? Int ?? 0) >= 1
    }
    #expect(try backup.list("queue", "list").first?["recipient"] as? String == "carol@remote.example")
    let wire = try Wire(Self.second, port: 25)
    try wire.expect(220)
    try wire.ask("EHLO stranger.example", 250)
    try wire.ask("MAIL FROM:<someone@elsewhere.example>", 250)
    try wire.ask("RCPT TO:<x@elsewhere.example>", 550)
    try remote.start()
    try backup.tell("queue", "retry", "--all")
    try TestAppliance.wait("it arrives") { try remote.count("carol") == 1 }
    try TestAppliance.wait("nothing is left") { try backup.list("queue", "list").isEmpty }
  }

  @Test func theDomainsRecordsArePrintedAndChecked() throws {
    let names = try Self.names()
    defer { withExtendedLifetime(names) {} }
    // Nothing runs: both work from the file.
    let remote = try Self.remote("remote.example", Self.first, extra: Self.settings(names))
    let printed = try remote.tell("dns", "records", "remote.example")
    #expect(printed.contains("\nremote.example. IN MX 10 mail.remote.example.\n"))
    #expect(printed.contains("\n_submissions._tcp.remote.example. IN SRV 0 1 465 mail.remote.example.\n"))
    let json = try remote.list("dns", "records", "remote.example")
    #expect(json.contains { $0["type"] as? String == "MX" && $0["data"] as? String == "10 mail.remote.example." })
    let checked = try remote.command(["dns", "check", "remote.example", "--json", "--no-connect"])
    #expect(checked.status == 1)
    let groups = checked.output.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
    func state(_ group: String) -> String? {
      groups.first { $0["group"] as? String == group }?["state"] as? String
    }
    #expect(groups.count >= 14)
    #expect(state("DNSSEC") == "good", "\(checked)")
    #expect(state("SPF") == "wrong" && state("DMARC") == "wrong")
    try remote.start()
    let connected = try remote.command(["dns", "check", "remote.example"]).output
    #expect(connected.contains("mail.remote.example has TLS, and its certificate does not hold"), "\(connected)")
    #expect(try remote.command(["dns", "check", "other.example"]).status == 1)
    #expect(try remote.command(["dns", "check"]).status == 2)
  }
}
