import Foundation
import NameServer
import Testing

/// Lists in a real name server, and why a message was judged so.
@Suite("EndToEnd: lists of the DNS", .enabled(if: NameServer.canRun, "\(NameServer.reason)"))
struct ReputationTests {
  private static func names() throws -> NameServer {
    try NameServer(
      [
        .init(
          "bl.example", "7.2.0.192 IN A 127.0.0.4\n8.2.0.192 IN A 127.255.255.254\n2.0.0.127 IN A 127.0.0.2\n",
          signing: .signed),
        .init("dbl.example", "spam.example IN A 127.0.1.2\n"),
      ], broken: ["broken.example"])
  }

  private static func settings(_ names: NameServer) -> String {
    """
    [dns]
    servers = ["127.0.0.1@\(names.port)"]
    trust-anchors = [\(names.trustAnchors.map { "\"\($0.replacing("\t", with: " "))\"" }.joined(separator: ", "))]
    [network]
    proxy-protocol-from = ["127.0.0.0/8"]
    [[dns-list]]
    zone = "bl.example"
    codes = { "127.0.0.4" = 2.5 }
    [[dns-list]]
    zone = "dbl.example"
    asks-for = "domains"
    [[dns-list]]
    zone = "broken.example"
    [greylisting]
    enabled = true
    from-score = 5
    """
  }

  private static let letter = "From: eve@friend.example\nSubject: Hello\n\nHow are you?\n"

  private func judge(
    _ office: TestAppliance, ip: String, from: String = "eve@friend.example"
  ) throws -> (verdict: String, scores: [String: Double], reasons: String) {
    let file = try office.folder.write("letter.eml", Self.letter)
    let lines = try office.list(
      "filter", "test", file, "--ip", ip, "--helo", "client.example", "--from", from, "--to", "alice@office.example")
    let line = try #require(lines.first)
    let factors = line["factors"] as? [[String: Any]] ?? []
    var scores: [String: Double] = [:]
    for factor in factors { scores[factor["test"] as? String ?? ""] = factor["score"] as? Double }
    return (
      line["verdict"] as? String ?? "", scores,
      factors.compactMap { $0["reason"] as? String }.joined(separator: "; ")
    )
  }

  @Test func listsCountAndEachVerdictIsExplained() throws {
    let names = try Self.names()
    let office = try TestAppliance.running(extra: Self.settings(names))
    let listed = try judge(office, ip: "192.0.2.7")
    #expect(listed.verdict == "accept" && listed.scores["dns-list bl.example"] == 2.5)
    #expect(listed.scores["dns-list broken.example"] == 0 && listed.reasons.contains("unknown for 192.0.2.7"))
    let unusable = try judge(office, ip: "192.0.2.8")
    #expect(unusable.scores["dns-list bl.example"] == 0 && unusable.reasons.contains("127.255.255.254"))
    #expect(try judge(office, ip: "192.0.2.9").reasons.contains("it does not list 192.0.2.9"))
    #expect(try !judge(office, ip: "10.0.0.1").scores.keys.contains("dns-list bl.example"))
    // Both lists together are enough for the greylist, and nothing is remembered of a test.
    let worse = try judge(office, ip: "192.0.2.7", from: "eve@spam.example")
    #expect(worse.verdict == "reject" && worse.reasons.contains("192.0.2.0/24 is not known"))
    // The same from there, in earnest.
    let wire = try Wire(port: try office.port("smtp"))
    try wire.send("PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n")
    try wire.expect(220)
    try wire.ask("EHLO client.example", 250)
    try wire.ask("MAIL FROM:<eve@spam.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.send("Subject: bad\r\n\r\nx\r\n.\r\n")
    #expect(try wire.reply().hasPrefix("451 4.7.1"))
    try wire.ask("MAIL FROM:<eve@friend.example>", 250)
    try wire.ask("RCPT TO:<alice@office.example>", 250)
    try wire.ask("DATA", 354)
    try wire.send("Subject: good\r\n\r\nx\r\n.\r\n")
    #expect(try wire.reply().hasPrefix("250"))
    #expect(try office.tell("trace", "--subject", "good").contains("dns-list bl.example 2.5: it lists 192.0.2.7"))
    // Without a running appliance the command looks itself.
    office.stop()
    #expect(try judge(office, ip: "192.0.2.7").scores["dns-list bl.example"] == 2.5)
  }
}
