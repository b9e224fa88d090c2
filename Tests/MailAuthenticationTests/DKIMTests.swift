import Message
import Platform
import Resolver
import Testing

@testable import MailAuthentication

/// Verifies a whole message.
func verify(
  _ message: [UInt8], _ dns: ZoneDNS, at seconds: Int64 = 1_528_700_000, pieces: Int = .max
) async throws -> AuthenticationReport {
  let header = HeaderSection(message)
  let body = Array(message[header.bytes.count...])
  let authenticator = MessageAuthenticator(
    dns: dns, receiver: "mx.example.org", suffixes: PublicSuffixList("com\norg\nnet\nco.uk\n"),
    clock: Clock { Moment(seconds: seconds) }, random: { 50 })
  return try await authenticator.report(on: header, client: nil) { offset in
    Array(body[min(offset, body.count)...].prefix(pieces))
  }
}

@Suite struct DKIMTests {
  let dns = ZoneDNS()

  static let dinner = """
    From: Joe SixPack <joe@football.example.com>
    To: Suzie Q <suzie@shopping.example.net>
    Subject: Is dinner ready?
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
    Message-ID: <20030712040037.46341.5F8J@football.example.com>

    Hi.

    We lost the game.  Are you hungry yet?

    Joe.

    """

  static let ed25519Key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
  static let rsaKey =
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
    + "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
    + "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
    + "Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

  /// RFC 8463 appendix A.3: signed with both algorithms.
  static let signed = """
    DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
     d=football.example.com; i=@football.example.com;
     q=dns/txt; s=brisbane; t=1528637909; h=from : to :
     subject : date : message-id : from : subject : date;
     bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
     b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
     Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
    DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
     d=football.example.com; i=@football.example.com;
     q=dns/txt; s=test; t=1528637909; h=from : to : subject :
     date : message-id : from : subject : date;
     bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
     b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
     DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
     dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=

    """

  private func publishKeys() {
    dns.txt("brisbane._domainkey.football.example.com", Self.ed25519Key)
    dns.txt("test._domainkey.football.example.com", Self.rsaKey)
  }

  @Test func theExampleOfRFC8463() async throws {
    publishKeys()
    let report = try await verify(mail(Self.signed + Self.dinner), dns)
    #expect(report.dkim.map(\.result) == [.pass, .pass], "\(report.dkim.map(\.reason))")
    #expect(report.dkim.map(\.algorithm) == [.ed25519SHA256, .rsaSHA256])
    #expect(report.dkim[0].domain == "football.example.com")
    #expect(report.dkim[0].beginning == "/gCrinpc")
  }

