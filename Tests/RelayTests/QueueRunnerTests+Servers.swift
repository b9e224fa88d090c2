import Platform
import SMTP
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

private let garbage: [(String, FakeServer.Step)] = [
  ("no SMTP", .raw(Array("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n".utf8))),
  ("an endless line", .raw([UInt8](repeating: 0x41, count: 1 << 20))),
  ("an endless reply", .raw(Array(String(repeating: "220-still greeting\r\n", count: 10_000).utf8))),
  ("bytes", .raw([0, 0xff, 13, 10, 13, 10, 10])), ("nothing", .close), ("a reset", .reset), ("silence", .hang),
]

private let smuggled = ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\0", "\r\r\n.\r\n"]

/// Servers that do not behave, that lack an extension, and what must never leave whatever they are.
extension QueueRunnerTests {
  // MARK: Servers that do not behave

  @Test(arguments: garbage.map { $0.0 }) func endsInARetry(_ name: String) async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.greeting = try #require(garbage.first { $0.0 == name }).1
    var limits = TimeLimits.standard
    limits.greeting = .milliseconds(300)
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), timeLimits: limits) { bench in
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")).hasPrefix("deferred 4.4."), "\(name)")
      }
    }
  }

  @Test func aSlowServerIsGivenUpByTheClockOfTheStage() async throws {
    var behaviour = FakeServer.Behaviour()
    // A chunk's reply has the same limit as the end's.
    behaviour.extensions.removeAll { $0 == "CHUNKING" }
    behaviour.content = { _, _ in .hang }
    behaviour.mail = { $0.contains("slow@") ? .hang : .say("250 2.1.0 ok") }
    // Short is only the limit that is to be reached: a busy machine may be slow at everything else.
    var atTheEnd = TimeLimits.standard
    atTheEnd.dataEnd = .milliseconds(200)
    var atMAIL = TimeLimits.standard
    atMAIL.mail = .milliseconds(200)
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), timeLimits: atTheEnd) { bench in
        bench.queue.add(to: ["a@far.example"])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("a@far.example")) == "uncertain")
      }
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), timeLimits: atMAIL) { bench in
        bench.queue.add(to: ["b@far.example"], from: "slow@office.example")
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("b@far.example")) == "deferred 4.4.2")
      }
    }
  }

  @Test func aReplyThatDripsIsGivenUpToo() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.greeting = .raw(Array("220-one\r\n220-two\r\n".utf8))
    var limits = TimeLimits.standard
    limits.greeting = .milliseconds(300)
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), timeLimits: limits) { bench in
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "deferred 4.4.2")
      }
    }
  }

  @Test func aServerWithoutEHLO() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.hello = .say("502 5.5.1 what")
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], envelopeID: "e1", ret: .full, notify: [.success])
        await bench.queue.settled(1)
        #expect(server.transactions.first?.mail == "MAIL FROM:<anna@office.example>")
        #expect(server.transactions.first?.recipients == ["RCPT TO:<x@far.example>"])
        #expect(server.transactions.first?.text == FakeQueue.text)
      }
    }
  }

  // MARK: What a next hop lacks

  @Test func withoutEightBitItNeverGetsEightBit() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions = ["PIPELINING", "SMTPUTF8"]
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], text: "Subject: x\r\n\r\ngr\u{fc}n\r\n", facts: [.eightBitBody])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "failed 5.6.3")
        #expect(!server.commands.contains { $0.hasPrefix("MAIL") })
      }
    }
  }

  @Test func withoutSMTPUTF8ItNeverGetsWhatNeedsIt() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions = ["PIPELINING", "8BITMIME"]
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["j\u{fc}rgen@far.example"])
        bench.queue.add(to: ["x@far.example"], from: "j\u{fc}rgen@office.example")
        bench.queue.add(
          to: ["y@far.example"], text: "Subject: gr\u{fc}n\r\n\r\n", facts: [.eightBitHeaders, .eightBitHeaderSection])
        bench.queue.add(to: ["z@far.example"])
        await bench.queue.settled(4)
        for address in ["j\u{fc}rgen@far.example", "x@far.example", "y@far.example"] {
          #expect(status(bench.queue.outcome(address)) == "failed 5.6.7", "\(address)")
        }
        #expect(status(bench.queue.outcome("z@far.example")) == "relayed")
        #expect(server.transactions.count == 1)
      }
    }
  }

  @Test func parametersGoWhereTheyAreOffered() async throws {
    try await serving { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(
          to: ["j\u{fc}rgen@far.example"], text: "Subject: x\r\n\r\ngr\u{fc}n\r\n", facts: [.eightBitBody],
          envelopeID: "a+b=c", ret: .headers, notify: [.success, .delay],
          original: OriginalRecipient(type: "rfc822", address: "list+x@far.example"))
        await bench.queue.settled(1)
        let transaction = server.transactions.first
        #expect(
          transaction?.mail
            == "MAIL FROM:<anna@office.example> SIZE=21 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+3Dc")
        #expect(
          transaction?.recipients
            == ["RCPT TO:<j\u{fc}rgen@far.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;list+2Bx@far.example"])
        guard case .relayed(_, _, let supportsDSN) = bench.queue.outcome("j\u{fc}rgen@far.example") else {
          Issue.record("it was not relayed")
          return
        }
        #expect(supportsDSN)
      }
    }
  }

  @Test func withoutDSNTheParametersStayAndTheDutyIsOurs() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions = ["SIZE"]
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], envelopeID: "e1", ret: .full, notify: [.success])
        await bench.queue.settled(1)
        #expect(server.transactions.first?.mail.contains("ENVID") == false)
        #expect(server.transactions.first?.mail.contains("RET") == false)
        #expect(server.transactions.first?.recipients == ["RCPT TO:<x@far.example>"])
        #expect(server.transactions.first?.wasPipelined == false)
        guard case .relayed(_, _, let supportsDSN) = bench.queue.outcome("x@far.example") else {
          Issue.record("it was not relayed")
          return
        }
        #expect(!supportsDSN)
      }
    }
  }

  @Test func tooLargeIsKnownBeforeAnythingIsSent() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions = ["SIZE 20"]
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "failed 5.3.4")
        #expect(!server.commands.contains { $0.hasPrefix("MAIL") })
      }
    }
  }

  // MARK: Smuggling outward

  @Test(arguments: smuggled, [true, false])
  func neverLeaves(_ sequence: String, _ chunking: Bool) async throws {
    var behaviour = FakeServer.Behaviour()
    if !chunking { behaviour.extensions.removeAll { $0 == "CHUNKING" } }
    let text = "Subject: x\r\n\r\nhello\(sequence)MAIL FROM:<ceo@office.example>\r\n"
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], text: text)
        bench.queue.add(to: ["y@far.example"])
        await bench.queue.settled(2)
        #expect(status(bench.queue.outcome("x@far.example")) == "failed 5.6.0")
        #expect(status(bench.queue.outcome("y@far.example")) == "relayed")
        #expect(server.transactions.map(\.text) == [FakeQueue.text])
      }
    }
  }

  @Test func aKnownNulAsksNobody() async throws {
    try await serving { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], facts: [.nul])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "failed 5.6.0")
        #expect(server.connections == 0)
      }
    }
  }
}
