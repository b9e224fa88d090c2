import Testing

@testable import SMTP

@Suite("MTA-STS and TLSRPT as their domains write them") struct TransportPolicyTests {
  // MARK: The record of MTA-STS

  @Test(arguments: [
    ("v=STSv1; id=20160831085700Z;", "20160831085700Z"), ("v=STSv1;id=1", "1"), ("v=STSv1 ; id=a1 ; ", "a1"),
    ("v=STSv1; id=1; later=on; x-y_z.1=%20;", "1"), ("v=STSv1; id=1; id=2", "1"), ("v=STSv1; id = 1 ;", "1"),
    ("v=STSv1; id=12345678901234567890123456789012", "12345678901234567890123456789012"),
  ]) func aRecord(_ text: String, id: String) {
    #expect(STSRecord(text)?.id == id)
    #expect(STSRecord.only(of: ["v=spf1 -all", text])?.id == id)
  }

  @Test(arguments: [
    "", "v=STSv1", "v=STSv1;", "v=STSv1; id=", "v=STSv1; id=a-b", "v=STSv1; id=123456789012345678901234567890123",
    "v=STSv2; id=1", "v=stsv1; id=1", " v=STSv1; id=1", "V=STSv1; id=1", "id=1; v=STSv1", "v=STSv1; id",
    "v=STSv1;; id=1",
    "v=STSv1; id=1; =x", "v=STSv1; id=1 2", "v=STSv1; id=ä", "v=STSv1 id=1",
  ]) func noRecord(_ text: String) {
    #expect(STSRecord(text) == nil)
  }

  @Test func twoRecordsAreNone() {
    #expect(STSRecord.only(of: ["v=STSv1; id=1", "v=STSv1; id=1"]) == nil)
    #expect(STSRecord.only(of: ["v=STSv1; id=1", "v=STSv1; broken"]) == nil)
    #expect(STSRecord.only(of: ["v=STSv10; id=1", "v=STSv1; id=1"])?.id == "1")
    #expect(STSRecord.only(of: []) == nil)
  }

  // MARK: The policy

  func policy(_ text: String) -> STSPolicy? { try? STSPolicy(Array(text.utf8)) }

