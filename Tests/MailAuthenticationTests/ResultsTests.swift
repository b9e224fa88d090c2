import Message
import Platform
import Resolver
import Testing

@testable import MailAuthentication

@Suite struct ResultsTests {
  private func read(_ text: String) -> AuthenticationResults { AuthenticationResults(Array(text.utf8)[...]) }

  /// RFC 8601 appendix B.
  @Test func theExamplesOfRFC8601() {
    #expect(read(" example.org 1; none") == AuthenticationResults(authority: "example.org", entries: []))
    let first = read(
      " example.com;\r\n          auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n     spf=pass smtp.mailfrom=example.net"
    )
    #expect(first.authority == "example.com")
    #expect(first.entries.map(\.method) == ["auth", "spf"])
    #expect(first.entries[0].properties == [.init("smtp.auth", "sender@example.net")])
    #expect(first["spf"] == "pass")
    let comments = read(
      " foo.example.net (foobar) 1 (baz);\r\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
        + "      policy (A dot can go here) . (like that) expired\r\n      (this surprised me) = (as I wasn't expecting it) 1362471462"
    )
    #expect(comments.authority == "foo.example.net")
    #expect(comments["dkim"] == "fail")
  }

  @Test func nothingCanBeSmuggledIn() {
    #expect(read("a; spf=fail reason=\"; dmarc=pass\"")["dmarc"] == nil)
    #expect(read("a; spf=fail (; dmarc=pass)")["dmarc"] == nil)
    #expect(read("a; spf=fail (\\); dmarc=pass)")["dmarc"] == nil)
    #expect(read("a; spf=fail reason=\"\\\"; dmarc=pass\"")["dmarc"] == nil)
    #expect(read("a; dmarc=fail; dmarc=pass")["dmarc"] == "fail")
    #expect(read("a; DMARC = PASS")["dmarc"] == "pass")
    #expect(read("a; \"dmarc=pass\"")["dmarc"] == nil)
    #expect(read("").entries.isEmpty)
  }

  @Test func whatIsWrittenIsReadAgain() {
    let results = AuthenticationResults(
      authority: "mx.example.org",
      entries: [
        .init(
          "spf", "permerror", reason: "the \"term\" x\\y; is (odd)", [.init("smtp.mailfrom", "a b;=\"@example.com")]),
        .init("dkim", "pass", [.init("header.d", "example.com"), .init("header.b", "a/b+c=")]),
        .init("dmarc", "pass", [.init("header.from", "ä.example\r\nX: y")]),
      ])
    let field = results.field
    let header = HeaderSection(field + [13, 10])
    #expect(header.count == 1)
    for line in String(decoding: field, as: UTF8.self).split(separator: "\r\n") { #expect(line.utf8.count < 100) }
    let again = AuthenticationResults(header[0].body)
    #expect(again.authority == results.authority)
    #expect(again.entries.map(\.result) == ["permerror", "pass", "pass"])
    #expect(again.entries[0].reason == results.entries[0].reason)
    #expect(again.entries[0].properties == results.entries[0].properties)
    #expect(again.entries[1].properties == results.entries[1].properties)
    #expect(again.entries[2].properties == [.init("header.from", "??.example??X: y")])
    #expect(
      String(decoding: AuthenticationResults(authority: "a.example", entries: []).field, as: UTF8.self)
        == "Authentication-Results: a.example; none\r\n")
  }

  @Test func reverseNames() async {
    let dns = ZoneDNS()
    let check = ReverseCheck(dns: dns)
    let address = IPAddress("192.0.2.1")!
    #expect(await check.check(address).result == .permerror)
    dns.ptr("192.0.2.1", "a.example.com", "b.example.com")
    #expect(await check.check(address) == ReverseOutcome(result: .fail, name: DomainName("a.example.com")))
    dns.host("b.example.com", "192.0.2.1")
    #expect(await check.check(address) == ReverseOutcome(result: .pass, name: DomainName("b.example.com")))
    dns.ptr("2001:db8::1", "c.example.com")
    dns.fail("c.example.com", .aaaa)
    #expect(await check.check(IPAddress("2001:db8::1")!).result == .temperror)
    dns.fail("2.2.0.192.in-addr.arpa", .ptr)
    #expect(await check.check(IPAddress("192.0.2.2")!).result == .temperror)
  }

  @Test func aWholeReport() async throws {
    let dns = ZoneDNS()
    dns.txt("brisbane._domainkey.football.example.com", DKIMTests.ed25519Key)
    dns.txt("test._domainkey.football.example.com", DKIMTests.rsaKey)
    dns.txt("football.example.com", "v=spf1 ip4:192.0.2.1 -all")
    dns.txt("_dmarc.example.com", "v=DMARC1; p=reject")
    dns.ptr("192.0.2.1", "out.example.com")
    dns.host("out.example.com", "192.0.2.1")
    let message = mail(DKIMTests.signed + DKIMTests.dinner)
    let header = HeaderSection(message)
    let body = Array(message[header.bytes.count...])
    let authenticator = MessageAuthenticator(
      dns: AnswerCache(dns), receiver: "mx.example.org", suffixes: PublicSuffixList("com"),
      clock: Clock { Moment(seconds: 1_528_700_000) })
    for _ in 0..<2 {
      let report = try await authenticator.report(
        on: header,
        client: .init(address: IPAddress("192.0.2.1")!, helo: "out.example.com", sender: "joe@football.example.com")
      ) { Array(body.dropFirst($0)) }
      let results = report.results(authority: "mx.example.org")
      #expect(
        results.entries.map { "\($0.method)=\($0.result)" } == [
          "iprev=pass", "spf=pass", "dkim=pass", "dkim=pass", "dmarc=pass",
        ])
      #expect(report.dmarc.policyDomain == "example.com")
    }
    // The second time everything was known.
    #expect(Set(dns.asked).count == dns.asked.count)
  }
}
