import Message
import Resolver
import Testing

@testable import MailAuthentication

@Suite struct DMARCTests {
  let dns = ZoneDNS()
  static let list = PublicSuffixList(
    """
    // a comment
    com
    uk
    co.uk
    *.ck
    !www.ck
    jp
    *.kawasaki.jp
    !city.kawasaki.jp
    公司.cn
    github.io
    io
    """)

  @Test(arguments: [
    ("example.com", "example.com"), ("a.b.example.com", "example.com"), ("com", "com"), ("co.uk", "co.uk"),
    ("example.co.uk", "example.co.uk"), ("www.example.co.uk", "example.co.uk"), ("a.b.ck", "a.b.ck"), ("b.ck", "b.ck"),
    ("x.a.b.ck", "a.b.ck"), ("www.ck", "www.ck"), ("x.www.ck", "www.ck"), ("city.kawasaki.jp", "city.kawasaki.jp"),
    ("a.city.kawasaki.jp", "city.kawasaki.jp"), ("a.b.c.kawasaki.jp", "b.c.kawasaki.jp"),
    ("unknown.tld", "unknown.tld"), ("a.unknown.tld", "unknown.tld"), ("a.xn--55qx5d.cn", "a.xn--55qx5d.cn"),
    ("b.a.公司.cn", "a.xn--55qx5d.cn"), ("me.github.io", "me.github.io"), ("x.me.github.io", "me.github.io"),
  ])
  func organizationalDomains(_ name: String, _ expected: String) {
    #expect(Self.list.organizationalDomain(of: DomainName(name)!).ascii == expected)
  }

