import Message
import Platform
import Resolver

@testable import MailAuthentication

/// A DNS that answers everything with the bytes at hand.
private struct EchoDNS: DNS {
  var text: String

  func records(_ type: DNSRecordType, of name: DomainName) async throws(DNSFailure) -> DNSAnswer<DNSRecord> {
    let values: [DNSRecord]
    switch type {
    case .txt: values = [.txt(text)]
    case .a: values = [.address(IPAddress("192.0.2.1")!)]
    case .mx: values = [.mx(MXRecord(preference: 1, exchange: name))]
    case .ptr: values = [.name(DomainName("a.example")!)]
    default: values = []
    }
    return DNSAnswer(existence: values.isEmpty ? .noData : .records, values: values, name: name, isSecure: false)
  }
}

extension FuzzTarget {
  /// SPF records and explanations, evaluated with themselves at every name.
  static let spf = FuzzTarget(
    "spf",
    covers: [
      "MailAuthentication/SPF/SPFRecord.swift", "MailAuthentication/SPF/SPFMacroString.swift",
      "MailAuthentication/SPF/SPFEvaluation.swift",
    ],
    words: [
      "v=spf1 ", "all", "-all", "~all", "?all", "+all", "include:", "a", "a:", "mx", "mx:", "ptr", "ptr:", "exists:",
      "ip4:",
      "ip6:", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "/24", "//64", "/0", "redirect=", "exp=", "x=", "%{",
      "%{d}",
      "%{ir}", "%{l1r-}", "%{p}", "%{S}", "%{h}", "%{v}", "%{c}", "%{r}", "%{t}", "}", "%%", "%_", "%-", ".example",
      "a.b ",
      " ", "é",
    ],
    seeds: [
      "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a:a.%{d}/24//64 mx ptr -all exp=%{i}.example",
      "v=spf1 include:b.example ~all", "v=spf1 redirect=%{d2r}.example x=%{l}",
      "v=spf1 exists:%{ir}.%{v}.%{p}.x.y ?all",
      "v=spf1 ip6:::ffff:192.0.2.1/96 ptr:a.example mx:b.example//1 -all exp=e.example",
    ],
    waiting: { bytes in
      let record = text(bytes)
      let dns = EchoDNS(text: record)
      for address in [IPAddress("192.0.2.9")!, IPAddress("2001:db8::9")!] {
        let outcome = await SPFCheck(dns: dns, clock: Clock { Moment(seconds: 0) }).check(
          address: address, helo: "a.example", sender: record.count % 2 == 0 ? "x-y@a.example" : "\(record)@a.example")
        try require(outcome.lookups <= 11, "there were \(outcome.lookups) look-ups")
        try require(
          outcome.explanation?.utf8.allSatisfy { (0x20...0x7e).contains($0) } ?? true, "an explanation is not ASCII")
        try require(
          (outcome.problem != nil) == (outcome.result == .temperror || outcome.result == .permerror),
          "an error has no reason, or a reason no error")
        try Planted.bug(where: outcome.result == .softfail && record.contains("%{p}") && outcome.lookups > 2)
      }
      if let words = try? SPFMacroString(bytes[...], as: .explanation) {
        try require(words.pieces.count <= bytes.count, "a text has more pieces than octets")
      }
    })

