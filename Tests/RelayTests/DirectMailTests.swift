import Platform
import Resolver
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

/// Mail that goes to a domain's own servers, over real connections.
@Suite("Direct mail", .timeLimit(.minutes(2)))
struct DirectMailTests {
  private static func run(
    _ dns: FakeDNS, port: Int, _ more: String = "", smartHost: Int? = nil, _ body: (RunnerBench) async throws -> Void
  ) async throws {
    let relay = "[relay]\ninternal-networks = [\"127.0.0.0/8\"]\n" + more
    var configuration = try Configuration(text: RunnerBench.text.replacing("[relay]\ndirect = false\n", with: relay))
    configuration.smartHost = smartHost.map { RunnerBench.hop($0) }
    configuration.smartHostUse = .fallback
    try await RunnerBench.run(configuration: configuration, dns: dns, port: port, body)
  }

  private func status(_ outcome: AttemptOutcome?) -> String {
    switch outcome {
    case .relayed(let host, _, _): "relayed \(host)"
    case .failed(let status, _, _): "failed \(status)"
    case .deferred(_, let status, _, _): "deferred \(status)"
    case .uncertain: "uncertain"
    case nil: "nothing"
    }
  }

  @Test func aDeadServerCostsTheNextOneATry() async throws {
    let server = FakeServer()
    defer { server.stop() }
    let dns = FakeDNS()
    dns.mx("far.example", (10, "dead.far.example"), (20, "mx.far.example"))
    // Nobody listens at 127.0.0.2: the fake server has one address only.
    dns.host("dead.far.example", "127.0.0.2")
    dns.host("mx.far.example", "127.0.0.3", "127.0.0.1")
    try await Self.run(dns, port: server.port) { bench in
      bench.queue.add(to: ["x@far.example", "y@far.example"])
      await bench.queue.settled(2)
      let said = status(bench.queue.outcome("x@far.example"))
      #expect(said.hasPrefix("relayed mx.far.example[127.0.0.1]:\(server.port), without TLS"), "\(said)")
      #expect(server.transactions.first?.recipients.count == 2)
    }
  }

  @Test func aServerThatTurnsUsAwayIsNotTheLast() async throws {
    var busy = FakeServer.Behaviour()
    busy.greeting = .sayAndClose("554 5.3.2 no mail here")
    let first = FakeServer(busy)
    defer { first.stop() }
    let dns = FakeDNS()
    dns.mx("far.example", (10, "mx.far.example"))
    dns.host("mx.far.example", "127.0.0.1")
    try await Self.run(dns, port: first.port) { bench in
      bench.queue.add(to: ["x@far.example"])
      await bench.queue.settled(1)
      // It spoke to us, not about a message (RFC 5321 §4.2.4.2 would allow a bounce; whoever fixes it keeps the mail).
      #expect(status(bench.queue.outcome("x@far.example")) == "deferred 4.4.2")
    }
  }

  @Test func whatCannotBeSentIsGivenBackAtOnceToAllThatWait() async throws {
    let dns = FakeDNS()
    dns.mx("null.example", (0, "."))
    try await Self.run(dns, port: 1) { bench in
      for _ in 0..<3 { bench.queue.add(to: ["x@gone.example", "y@null.example"]) }
      await bench.queue.settled(6)
      #expect(status(bench.queue.outcome("x@gone.example")) == "failed 5.1.2")
      #expect(status(bench.queue.outcome("y@null.example")) == "failed 5.1.10")
      #expect(await bench.runner.troubles.isEmpty)
    }
  }

  @Test func whatIsNotKnownNowWaits() async throws {
    let dns = FakeDNS()
    dns.fail("far.example", .mx, .bogus)
    try await Self.run(dns, port: 1) { bench in
      bench.queue.add(to: ["x@far.example"])
      await bench.queue.settled(1)
      #expect(status(bench.queue.outcome("x@far.example")) == "deferred 4.4.3")
      #expect(await bench.runner.troubles.first?.host == "far.example")
    }
  }

  @Test func theFallbackTakesWhatCannotBeReachedAndNothingElse() async throws {
    let provider = FakeServer()
    defer { provider.stop() }
    let dns = FakeDNS()
    dns.mx("far.example", (10, "mx.far.example"))
    dns.host("mx.far.example", "127.0.0.2")
    try await FakeServer.withDeadPort { port in
      try await Self.run(dns, port: port, smartHost: provider.port) { bench in
        bench.queue.add(to: ["x@far.example"])
        bench.queue.add(to: ["x@gone.example"])
        await bench.queue.settled(2)
        #expect(status(bench.queue.outcome("x@far.example")).hasPrefix("relayed 127.0.0.1:\(provider.port)"))
        #expect(status(bench.queue.outcome("x@gone.example")) == "failed 5.1.2")
      }
    }
  }

  @Test func oneDeadDomainHoldsUpNoOther() async throws {
    let server = FakeServer()
    defer { server.stop() }
    let dns = FakeDNS()
    dns.mx("dead.example", (10, "mx.dead.example"))
    dns.host("mx.dead.example", "127.0.0.2")
    dns.mx("far.example", (10, "mx.far.example"))
    dns.host("mx.far.example", "127.0.0.1")
    try await Self.run(dns, port: server.port) { bench in
      bench.queue.add(to: ["x@dead.example", "x@far.example"])
      await bench.queue.settled(2)
      #expect(status(bench.queue.outcome("x@far.example")).hasPrefix("relayed"))
      #expect(status(bench.queue.outcome("x@dead.example")) == "deferred 4.4.1")
    }
  }
}
