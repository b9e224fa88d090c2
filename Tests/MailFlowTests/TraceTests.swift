import Message
import Platform
import Store
import Testing

@testable import MailFlow

@Suite struct JourneyTests {
  private let message = """
    Received: from mx.provider.example ([198.51.100.1]) by mx.outside.example with ESMTPS id abc; Thu, 14 Jan 2027 10:00:05 +0100
    Received: from laptop ([10.0.0.3]) by mx.provider.example with ESMTPSA id def; Thu, 14 Jan 2027 10:00:00 +0100
    Message-ID: <1@outside.example>
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= \u{1b}]0;owned\u{7} \u{202e}gpj.exe

    text

    """

  @Test func isToldFromTheFirstHopToEachRecipientsEnd() async throws {
    let house = try House()
    let id = try await house.deliver(["anna@office.example", "friend@elsewhere.example"], origin: .submission, message)
    let journey = try #require(try await house.flow.journey(of: id))
    #expect(journey.hops.map(\.id) == ["def", "abc"], "the oldest first")
    #expect(journey.hops[0].from?.hasPrefix("laptop") == true)
    #expect(journey.steps.map(\.what) == ["accepted", "delivered", "queued"])
    #expect(journey.steps.map(\.isPointOfNoReturn) == [true, false, false])
    #expect(journey.outcomes.map(\.state) == ["delivered", "queued"])
    #expect(journey.messageID == "<1@outside.example>")
    let row = RecipientID(id, 1)
    try await house.flow.recordAttempt([row], host: "smtp.provider.example")
    try await house.flow.recordOutcomes([
      row: .relayed(host: "smtp.provider.example", reply: "250 ok", supportsDSN: true)
    ])
    let later = try #require(try await house.flow.journey(of: id))
    #expect(later.steps.suffix(2).map(\.isPointOfNoReturn) == [true, true])
    #expect(later.text.contains("from here on the message was ours to deliver"))
    #expect(later.text.contains("<friend@elsewhere.example> relayed"))
  }

  @Test func escapeSequencesComeOutHarmless() async throws {
    let house = try House()
    let envelope = try house.envelope(["anna@office.example"]) {
      $0.peer.helo = "evil\u{1b}[2J\u{202e}host\r\nfake"
      $0.tls = "TLS\u{1b}[31m"
    }
    let acceptance = await house.flow.accept(envelope, try await house.take(message))
    let id = try #require(acceptance.id)
    let journey = try #require(try await house.flow.journey(of: id))
    for scalar in journey.text.unicodeScalars where scalar != "\n" {
      #expect(scalar.value >= 0x20 && scalar.value != 0x7f && !(0x80..<0xa0).contains(scalar.value))
      #expect(!(0x202a...0x202e).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value))
    }
    #expect(journey.subject?.hasPrefix("Grüße \\x1B]0;owned") == true)
    #expect(journey.helo?.contains("\\x1B") == true)
    #expect(!journey.text.contains("\nfake"))
  }

  @Test func isFoundByWhatTheOfficeKnows() async throws {
    let house = try House()
    let id = try await house.deliver(["anna@office.example"], message)
    for query in [
      TraceQuery(messageID: "1@outside.example"), TraceQuery(address: "ANNA@office.example"),
      TraceQuery(address: "bob@outside.example"), TraceQuery(subject: ["Grüße"]),
      TraceQuery(from: house.clock.now, until: house.clock.now + .seconds(1)),
    ] {
      #expect(try await house.flow.journeys(matching: query).map(\.envelope) == [id.description])
    }
    #expect(try await house.flow.journeys(matching: TraceQuery(address: "carl@office.example")).isEmpty)
    #expect(try await house.flow.journey(of: EnvelopeID(999_999)) == nil)
  }

  @Test func subjectsAreKeptOnlyWhereConfigured() async throws {
    let house = try House(text: "[trace]\nsubjects = false")
    let id = try await house.deliver(["anna@office.example"], message)
    #expect(try await house.flow.journey(of: id)?.subject == nil)
    house.flow.refused(
      Refusal(at: house.clock.now, peer: "192.0.2.1", subject: "secret", stage: "content", words: "550 no"))
    try await house.deliver(["anna@office.example"], from: nil)
    #expect(try await house.flow.refusals(matching: TraceQuery()).map(\.subject) == [nil])
    #expect(try await house.store.read { try $0.envelopes(matching: TraceQuery(subject: ["Grüße"])) }.isEmpty)
  }

  @Test func verdictsExplainThemselves() async throws {
    let house = try House()
    house.judge.verdicts.withLock {
      $0["anna@office.example"] = Verdict(
        .tag(Marking(subjectPrefix: "[x]")),
        factors: [Factor(test: "rule outside", score: 2.5, reason: "sender \u{1b}[0m is outside")])
    }
    let id = try await house.deliver(["anna@office.example"])
    #expect(try await house.words(id, "tag") == "rule outside 2.5: sender \\x1B[0m is outside")
  }
}

@Suite struct RefusalTests {
  private func refusal(_ house: House, peer: String = "192.0.2.1", _ words: String = "550 5.1.1 no") -> Refusal {
    Refusal(at: house.clock.now, peer: peer, helo: "h\u{1b}", stage: "rcpt", words: words)
  }

  @Test func aFewInWordsTheRestCounted() async throws {
    let house = try House()
    for number in 0..<100 { house.flow.refused(refusal(house, "550 number \(number)")) }
    house.flow.refused(refusal(house, peer: "192.0.2.2"))
    house.clock.turn(.seconds(61))
    house.flow.refused(refusal(house, "550 the next minute"))
    try await house.deliver(["anna@office.example"])
    let rows = try await house.flow.refusals(matching: TraceQuery(limit: 1000))
    let ofPeer = rows.filter { $0.peer == "192.0.2.1" }
    #expect(ofPeer.count == RefusalLedger.rowsPerMinute + 2)
    #expect(ofPeer.map(\.count).reduce(0, +) == 101, "every refusal is accounted for")
    #expect(ofPeer.contains { $0.count == 95 && $0.words.contains("550 number 99") })
    #expect(rows.filter { $0.peer == "192.0.2.2" }.count == 1)
    #expect(rows.allSatisfy { $0.helo?.contains("\u{1b}") != true })
  }

  @Test func theEndOfTheProcessKeepsTheCount() async throws {
    let house = try House()
    for _ in 0..<20 { house.flow.refused(refusal(house)) }
    await house.close()
    let again = try House(in: house.folder, clock: house.clock)
    let rows = try await again.flow.refusals(matching: TraceQuery(limit: 1000))
    #expect(rows.map(\.count).reduce(0, +) == 20)
    await again.close()
  }

  @Test func manyPeersCannotFillTheMemory() async throws {
    let house = try House()
    for number in 0..<(RefusalLedger.peerLimit + 500) { house.flow.refused(refusal(house, peer: "peer \(number)")) }
    #expect(house.flow.refusals.peers <= RefusalLedger.peerLimit + 1)
  }
}