  /// Signatures, seals and the keys that the bytes claim to be, of a message that is the bytes.
  static let signatures = FuzzTarget(
    "signatures",
    covers: [
      "MailAuthentication/DKIM/TagList.swift", "MailAuthentication/DKIM/DKIMSignature.swift",
      "MailAuthentication/DKIM/DKIMVerification.swift", "MailAuthentication/DKIM/BodyDigest.swift",
      "MailAuthentication/DKIM/Canonicalization.swift", "MailAuthentication/ARC/ARCSet.swift",
      "MailAuthentication/ARC/ARCVerification.swift",
    ],
    words: [
      "DKIM-Signature: ", "ARC-Seal: ", "ARC-Message-Signature: ", "ARC-Authentication-Results: i=1; a.example",
      "From: a@a.example\r\n", "v=1; ", "a=rsa-sha256; ", "a=ed25519-sha256; ", "a=rsa-sha1; ", "b=AAAA; ", "bh=AAAA; ",
      "c=relaxed/relaxed; ", "c=simple/simple; ", "c=relaxed; ", "d=a.example; ", "s=s; ", "h=From:To; ",
      "i=@a.example; ",
      "i=1; ", "i=2; ", "l=3; ", "q=dns/txt; ", "t=1; ", "x=9999999999; ", "z=a; ", "cv=none; ", "cv=pass; ",
      "cv=fail; ",
      "\r\n", "\r\n\r\n", "\r\n ", "\r", " ", ":",
    ],
    seeds: [
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=a.example; s=s; h=From:To:From; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA; l=0; t=1; x=9999999999; q=dns/txt; i=x@b.a.example\r\nFrom: a@a.example\r\n\r\n",
      "DKIM-Signature: v=1; a=ed25519-sha256; d=a.example; s=s; h=from; bh=AAAA; b=AAAA\r\nFrom: a@a.example\r\n\r\na \t b \r\n\r\nc\rd\r\n\r\n",
      "ARC-Seal: i=1; a=rsa-sha256; b=AAAA; cv=none; d=a.example; s=s; t=1\r\nARC-Message-Signature: i=1; a=rsa-sha256; b=AAAA; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; c=relaxed/relaxed; d=a.example; s=s; h=From\r\nARC-Authentication-Results: i=1; a.example; dmarc=pass\r\nFrom: a@a.example\r\n\r\n",
    ],
    waiting: { bytes in
      let header = HeaderSection(bytes)
      let body = bytes[header.bytes.count...]
      let keys = EchoDNS(
        text:
          "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
      )
      let authenticator = MessageAuthenticator(
        dns: keys, receiver: "mx.example", suffixes: PublicSuffixList("example"), clock: Clock { Moment(seconds: 5) },
        random: { 0 })
      var reports: [AuthenticationReport] = []
      for size in [1, 7, Int.max] {
        reports.append(
          try await authenticator.report(on: header, client: nil) { Array(body.dropFirst($0).prefix(size)) })
      }
      try require(reports[0] == reports[2] && reports[1] == reports[2], "pieces of the body change the result")
      let report = reports[2]
      try require(report.dkim.count == header.count(of: "DKIM-Signature"), "a signature has no outcome")
      try require(
        !report.dkim.contains { $0.result == .pass || $0.result == .none }, "a signature out of nothing passes")
      try require(report.arc.result != .pass, "a chain out of nothing passes")
      let written = HeaderSection(report.results(authority: "mx.example").field + [13, 10])
      try require(written.count == 1, "the results are \(written.count) fields")
      let read = AuthenticationResults(written[0].body)
      try require(read.entries.count == report.results(authority: "").entries.count, "results are lost in writing")
      try Planted.bug(where: report.arc.result == .fail && report.dkim.contains { $0.result == .policy })
    })

  /// Records of keys and of DMARC, and results of others.
  static let authenticationRecords = FuzzTarget(
    "authentication-records",
    covers: [
      "MailAuthentication/DKIM/DKIMKeyRecord.swift", "MailAuthentication/DKIM/VerifyingKey.swift",
      "MailAuthentication/DMARC/DMARCRecord.swift", "MailAuthentication/Results/AuthenticationResults+Reading.swift",
    ],
    words: [
      "v=DKIM1; ", "k=rsa; ", "k=ed25519; ", "p=", "h=sha256; ", "s=email; ", "t=y:s; ", "n=x; ", "v=DMARC1; ",
      "p=none; ",
      "p=reject; ", "sp=quarantine; ", "adkim=s; ", "aspf=r; ", "pct=50; ", "rua=mailto:a@b; ", "ruf=", "ri=1; ",
      "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ", "MEgCQQ", "AAAA", "a.example; ", "dmarc=pass ", "reason=\"", "\"", "(",
      ")",
      "\\", "/1", " = ", ";", "smtp.mailfrom=a@b",
    ],
    seeds: [
      "v=DKIM1; k=ed25519; h=sha1:sha256; s=email:*; t=y:s; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
      "k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
      "v=DMARC1; p=none; sp=reject; adkim=s; aspf=s; pct=7; ri=5; rua=mailto:a@b,mailto:c@d!1m; ruf=mailto:e@f",
      "mx.example 1 (c); spf=pass (\\)) reason=\"a\\\"b\" smtp.mailfrom=a@b; dkim/1 = fail header.d = x; none",
    ]
  ) { bytes in
    let written = text(bytes)
    if let record = try? DKIMKeyRecord(written) {
      for algorithm in SigningAlgorithm.allCases {
        if let key = try? VerifyingKey.read(record.data, algorithm) {
          try require((256...8192).contains(key.bits), "a key has \(key.bits) bits")
          try require(!key.verifies([1], over: [2]), "a signature out of nothing verifies")
        }
      }
      try Planted.bug(where: record.isStrict && record.keyType == "ed25519" && record.data.isEmpty)
    }
    if let record = DMARCRecord(written) {
      try require((0...100).contains(record.percent), "\(record.percent) % is a part of the mail")
    }
    let results = AuthenticationResults(bytes[...])
    try require(results.entries.allSatisfy { !$0.method.isEmpty && !$0.result.isEmpty }, "an entry says nothing")
    let again = AuthenticationResults(HeaderSection(results.field + [13, 10])[0].body)
    try require(again.entries.count <= results.entries.count, "writing results made more of them")
  }
}
