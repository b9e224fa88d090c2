import Platform
import Resolver
import Testing

@testable import MailAuthentication

@Suite struct SPFTests {
  let dns = ZoneDNS()

  func check(
    _ address: String, _ sender: String, helo: String = "mail.example.net"
  ) async -> SPFOutcome {
    await SPFCheck(dns: dns, receiver: "mx.example.org", clock: Clock { Moment(seconds: 1_700_000_000) })
      .check(address: IPAddress(address)!, helo: helo, sender: sender)
  }

  // MARK: RFC 7208 appendix A

  /// Appendix A's zone.
  private func appendixA() {
    dns.mx("example.com", "mail-a.example.com", "mail-b.example.com")
    dns.host("example.com", "192.0.2.10", "192.0.2.11")
    dns.host("amy.example.com", "192.0.2.65")
    dns.host("bob.example.com", "192.0.2.66")
    dns.host("mail-a.example.com", "192.0.2.129")
    dns.host("mail-b.example.com", "192.0.2.130")
    dns.mx("example.org", "mail-c.example.org")
    dns.host("mail-c.example.org", "192.0.2.140")
    dns.ptr("192.0.2.10", "example.com")
    dns.ptr("192.0.2.11", "example.com")
    dns.ptr("192.0.2.65", "amy.example.com")
    dns.ptr("192.0.2.66", "bob.example.com")
    dns.ptr("192.0.2.129", "mail-a.example.com")
    dns.ptr("192.0.2.130", "mail-b.example.com")
    dns.ptr("192.0.2.140", "mail-c.example.org")
    dns.ptr("10.0.0.4", "bob.example.com")
  }

