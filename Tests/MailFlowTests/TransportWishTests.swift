import Message
import Platform
import Store
import Testing

@testable import MailFlow

@Suite("What the sender wants of the way on (RFC 8689)") struct TransportWishTests {
  private func stored(_ house: House, _ id: EnvelopeID) async throws -> Envelope {
    Envelope(try #require(try await house.store.read { try $0.envelope(id) }))
  }

  private func accept(
    _ house: House, header: String = "", transport: TransportWish = .standard, ret: ReturnContent? = nil
  ) async throws -> EnvelopeID {
    let envelope = try house.envelope(
      ["friend@elsewhere.example"], from: "anna@office.example", origin: .submission
    ) {
      $0.transport = transport
      $0.returnContent = ret
    }
    let acceptance = await house.flow.accept(envelope, try await house.take(header + House.message))
    return try #require(acceptance.id)
  }

  @Test(arguments: [
    ("", TransportWish.standard), ("TLS-Required: No\n", .waived), ("tls-required:no\n", .waived),
    ("TLS-Required:\n\tNo\n", .waived), ("TLS-Required: Yes\n", .standard), ("TLS-Required: No, really\n", .standard),
    ("TLS-Required: No\nTLS-Required: No\n", .standard),
  ]) func theFieldIsRead(_ header: String, wish: TransportWish) async throws {
    let house = try House()
    #expect(try await stored(house, accept(house, header: header)).transport == wish)
  }

  @Test func theParameterIsStronger() async throws {
    let house = try House()
    let id = try await accept(house, header: "TLS-Required: No\n", transport: .required)
    let envelope = try await stored(house, id)
    #expect(envelope.transport == .required && envelope.transportDemand == .required)
    #expect(try await house.words(id, "accepted").contains("REQUIRETLS"))
    #expect(try await house.flow.due(limit: 10).map { Envelope($0).transport } == [.required])
  }

  /// RFC 8689 §5: only the header comes back, whatever RET said, and the notification asks for REQUIRETLS itself.
  @Test func aNotificationIsAsProtected() async throws {
    let house = try House()
    let id = try await accept(house, transport: .required, ret: .full)
    try await house.flow.recordOutcomes([
      RecipientID(id, 0): .failed(status: "5.7.30", host: nil, reply: "no server offers REQUIRETLS")
    ])
    let told = try await house.messages("anna")
    #expect(told.count == 1)
    #expect(told.first?.contains("Status: 5.7.30") == true && told.first?.contains("Subject: Hello") == true)
    #expect(told.first?.contains("Good day.") == false)
    let all = try await house.store.read { try $0.envelopes(matching: TraceQuery()) }.map(\.id)
    let notification = try #require(all.first { $0 != id })
    let envelope = try await stored(house, notification)
    #expect(envelope.transport == .required && envelope.reversePath == nil && envelope.transportDemand == .standard)
  }

  @Test func reportsAreInTheTermsOfTheStandard() async throws {
    let house = try House()
    let day = TLSSessionCount.day(of: house.clock.now)
    var good = TLSSessionCount(
      day: day, domain: "example.net", policyType: "sts",
      policy: "version: STSv1\nmode: enforce\nmx: *.example.net\nmax_age: 60")
    good.sessions = 5
    var bad = good
    (bad.result, bad.host, bad.address, bad.sessions) = (
      "certificate-expired", "mx.example.net", "192.0.2.1", 2
    )
    let (counts, other) = (
      [good, bad], TLSSessionCount(day: day, domain: "example.org", policyType: "no-policy-found")
    )
    try await house.store.write { transaction in
      for count in counts { try transaction.count(count) }
      try transaction.count(other)
    }
    let now = house.clock.now
    let reports = try await house.flow.tlsReports(from: now - .seconds(86_400), until: now, domain: nil)
    #expect(reports.map { $0.policies.map(\.policy.domain) } == [["example.net"], ["example.org"]])
    let report = try #require(reports.first)
    #expect(report.organization == "mail.office.example" && report.contact == "postmaster@office.example")
    #expect(report.range.start.hasSuffix("T00:00:00Z") && report.range.end.hasSuffix("T23:59:59Z"))
    #expect(report.policies[0].summary == .init(successes: 5, failures: 2))
    #expect(report.policies[0].policy.hosts == ["*.example.net"] && report.policies[0].policy.string?.count == 4)
    #expect(report.policies[0].failures.map(\.result) == ["certificate-expired"])
    #expect(report.text.contains("5 sessions succeeded, 2 failed"))
    #expect(try await house.flow.tlsReports(from: now, until: now, domain: "Example.ORG").count == 1)
  }
}