  @Test func theInstalledListIsRead() {
    #expect(PublicSuffixList.installed.count > 5000)
    #expect(
      PublicSuffixList.installed.organizationalDomain(of: DomainName("a.b.example.co.uk")!).ascii == "example.co.uk")
    #expect(PublicSuffixList(file: "/nonexistent") == nil)
    #expect(PublicSuffixList("").organizationalDomain(of: DomainName("a.example.com")!).ascii == "example.com")
  }

  @Test(arguments: [
    "v=DMARC1; p=reject", "v=DMARC1;p=reject;", " v = DMARC1 ; p = REJECT ; x=y",
    "v=DMARC1; p=reject; pct=x; ri=x; fo=1; adkim=r",
  ])
  func records(_ text: String) throws {
    let record = try #require(DMARCRecord(text))
    #expect(record.policy == .reject)
    #expect(record.percent == 100)
  }

  @Test(arguments: [
    "", "v=DMARC1", "v=DMARC2; p=none", "v=dmarc1; p=none", "p=none; v=DMARC1", "v=DMARC1; p=odd",
    "v=DMARC1; p=none; sp=odd",
    "v=DMARC1; p=none; p=none", "v=DMARC1 p=none", "v=DMARC1;; p=none",
  ])
  func noRecords(_ text: String) { #expect(DMARCRecord(text) == nil) }

  @Test func everyTag() throws {
    let record = try #require(
      DMARCRecord(
        "v=DMARC1; p=quarantine; sp=none; adkim=s; aspf=S; pct=20; ri=3600; rua=mailto:a@example.com!10m, mailto:b@example.com; ruf=mailto:c@example.com"
      ))
    #expect(record.policy == .quarantine && record.subdomainPolicy == DMARCRecord.Policy.none)
    #expect(record.isStrictForDKIM && record.isStrictForSPF)
    #expect(record.percent == 20 && record.reportInterval == 3600)
    #expect(record.aggregateReports == ["mailto:a@example.com!10m", "mailto:b@example.com"])
    #expect(record.failureReports == ["mailto:c@example.com"])
    #expect(DMARCRecord("v=DMARC1; p=odd; rua=mailto:a@example.com")?.policy == DMARCRecord.Policy.none)
  }

  @Test(arguments: [
    ("From: a@example.com\n", Author.domain(DomainName("example.com")!)),
    ("From: A <a@Example.COM>, b@example.com\n", .domain(DomainName("example.com")!)),
    ("To: x@y\n", .missing), ("From:\n", .missing), ("From: ;,\n", .missing),
    ("From: a@example.com\nFrom: a@example.com\n", .several), ("From: a@example.com, b@example.net\n", .several),
    ("From: MAILER-DAEMON (Mail Delivery)\n", .unknown), ("From: a@[192.0.2.1]\n", .unknown),
    ("From: \"a@evil.example\" <b@example.com>\n", .domain(DomainName("example.com")!)),
    ("From: a@müller.example\n", .domain(DomainName("xn--mller-kva.example")!)),
  ])
  func authors(_ text: String, _ author: Author) { #expect(Author(HeaderSection(mail(text + "\n"))) == author) }

  private func check(
    _ from: String, spf: (SPFResult, String)? = nil, dkim: [(DKIMResult, String)] = [], random: Int = 0
  ) async -> DMARCOutcome {
    await DMARCCheck(dns: dns, suffixes: Self.list, random: { random }).check(
      .domain(DomainName(from)!),
      spf: spf.map { SPFOutcome(result: $0.0, identity: .mailfrom, sender: "x@\($0.1)", domain: $0.1) },
      dkim: dkim.map { DKIMOutcome(result: $0.0, domain: $0.1) })
  }

  @Test func alignment() async {
    dns.txt("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine")
    #expect(await check("example.com", spf: (.pass, "example.com")).result == .pass)
    #expect(await check("example.com", spf: (.pass, "bounce.example.com")).result == .pass)
    #expect(await check("example.com", dkim: [(.fail, "example.com"), (.pass, "mail.example.com")]).result == .pass)
    #expect(await check("a.example.com", dkim: [(.pass, "b.example.com")]).isDKIMAligned)
    let failing = await check("example.com", spf: (.pass, "example.co.uk"), dkim: [(.pass, "other.com")])
    #expect(failing.result == .fail && failing.disposition == .reject && failing.policy == .reject)
    let below = await check("a.example.com", spf: (.softfail, "example.com"))
    #expect(below.result == .fail && below.disposition == .quarantine && below.policyDomain == "example.com")
    #expect(await check("com").result == .none)
    #expect(await check("example.co.uk").result == .none)
  }

  @Test func strictAlignment() async {
    dns.txt("_dmarc.example.com", "v=DMARC1; p=reject; adkim=s; aspf=s")
    #expect(await check("example.com", spf: (.pass, "a.example.com"), dkim: [(.pass, "b.example.com")]).result == .fail)
    #expect(await check("example.com", spf: (.pass, "EXAMPLE.com")).result == .pass)
    // No sp: p holds for sub-domains.
    #expect(await check("a.example.com").disposition == .reject)
  }

  @Test func percent() async {
    dns.txt("_dmarc.example.com", "v=DMARC1; p=reject; pct=30")
    #expect(await check("example.com", random: 29).disposition == .reject)
    let spared = await check("example.com", random: 30)
    #expect(spared.disposition == .quarantine && spared.isSampledOut)
    dns.txt("_dmarc.other.com", "v=DMARC1; p=quarantine; pct=0")
    #expect(await check("other.com", random: 0).disposition == .none)
  }

  @Test func errors() async {
    dns.fail("_dmarc.example.com", .txt)
    #expect(await check("example.com").result == .temperror)
    dns.txt("_dmarc.odd.com", "v=DMARC1; p=odd")
    #expect(await check("odd.com").result == .permerror)
    dns.txt("_dmarc.two.com", "v=DMARC1; p=none", "v=DMARC1; p=reject")
    #expect(await check("two.com").result == .none)
    dns.txt("_dmarc.other.com", "something else", "v=DMARC1; p=reject")
    #expect(await check("other.com", dkim: [(.temperror, "other.com")]).result == .temperror)
    #expect(await check("other.com", spf: (.temperror, "other.com")).result == .temperror)
    #expect(await check("other.com", spf: (.temperror, "third.com")).result == .fail)
  }
}