  @Test(arguments: [
    ("v=spf1 +all", ["203.0.113.1"], []),
    ("v=spf1 a -all", ["192.0.2.10", "192.0.2.11"], ["192.0.2.12"]),
    ("v=spf1 a:example.org -all", [], ["192.0.2.10"]),
    ("v=spf1 mx -all", ["192.0.2.129", "192.0.2.130"], ["192.0.2.10"]),
    ("v=spf1 mx:example.org -all", ["192.0.2.140"], ["192.0.2.129"]),
    ("v=spf1 mx mx:example.org -all", ["192.0.2.129", "192.0.2.130", "192.0.2.140"], ["192.0.2.65"]),
    (
      "v=spf1 mx/30 mx:example.org/30 -all", ["192.0.2.128", "192.0.2.131", "192.0.2.140", "192.0.2.143"],
      ["192.0.2.127", "192.0.2.132", "192.0.2.139", "192.0.2.144"]
    ),
    // The last one's name is bob's, and bob's address is another one.
    ("v=spf1 ptr -all", ["192.0.2.65", "192.0.2.10"], ["192.0.2.140", "10.0.0.4"]),
    ("v=spf1 ip4:192.0.2.128/28 -all", ["192.0.2.129", "192.0.2.143"], ["192.0.2.65", "192.0.2.144"]),
  ])
  func appendixAExamples(_ record: String, _ passing: [String], _ failing: [String]) async {
    appendixA()
    dns.txt("example.com", record)
    for address in passing { #expect(await check(address, "x@example.com").result == .pass, "\(address)") }
    for address in failing { #expect(await check(address, "x@example.com").result == .fail, "\(address)") }
  }

  /// Appendix A.2 and A.4: several domains in one, and a blocklist by a macro.
  @Test func macrosAsNames() async {
    dns.txt("example.org", "v=spf1 include:example.com include:example.net -all")
    dns.txt("example.com", "v=spf1 ip4:192.0.2.1 -all")
    dns.txt("example.net", "v=spf1 exists:%{l1r-}.%{o}._spf.%{d} ?exists:%{ir}.%{v}.list.example.net -all")
    dns.host("mary.example.org._spf.example.net", "127.0.0.2")
    dns.host("9.2.0.192.in-addr.list.example.net", "127.0.0.2")
    #expect(await check("192.0.2.1", "x@example.org").result == .pass)
    #expect(await check("192.0.2.7", "mary@example.org").result == .pass)
    #expect(await check("192.0.2.7", "x@example.org").result == .fail)
    #expect(await check("192.0.2.9", "x@example.net").result == .neutral)
  }

  // MARK: Macros

  /// RFC 7208 §7.4.
  @Test(arguments: [
    ("%{s}", "strong-bad@email.example.com"), ("%{o}", "email.example.com"), ("%{d}", "email.example.com"),
    ("%{d4}", "email.example.com"), ("%{d3}", "email.example.com"), ("%{d2}", "example.com"), ("%{d1}", "com"),
    ("%{dr}", "com.example.email"), ("%{d2r}", "example.email"), ("%{l}", "strong-bad"), ("%{l-}", "strong.bad"),
    ("%{lr}", "strong-bad"), ("%{lr-}", "bad.strong"), ("%{l1r-}", "strong"),
    ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
    ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
    ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
    ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
    ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
    ("%{S}", "strong-bad%40email.example.com"), ("%%%_%-x.y", "% %20x.y"),
    ("%{h}|%{c}|%{r}|%{t}", "h.example|192.0.2.3|mx|7"),
  ])
  func macros(_ text: String, _ expected: String) throws {
    let values = SPFMacroValues(
      local: Array("strong-bad".utf8), senderDomain: Array("email.example.com".utf8),
      domain: Array("email.example.com".utf8), address: IPAddress("192.0.2.3")!, helo: Array("h.example".utf8),
      receiver: Array("mx".utf8), now: Moment(seconds: 7))
    let parsed = try SPFMacroString(Array(text.utf8)[...], as: .explanation)
    #expect(String(decoding: parsed.expanded(values), as: UTF8.self) == expected)
  }

  @Test func addressesOfVersionSixAreNibbles() throws {
    let values = SPFMacroValues(
      local: [], senderDomain: [], domain: Array("email.example.com".utf8), address: IPAddress("2001:db8::cb01")!,
      helo: [], receiver: [], now: Moment(seconds: 0))
    let parsed = try SPFMacroString(Array("%{ir}.%{v}._spf.%{d2}".utf8)[...], as: .domain)
    #expect(
      String(decoding: parsed.expanded(values), as: UTF8.self).lowercased()
        == "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com")
  }

  @Test func namesThatAreTooLongLoseLabelsOnTheLeft() async {
    let local = Array(repeating: "abcdefgh", count: 30).joined(separator: ".")
    dns.txt("example.com", "v=spf1 exists:%{l}.example.com -all")
    // 30 × 9 + 11 octets are too many; 26 labels stay.
    let name = Array(repeating: "abcdefgh", count: 26).joined(separator: ".") + ".example.com"
    dns.host(name, "127.0.0.1")
    #expect(await check("192.0.2.1", "\(local)@example.com").result == .pass)
  }

  // MARK: Records

  @Test(arguments: [
    "v=spf1 a:museum -all", "v=spf1 moo -all", "v=spf1 -all:x", "v=spf1 include -all", "v=spf1 include: -all",
    "v=spf1 ip4:1.2.3 -all", "v=spf1 ip4:1.2.3.4/33", "v=spf1 ip4:1.2.3.4/", "v=spf1 ip4:1.2.3.4/03",
    "v=spf1 ip6:1.2.3.4", "v=spf1 ip6:::1/129", "v=spf1 ip6", "v=spf1 a/33", "v=spf1 a//129", "v=spf1 a/",
    "v=spf1 redirect=a.example redirect=b.example", "v=spf1 exp=a.example exp=b.example", "v=spf1 redirect=",
    "v=spf1 exp=", "v=spf1 exists", "v=spf1 exists:%{c}.example.com", "v=spf1 exists:%{a}.example", "v=spf1 a:%{d",
    "v=spf1 a:%(d).example", "v=spf1 a:%{d0}.x", "v=spf1 x=%", "v=spf1 a:a.example\tmx -all", "v=spf1 =x",
    "v=spf1 1x=y",
    "v=spf1 ptr: -all", "v=spf1 a:a.123 -all", "v=spf1 a:a.-b -all", "v=spf1 ä",
  ])
  func wrongRecords(_ record: String) async {
    dns.txt("example.com", record)
    let outcome = await check("192.0.2.1", "x@example.com")
    #expect(outcome.result == .permerror)
    #expect(outcome.problem != nil)
  }

  @Test(arguments: [
    ("v=spf1", SPFResult.neutral), ("V=SPF1 -ALL", .fail), ("v=spf1  ~all ", .softfail), ("v=spf1 ?all", .neutral),
    ("v=spf10 -all", .none), ("v=spf1 unknown=%{d}/x:y -all", .fail), ("v=spf1 ip4:192.0.2.1 -all", .pass),
    ("v=spf1 ip6:::ffff:192.0.2.1 -all", .fail), ("v=spf1 a:foo:bar/baz.example.net -all", .fail),
    ("v=spf1 redirect=other.example.com -all", .fail), ("v=spf1 exists:%{d}.%_%% -all", .fail),
    ("v=spf1 a:a..b.example.com -all", .fail), ("v=spf1 a:a.example.com./24//64 -all", .fail),
  ])
  func rightRecords(_ record: String, _ result: SPFResult) async {
    dns.txt("example.com", record)
    #expect(await check("192.0.2.1", "x@example.com").result == result)
  }

  @Test func severalRecordsAreAnError() async {
    dns.txt("example.com", "v=spf1 -all", "other", "v=spf1 +all")
    #expect(await check("192.0.2.1", "x@example.com").result == .permerror)
    dns.txt("example.net", "v=spf1 -all", "v=spf10 +all", "v=spf2.0 +all")
    #expect(await check("192.0.2.1", "x@example.net").result == .fail)
  }

  @Test func whoIsAsked() async {
    dns.txt("mail.example.net", "v=spf1 -all exp=e.example.net")
    dns.txt("e.example.net", "%{l} at %{h}")
    let outcome = await check("192.0.2.1", "")
    #expect(outcome.result == .fail)
    #expect(outcome.identity == .helo)
    #expect(outcome.sender == "postmaster@mail.example.net")
    #expect(outcome.explanation == "postmaster at mail.example.net")
    #expect(outcome.mechanism == "-all")
    for helo in ["localhost", "[192.0.2.1]", "a..b", "", "ä.example"] {
      #expect(await check("192.0.2.1", "", helo: helo).result == .none, "\(helo)")
    }
    #expect(await check("192.0.2.1", "nobody").result == .none)
    #expect(await check("192.0.2.1", "@").result == .none)
  }

  @Test func errorsOfTheDNS() async {
    dns.fail("example.com", .txt)
    #expect(await check("192.0.2.1", "x@example.com").result == .temperror)
    dns.txt("a.example.com", "v=spf1 a:b.example.com -all")
    dns.fail("b.example.com", .a)
    #expect(await check("192.0.2.1", "x@a.example.com").result == .temperror)
    dns.txt("p.example.com", "v=spf1 ptr -all")
    dns.fail("1.2.0.192.in-addr.arpa", .ptr)
    #expect(await check("192.0.2.1", "x@p.example.com").result == .fail)
    dns.txt("i.example.com", "v=spf1 include:example.com -all")
    #expect(await check("192.0.2.1", "x@i.example.com").result == .temperror)
    dns.txt("n.example.com", "v=spf1 include:nothing.example.com -all")
    #expect(await check("192.0.2.1", "x@n.example.com").result == .permerror)
    dns.txt("r.example.com", "v=spf1 redirect=nothing.example.com")
    #expect(await check("192.0.2.1", "x@r.example.com").result == .permerror)
  }

  // MARK: Limits

  @Test func tenLookUpsAndNoMore() async {
    for number in 0..<20 { dns.host("h\(number).example.com", "203.0.113.9") }
    let terms = (0..<10).map { "a:h\($0).example.com" }.joined(separator: " ")
    dns.txt("ten.example.com", "v=spf1 \(terms) -all")
    dns.txt("eleven.example.com", "v=spf1 \(terms) a:h11.example.com -all")
    dns.txt("loop.example.com", "v=spf1 include:loop.example.com -all")
    dns.txt("circle.example.com", "v=spf1 redirect=circle.example.com")
    #expect(await check("192.0.2.1", "x@ten.example.com").result == .fail)
    #expect(await check("192.0.2.1", "x@eleven.example.com").result == .permerror)
    #expect(await check("192.0.2.1", "x@loop.example.com").result == .permerror)
    #expect(await check("192.0.2.1", "x@circle.example.com").result == .permerror)
    #expect(dns.asked.count < 60)
  }

  @Test func twoNamesThatAreNotThere() async {
    dns.txt("two.example.com", "v=spf1 a:n1.example.com mx:n2.example.com ?all")
    dns.txt("three.example.com", "v=spf1 a:n1.example.com mx:n2.example.com exists:n3.example.com ?all")
    #expect(await check("192.0.2.1", "x@two.example.com").result == .neutral)
    #expect(await check("192.0.2.1", "x@three.example.com").result == .permerror)
  }

  @Test func tenMailServersAndNames() async {
    dns.txt("example.com", "v=spf1 mx -all")
    for number in 0..<11 { dns.mx("example.com", "m\(number).example.com") }
    #expect(await check("192.0.2.1", "x@example.com").result == .permerror)
    dns.txt("example.net", "v=spf1 ptr -all")
    for number in 0..<11 {
      dns.ptr("192.0.2.1", "p\(number).example.\(number == 10 ? "net" : "org")")
      dns.host("p\(number).example.\(number == 10 ? "net" : "org")", "192.0.2.1")
    }
    // The eleventh name is not looked at.
    #expect(await check("192.0.2.1", "x@example.net").result == .fail)
  }

  @Test func aHugeRecordIsAnError() async {
    dns.txt("example.com", "v=spf1 " + String(repeating: "ip4:192.0.2.0/24 ", count: 600_000))
    #expect(await check("192.0.2.1", "x@example.com").result == .permerror)
  }

  @Test func explanationsThatAreNone() async {
    dns.txt("example.com", "v=spf1 -all exp=e.%{d}")
    #expect(await check("192.0.2.1", "x@example.com").explanation == nil)
    dns.txt("e.example.com", "wrong %{z}")
    #expect(await check("192.0.2.1", "x@example.com").explanation == nil)
    dns.txt("f.example.com", "v=spf1 include:example.com -all exp=g.example.com")
    dns.txt("g.example.com", "See http://%{d}/why.html?s=%{S}&i=%{I}")
    #expect(
      await check("192.0.2.1", "x@f.example.com").explanation
        == "See http://f.example.com/why.html?s=x%40f.example.com&i=192.0.2.1")
  }
}
