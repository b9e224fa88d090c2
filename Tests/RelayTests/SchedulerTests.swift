import Platform
import SMTP
import Store
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

/// Many messages for several destinations, of which some are slow, crowded or dead.
@Suite("The scheduler", .timeLimit(.minutes(5)))
struct SchedulerTests {
  private func configuration(_ routes: [String: Int]) throws -> Configuration {
    let text = routes.sorted { $0.key < $1.key }.map { domain, port in
      "[[route]]\ndomains = [\"\(domain)\"]\nhost = \"127.0.0.1:\(port)\"\ntls = \"off\"\n"
    }
    return try Configuration(text: RunnerBench.text + text.joined(separator: "\n"))
  }

  private func servers(_ behaviours: [FakeServer.Behaviour], _ body: ([FakeServer]) async throws -> Void) async throws {
    let servers = behaviours.map { FakeServer($0) }
    defer { for server in servers { server.stop() } }
    try await body(servers)
  }

  private func relayed(_ queue: FakeQueue) -> Int {
    queue.outcomes.filter { if case .relayed = $0.outcome { true } else { false } }.count
  }

  /// A domain whose server answers nothing after the content does not delay another's first message, and its thousands do
  /// not come into memory.
  @Test func aSlowDestinationDelaysNobodyElse() async throws {
    var slow = FakeServer.Behaviour()
    slow.content = { _, _ in .hang }
    try await servers([slow, .init()]) { servers in
      let routes = try configuration(["slow.example": servers[0].port, "fast.example": servers[1].port])
      try await RunnerBench.run(configuration: routes) { bench in
        for n in 0..<2000 { bench.queue.add(to: ["x\(n)@slow.example"]) }
        while bench.queue.attempts.isEmpty { await Task.yield() }
        bench.queue.add(to: ["y@fast.example"])
        await bench.queue.settled(1)
        #expect(bench.queue.outcomes.map(\.address) == ["y@fast.example"])
        #expect(bench.queue.largestRead <= Dispatcher.backlogPerDestination)
        #expect(servers[0].mostOpen <= DestinationBook.Limits().firstWindow)
        for server in servers { server.stop() }
      }
    }
  }

  /// Servers that take connections and say nothing do not take all places.
  @Test func blackHolesDelayNobodyElse() async throws {
    var hole = FakeServer.Behaviour()
    hole.greeting = .hang
    try await servers(Array(repeating: hole, count: 10) + [.init()]) { servers in
      var routes: [String: Int] = [:]
      for n in 0..<10 { routes["hole\(n).example"] = servers[n].port }
      routes["fast.example"] = servers[10].port
      let limits = DestinationBook.Limits(connections: 30, connectionsPerDestination: 20)
      try await RunnerBench.run(configuration: try configuration(routes), limits: limits) { bench in
        for n in 0..<200 { bench.queue.add(to: ["x\(n)@hole\(n % 10).example"]) }
        while servers.prefix(10).contains(where: { $0.connections == 0 }) { await Task.yield() }
        bench.queue.add(to: ["y@fast.example"])
        await bench.queue.settled(1)
        #expect(bench.queue.outcomes.map(\.address) == ["y@fast.example"])
        #expect(servers.prefix(10).allSatisfy { $0.mostOpen <= 2 })
        for server in servers { server.stop() }
      }
    }
  }

  /// A server that takes three connections and no more gets everything over three, and nothing is put off.
  @Test func aCrowdedServerIsNotDead() async throws {
    var crowded = FakeServer.Behaviour()
    crowded.mostConnections = 3
    try await servers([crowded]) { servers in
      try await RunnerBench.run(configuration: try configuration(["far.example": servers[0].port])) { bench in
        // They come one by one, as long as a connection is in use: the window opens.
        for n in 0..<300 { bench.queue.add(to: ["x\(n)@far.example"]) }
        await bench.queue.settled(300)
        #expect(relayed(bench.queue) == 300)
        #expect(await bench.runner.troubles.isEmpty)
      }
    }
  }

  @Test func oneServerGetsSeveralConnectionsWhenItServesThem() async throws {
    try await servers([.init()]) { servers in
      try await RunnerBench.run(configuration: try configuration(["far.example": servers[0].port])) { bench in
        for n in 0..<1000 { bench.queue.add(to: ["x\(n)@far.example"]) }
        await bench.queue.settled(1000)
        #expect(relayed(bench.queue) == 1000)
        #expect(servers[0].mostOpen > 2 && servers[0].mostOpen <= DestinationBook.Limits().connectionsPerDestination)
        // Many transactions a connection.
        #expect(servers[0].connections < 200)
        #expect(Set(servers[0].transactions.flatMap(\.recipients)).count == 1000)
      }
    }
  }

  /// What was known of a dead host before the restart holds after it.
  @Test func aRestartForgetsNoDeadHost() async throws {
    try await servers([.init()]) { servers in
      let routes = try configuration(["far.example": servers[0].port])
      let remember: (FakeQueue, ManualTime) -> Void = { queue, time in
        queue.remember(
          StoredTrouble(
            destination: "127.0.0.1:\(servers[0].port) off ", failures: 3, until: time.now + .seconds(1200),
            reason: "No connection"))
        queue.add(to: ["x@far.example"])
      }
      try await RunnerBench.run(configuration: routes, before: remember) { bench in
        await bench.queue.settled(1)
        guard case .deferred(let until, _, _, let words) = bench.queue.outcome("x@far.example") else {
          Issue.record("it was tried")
          return
        }
        #expect(until == bench.time.now + .seconds(1200) && words.contains("Not tried"))
        #expect(servers[0].connections == 0)
        bench.time.advance(.seconds(1200))
        await bench.queue.settled(2)
        while !bench.queue.keptTroubles.isEmpty { await Task.yield() }
      }
    }
  }

  @Test func aDeadHostIsWrittenDown() async throws {
    try await FakeServer.withDeadPort { port in
      try await RunnerBench.run(configuration: try configuration(["dead.example": port])) { bench in
        bench.queue.add(to: ["x@dead.example"])
        await bench.queue.settled(1)
        while bench.queue.keptTroubles.isEmpty { await bench.runner.proveProgress() }
        #expect(bench.queue.keptTroubles == ["127.0.0.1:\(port) off "])
      }
    }
  }
}
