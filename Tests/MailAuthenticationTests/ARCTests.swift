import Message
import Platform
import Resolver
import Testing

@testable import MailAuthentication

@Suite struct ARCTests {
  let dns = ZoneDNS()

  private func seal(_ message: [UInt8], _ domain: String, _ chain: ARCOutcome, dmarc: String = "pass") throws -> [UInt8]
  {
    let key = domain.hasPrefix("e") ? DKIMTests.ed : DKIMTests.rsa
    dns.txt("arc._domainkey.\(domain)", key.recordText)
    let header = HeaderSection(message)
    let hash = RelaxedBodyHash()
    hash.append(message[header.bytes.count...])
    let results = AuthenticationResults(
      authority: "mx.\(domain)",
      entries: [.init("spf", "pass"), .init("dmarc", dmarc, [.init("header.from", "a.example")])])
    let fields = try #require(
      try ARCSealer.seal(
        header, bodyHash: hash.finish(), results: results, chain: chain,
        by: SigningIdentity(domain: domain, selector: "arc", key: key), at: Moment(seconds: 1_528_637_909)))
    return fields + message
  }

  /// A message with so many sets, by two handlers in turn.
  private func chain(_ count: Int) async throws -> [UInt8] {
    var message = mail(DKIMTests.dinner)
    for number in 0..<count {
      let outcome = try await verify(message, dns).arc
      message = try seal(message, number % 2 == 0 ? "list.example.org" : "ed.example.net", outcome)
    }
    return message
  }

  @Test func noChain() async throws {
    let arc = try await verify(mail(DKIMTests.dinner), dns).arc
    #expect(arc.result == .none && arc.sealers.isEmpty)
  }

  @Test(arguments: [1, 2, 3, 5]) func whatWeSealVerifies(_ count: Int) async throws {
    let arc = try await verify(try await chain(count), dns).arc
    #expect(arc.result == .pass, "\(arc.reason ?? "")")
    #expect(arc.sealers.count == count)
    #expect(arc.sealers.first == "list.example.org")
    #expect(arc.firstResults?["dmarc"] == "pass")
    #expect(arc.firstResults?.authority == "mx.list.example.org")
    #expect(arc.provesDMARC(trusted: ["list.example.org", "ed.example.net"]))
    #expect(arc.provesDMARC(trusted: ["ed.example.net"]) == false)
    #expect(arc.provesDMARC(trusted: ["list.example.org"]) == (count == 1))
  }

  @Test(arguments: [
    ("We lost", "We won", "the body was changed"),
    ("Is dinner", "Was dinner", "signature of the message does not verify"),
    ("spf=pass", "spf=fail", "seal 1 does not verify"), ("cv=none", "cv=pass", "cv=pass"),
    ("cv=pass", "cv=fail", "cv=fail"), ("cv=pass", "cv=none", "cv=none"),
    ("ARC-Seal: i=1", "ARC-Seal: i=3", "not complete"),
    ("ARC-Seal: i=1", "ARC-Seal: i=0", "number"), ("ARC-Seal: i=1", "ARC-Seal: i=2", "not complete"),
    ("ARC-Seal: i=2", "X-Seal: i=2", "not complete"), ("ARC-Seal: i=2;", "ARC-Seal: i=2; h=from;", "h="),
    ("ARC-Message-Signature: i=2;", "ARC-Message-Signature: i=2; v=1;", "version"), ("s=arc", "s=none", "no key"),
    ("Results: i=1;", "Results: i=51;", "number"), ("Results: i=1;", "Results: x=1;", "number"),
    ("t=1528637909; cv", "t=1528637910; cv", "does not verify"), ("t=1528637909; cv", "t=x; cv", "t="),
    ("Results: i=1; mx.list", "Results: i=1; mx.evil", "seal 1 does not verify"),
  ])
  func changesBreakIt(_ old: String, _ new: String, _ reason: String) async throws {
    let message = String(decoding: try await chain(2), as: UTF8.self).replacing("\r\n\tcv", with: " cv")
      .replacing(old, with: new)
    let arc = try await verify(Array(message.utf8), dns).arc
    #expect(arc.result == .fail)
    #expect(arc.reason?.contains(reason) ?? false, "\(arc.reason ?? "none")")
  }

  @Test func nothingIsAddedToWhatIsBroken() async throws {
    let message = mail(DKIMTests.dinner)
    let identity = SigningIdentity(domain: "a.example", selector: "s", key: DKIMTests.ed)
    let results = AuthenticationResults(authority: "a.example", entries: [])
    let none = try ARCSealer.seal(
      HeaderSection(message), bodyHash: [], results: results, chain: ARCOutcome(result: .fail), by: identity,
      at: Moment(seconds: 0))
    #expect(none == nil)
    var long = try await chain(1)
    for number in 2...50 {
      let set = "ARC-Seal: i=\(number); a=rsa-sha256; b=AAAA; cv=pass; d=a.example; s=s\r\n"
      long =
        Array("\(set)ARC-Message-Signature: i=\(number)\r\nARC-Authentication-Results: i=\(number); x\r\n".utf8) + long
    }
    let full = try ARCSealer.seal(
      HeaderSection(long), bodyHash: [], results: results, chain: ARCOutcome(result: .pass), by: identity,
      at: Moment(seconds: 0))
    #expect(full == nil)
    let more =
      Array("ARC-Seal: i=51\r\nARC-Message-Signature: i=51\r\nARC-Authentication-Results: i=51; x\r\n".utf8) + long
    #expect(try await verify(more, dns).arc.reason == "there are more than 50 sets")
  }
}