  @Test func aPolicy() throws {
    let text =
      "version: STSv1\r\nmode: enforce\r\nmx: Mail.Example.com\r\nmx:*.example.net\r\nmx: mail.example.com.\r\nmax_age: 604800\r\n"
    let policy = try STSPolicy(Array(text.utf8))
    #expect(policy == STSPolicy(mode: .enforce, patterns: ["mail.example.com", "*.example.net"], maxAge: 604_800))
    #expect(
      policy.lines == [
        "version: STSv1", "mode: enforce", "mx: mail.example.com", "mx: *.example.net", "max_age: 604800",
      ])
    #expect(self.policy(policy.lines.joined(separator: "\n")) == policy)
  }

  @Test func whatIsToleratedInAPolicy() {
    #expect(policy("max_age:0\n\n \nmode:\ttesting \nversion:STSv1\nmx:a\nfuture: x: y\n")?.mode == .testing)
    #expect(policy("version: STSv1\nmode: none\nmax_age: 9999999999")?.maxAge == STSPolicy.longestAge)
    // RFC 8461 §3.2: of a key that is there twice the first counts.
    #expect(policy("version: STSv1\nmode: enforce\nmode: none\nmx: a.b\nmax_age: 1\nmax_age: x")?.mode == .enforce)
  }

  @Test(arguments: [
    "", "version: STSv2\nmode: none\nmax_age: 1", "mode: none\nmax_age: 1", "version: STSv1\nmax_age: 1",
    "version: STSv1\nmode: enforce\nmax_age: 1", "version: STSv1\nmode: maybe\nmx: a\nmax_age: 1",
    "version: STSv1\nmode: none", "version: STSv1\nmode: none\nmax_age: -1",
    "version: STSv1\nmode: none\nmax_age: 12345678901",
    "version: STSv1\nmode: none\nmax_age:", "version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1",
    "version: STSv1\nmode: enforce\nmx: *.*.a\nmax_age: 1", "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1",
    "version: STSv1\nmode: enforce\nmx: a..b\nmax_age: 1", "version: STSv1\nmode: enforce\nmx:\nmax_age: 1",
    "<html>\nversion: STSv1\nmode: none\nmax_age: 1",
  ]) func noPolicy(_ text: String) {
    #expect(policy(text) == nil)
  }

  @Test func aPolicyIsBounded() {
    let body = "version: STSv1\nmode: none\nmax_age: 1\n"
    #expect(policy(body + "x: " + String(repeating: "y", count: 60_000)) != nil)
    #expect(policy(body + "x: " + String(repeating: "y", count: 70_000)) == nil)
    #expect(policy(body + (0...1000).map { "mx: a\($0)\n" }.joined()) == nil)
  }

  /// RFC 8461 §4.1: a wildcard is one label, no more and no less.
  @Test(arguments: [
    ("mail.example.com", true), ("MAIL.example.com.", true), ("mx1.example.net", true), ("a.b.example.net", false),
    ("example.net", false), (".example.net", false), ("mail.example.com.evil.example", false), ("", false),
  ]) func whichHostsItNames(_ host: String, isNamed: Bool) {
    let policy = STSPolicy(mode: .enforce, patterns: ["mail.example.com", "*.example.net"], maxAge: 1)
    #expect(policy.names(host) == isNamed)
  }

  // MARK: TLSRPT

  @Test func whereReportsGo() {
    #expect(
      TLSReportRecord("v=TLSRPTv1; rua=mailto:reports@example.com")?.destinations == [.mail("reports@example.com")])
    #expect(
      TLSReportRecord("v=TLSRPTv1;rua=https://r.example/v1,mailto:a@b.example?subject=x,ftp://x,mailto:nobody;")?
        .destinations == [.https("https://r.example/v1"), .mail("a@b.example")])
    // RFC 8460 §3: blanks around the delimiters.
    #expect(
      TLSReportRecord("v=TLSRPTv1 ;\trua = mailto:a@b.example , https://r.example/v1 ; x = y ; ")?.destinations
        == [.mail("a@b.example"), .https("https://r.example/v1")])
    #expect(TLSReportRecord("v=TLSRPTv1; rua=mailto:a @b.example,https://r.example")?.destinations.count == 1)
    for text in [
      "v=TLSRPTv1", "v=TLSRPTv1; rua=", "v=TLSRPTv1; rua= ;", "v=TLSRPTv1; rua=ftp://x", "v=TLSRPTv2; rua=mailto:a@b",
      "",
    ] {
      #expect(TLSReportRecord(text) == nil, "\(text)")
    }
    #expect(TLSReportRecord.only(of: ["v=TLSRPTv1; rua=mailto:a@b.c", "v=TLSRPTv1; rua=mailto:a@b.c"]) == nil)
  }
}

@Suite("REQUIRETLS") struct RequireTLSTests {
  @Test func itIsOfferedWithinTLSOnly() {
    var plain = ScriptedServer()
    plain.feed("EHLO c.example\r\n")
    #expect(!plain.said().contains("REQUIRETLS"))
    plain.feed("MAIL FROM:<a@x.org> REQUIRETLS\r\n")
    #expect(plain.said().hasPrefix("555 5.5.4"))

    var secret = ScriptedServer(encrypted: true)
    secret.feed("EHLO c.example\r\n")
    #expect(secret.said().contains("250-REQUIRETLS\r\n"))
    secret.feed("MAIL FROM:<a@x.org> REQUIRETLS=yes\r\nMAIL FROM:<a@x.org> requiretls SIZE=3\r\n")
    #expect(secret.said().split(separator: "\r\n").map { $0.prefix(9) } == ["501 5.5.4", "250 2.1.0"])
    #expect(secret.mails.map(\.requiresTLS) == [true])
  }
}