  /// RFC 6376 appendix A.2. Its signature is known not to verify with the key of appendix C (errata), its body hash does.
  @Test func theExampleOfRFC6376IsRead() async throws {
    let field = mail(
      """
      DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
           c=simple/simple; q=dns/txt; i=joe@football.example.com;
           h=Received : From : To : Subject : Date : Message-ID;
           bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
           b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
           4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
           KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
           4bmp/YzhwvcubU4=;


      """)
    let header = HeaderSection(field)
    let tags = try #require(TagList(header[0].body))
    let signature = try DKIMSignature(header[0], tags, kind: .dkim)
    #expect(signature.domain.ascii == "example.com")
    #expect(signature.identity == "joe@football.example.com")
    #expect(
      signature.names.map { String(decoding: $0, as: UTF8.self) } == [
        "Received", "From", "To", "Subject", "Date", "Message-ID",
      ])
    let digest = BodyDigest(.simple)
    mail("Hi.\n\nWe lost the game. Are you hungry yet?\n\nJoe.\n").withUnsafeBytes { digest.append($0) }
    #expect(digest.finish() == signature.bodyHash)
  }

  // MARK: Canonical forms

  /// RFC 6376 §3.4.5.
  @Test func theExamplesOfCanonicalForms() {
    let message = Array("A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n".utf8)
    let header = HeaderSection(message)
    var relaxed: [UInt8] = []
    var simple: [UInt8] = []
    for field in header {
      Canonicalization.relaxed.append(field, to: &relaxed)
      Canonicalization.simple.append(field, to: &simple)
    }
    #expect(String(decoding: relaxed, as: UTF8.self) == "a:X\r\nb:Y Z\r\n")
    #expect(String(decoding: simple, as: UTF8.self) == "A: X\r\nB : Y\t\r\n\tZ  \r\n")
    let body = Array(message[header.bytes.count...])
    #expect(hash(body, .relaxed) == SHA256.hash(Array(" C\r\nD E\r\n".utf8)))
    #expect(hash(body, .simple) == SHA256.hash(Array(" C \r\nD \t E\r\n".utf8)))
  }

  private func hash(_ body: [UInt8], _ form: Canonicalization, pieces: Int = .max, limit: Int64? = nil) -> [UInt8] {
    let digest = BodyDigest(form, limit: limit)
    var rest = body[...]
    while !rest.isEmpty {
      rest.prefix(pieces).withUnsafeBytes { digest.append($0) }
      rest = rest.dropFirst(pieces)
    }
    return digest.finish()
  }

  @Test(arguments: [
    ("", "", "\r\n"), ("\r\n\r\n", "", "\r\n"), (" \r\n\t\r\n", "", " \r\n\t\r\n"), ("a", "a\r\n", "a\r\n"),
    ("a\r\n", "a\r\n", "a\r\n"), ("a \t b  \r\n\r\n\r\nc\r\n\r\n", "a b\r\n\r\n\r\nc\r\n", "a \t b  \r\n\r\n\r\nc\r\n"),
    ("a\rb\r\r\n", "a\rb\r\r\n", "a\rb\r\r\n"), ("\r", "\r\r\n", "\r\r\n"), ("a \r", "a \r\r\n", "a \r\r\n"),
    ("\r\n\r\na", "\r\n\r\na\r\n", "\r\n\r\na\r\n"), (" a", " a\r\n", " a\r\n"),
  ])
  func bodies(_ body: String, _ relaxed: String, _ simple: String) {
    let bytes = Array(body.utf8)
    for size in [1, 2, 3, Int.max] {
      #expect(hash(bytes, .relaxed, pieces: size) == SHA256.hash(Array(relaxed.utf8)), "\(size)")
      #expect(hash(bytes, .simple, pieces: size) == SHA256.hash(Array(simple.utf8)), "\(size)")
      #expect(hash(bytes, .simple, pieces: size, limit: 1) == SHA256.hash(Array(simple.utf8.prefix(1))), "\(size)")
    }
  }

  // MARK: Own signatures

  // swift-format-ignore: NeverUseForceTry
  static let rsa = try! SigningKey.make(.rsaSHA256)
  // swift-format-ignore: NeverUseForceTry
  static let ed = try! SigningKey.make(.ed25519SHA256)

  private func sign(_ text: String) throws -> [UInt8] {
    dns.txt("r._domainkey.football.example.com", Self.rsa.recordText)
    dns.txt("e._domainkey.football.example.com", Self.ed.recordText)
    let message = mail(text)
    let header = HeaderSection(message)
    let hash = RelaxedBodyHash()
    hash.append(message[header.bytes.count...])
    let fields = try DKIMSigner.signatures(
      of: header, bodyHash: hash.finish(),
      by: [
        SigningIdentity(domain: "football.example.com", selector: "r", key: Self.rsa),
        SigningIdentity(domain: "football.example.com", selector: "e", key: Self.ed),
      ], at: Moment(seconds: 1_528_637_909))
    return fields + message
  }

  @Test func whatWeSignVerifies() async throws {
    let message = try sign(Self.dinner)
    for line in String(decoding: message, as: UTF8.self).split(separator: "\r\n") { #expect(line.utf8.count <= 78) }
    for pieces in [1, 7, Int.max] {
      let report = try await verify(message, dns, pieces: pieces)
      #expect(report.dkim.map(\.result) == [.pass, .pass], "\(report.dkim.map(\.reason))")
    }
    let again = try SigningKey(secret: Self.rsa.secret)
    #expect(again.publicData == Self.rsa.publicData)
    #expect(try SigningKey(secret: Self.ed.secret).recordText == Self.ed.recordText)
    #expect(throws: CryptographyError.self) { try SigningKey(secret: [1, 2, 3]) }
  }

  @Test(arguments: [
    ("Joe.\r\n", "Joe!\r\n", "the body was changed"), ("Is dinner", "Was dinner", "the signature does not verify"),
    ("Subject: Is", "Subject: x\r\nSubject: Is", "the signature does not verify"),
    // Oversigned, so nothing can be added.
    ("To: Suzie", "Reply-To: evil@example.net\r\nTo: Suzie", "the signature does not verify"),
    ("From: Joe", "From: evil@example.net\r\nFrom: Joe", "the signature does not verify"),
  ])
  func changesAreFound(_ old: String, _ new: String, _ reason: String) async throws {
    let message = String(decoding: try sign(Self.dinner), as: UTF8.self)
    let report = try await verify(Array(message.replacing(old, with: new).utf8), dns)
    #expect(report.dkim.map(\.result) == [.fail, .fail])
    #expect(report.dkim.allSatisfy { $0.reason == reason }, "\(report.dkim.map(\.reason))")
  }

  @Test func whiteSpaceMayChange() async throws {
    let message = String(decoding: try sign(Self.dinner), as: UTF8.self)
    let changed =
      message.replacing("Subject: Is dinner", with: "SUBJECT:  Is\r\n\tdinner").replacing(
        "game.  Are", with: "game. Are")
      + "\r\n\r\n"
    #expect(try await verify(Array(changed.utf8), dns).dkim.map(\.result) == [.pass, .pass])
  }

  // MARK: What is wrong with a signature

  @Test(arguments: [
    ("v=1;", "v=2;", DKIMResult.neutral), ("v=1;", "", .neutral), ("a=rsa-sha256", "a=rsa-sha1", .policy),
    ("a=rsa-sha256", "a=RSA-SHA256", .neutral), ("a=rsa-sha256", "a=none", .neutral),
    ("c=relaxed/relaxed", "c=relaxed/odd", .neutral), ("c=relaxed/relaxed", "c=relaxed/relaxed/x", .neutral),
    ("i=@football", "i=@other", .neutral), ("i=@football.example.com", "i=x", .neutral),
    ("q=dns/txt", "q=http", .neutral),
    ("s=test", "s=nothing", .permerror), ("s=test", "s=a..b", .neutral), ("s=test;", "", .neutral),
    ("d=football.example.com;", "", .neutral), ("h=from :", "h=x-from :", .permerror), ("bh=2", "bh=!", .neutral),
    ("bh=2", "bh=3", .fail), ("t=1528637909", "t=1528637909; x=1528637910", .fail),
    ("t=1528637909", "t=1528637909; x=1528637908", .neutral), ("t=1528637909", "t=x", .neutral),
    ("t=1528637909", "t=1528637909; l=99999", .fail), ("t=1528637909", "t=1528637909; l=-1", .neutral),
    ("t=1528637909", "t=1528637909; t=1528637909", .neutral), ("t=1528637909", "t=1528637909;;", .neutral),
    ("t=1528637909", "t=15286379091", .fail),
  ])
  func faults(_ old: String, _ new: String, _ result: DKIMResult) async throws {
    publishKeys()
    let second = Self.signed.split(separator: "DKIM-Signature:")[1]
    var field = "DKIM-Signature:" + second
    if old == "h=from :" { field = field.replacing(": from :", with: ":") }
    field = field.replacing(old, with: new)
    let report = try await verify(mail(field + Self.dinner), dns)
    #expect(report.dkim.map(\.result) == [result], "\(report.dkim.map(\.reason))")
    #expect(report.dkim.first?.reason != nil)
  }

  @Test(arguments: [
    ("", DKIMResult.permerror), ("v=DKIM1; k=rsa; p=", .permerror), ("v=DKIM2; p=AAAA", .permerror),
    ("k=rsa; v=DKIM1; p=AAAA", .permerror), ("v=; p=AAAA", .permerror), ("k=; p=AAAA", .permerror),
    ("k=rsa", .permerror), ("p=AAAA", .permerror), ("p=!", .permerror), (DKIMTests.ed25519Key, .permerror),
    (DKIMTests.rsaKey.replacing("k=rsa", with: "h=sha1"), .permerror),
    (DKIMTests.rsaKey.replacing("k=rsa", with: "h=sha1 : sha256; s=email; t=y"), .pass),
    (DKIMTests.rsaKey.replacing("k=rsa", with: "s=tlsrpt"), .permerror),
    (DKIMTests.rsaKey.replacing("k=rsa", with: "s=*; t=s:y; n=note"), .pass),
    (DKIMTests.rsaKey.replacing("v=DKIM1; k=rsa; ", with: ""), .pass),
    // 512 bits.
    (
      "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANmBe10IgY+u7h3enWTukkqtUD5PR52Tb/mPfjC0QJTocVBq6Za/PlzfV+Py92VaCak19F4WrbVT"
        + "K5Gg5tW220MCAwEAAQ==", .policy
    ),
  ])
  func keys(_ record: String, _ result: DKIMResult) async throws {
    if !record.isEmpty { dns.txt("test._domainkey.football.example.com", record) }
    let field = "DKIM-Signature:" + Self.signed.split(separator: "DKIM-Signature:")[1]
    let report = try await verify(mail(field + Self.dinner), dns)
    #expect(report.dkim.map(\.result) == [result], "\(report.dkim.map(\.reason))")
    #expect(report.dkim.first?.isTest == record.contains("y; ") || result != .pass || !record.contains("t="))
  }

  @Test func keysOfAbsurdLengthAreRefused() async throws {
    // A modulus of 16,384 bits, all ones.
    let modulus = [UInt8](repeating: 0xff, count: 2048)
    func der(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
      [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 255)] + content
    }
    let key = der(0x30, der(0x02, [0] + modulus) + [0x02, 3, 1, 0, 1])
    dns.txt("test._domainkey.football.example.com", "p=" + String(decoding: Base64.encode(key), as: UTF8.self))
    let field = "DKIM-Signature:" + Self.signed.split(separator: "DKIM-Signature:")[1]
    #expect(try await verify(mail(field + Self.dinner), dns).dkim.map(\.result) == [.permerror])
    dns.txt("brisbane._domainkey.football.example.com", "k=ed25519; p=" + String(repeating: "A", count: 10 << 20))
    #expect(try await verify(mail(Self.signed + Self.dinner), dns).dkim.map(\.result) == [.permerror, .permerror])
  }

  @Test func aDNSThatFailsIsNoProof() async throws {
    dns.fail("test._domainkey.football.example.com", .txt)
    dns.fail("brisbane._domainkey.football.example.com", .txt)
    let report = try await verify(mail(Self.signed + Self.dinner), dns)
    #expect(report.dkim.map(\.result) == [.temperror, .temperror])
  }

  @Test func onlySomeSignaturesAreLookedAt() async throws {
    publishKeys()
    let field = "DKIM-Signature:" + Self.signed.split(separator: "DKIM-Signature:")[1]
    let report = try await verify(mail(String(repeating: field, count: 30) + Self.dinner), dns)
    #expect(report.dkim.count == 30)
    #expect(report.dkim.filter { $0.result == .pass }.count == 8)
    #expect(report.dkim.last?.result == .neutral)
    #expect(dns.asked.filter { $0.contains("_domainkey") }.count == 8)
  }

  @Test func partsThatAreNotSignedAreSaid() async throws {
    let body = Array("signed\r\nadded\r\n".utf8)
    let digest = BodyDigest(.simple, limit: 8)
    body.withUnsafeBytes { digest.append($0) }
    #expect(digest.finish() == SHA256.hash(Array("signed\r\n".utf8)))
    #expect(digest.length == 15)
  }

  @Test func theDERReaderIsTotal() {
    let good = SigningKeyFixture.publicData
    #expect(DERReader.rsaNumbers(good) != nil)
    for length in 0..<good.count { #expect(DERReader.rsaNumbers(Array(good.prefix(length))) == nil) }
    for index in 0..<40 {
      for value in [UInt8(0), 0x7f, 0x80, 0x84, 0xff] {
        var changed = good
        changed[index] = value
        _ = DERReader.rsaNumbers(changed)
      }
    }
  }

  private enum SigningKeyFixture {
    static var publicData: [UInt8] { DKIMTests.rsa.publicData }
  }
}
