import Platform
import SMTP
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

/// Who gets a connection when, and what an error of the store leaves behind.
extension QueueRunnerTests {
  /// What is written while the store cannot be read, for a later time, has its time all the same.
  @Test func nothingIsOverlookedAfterAnErrorOfTheStore() async throws {
    try await serving { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        await bench.runner.proveProgress()
        bench.queue.failReads(1)
        bench.queue.add(to: ["x@far.example"])
        while bench.queue.readsToFail > 0 { await Task.yield() }
        bench.queue.add(to: ["y@far.example"], due: bench.time.now + .seconds(60))
        await bench.runner.proveProgress()
        await bench.runner.proveProgress()
        #expect(bench.queue.outcomes.isEmpty)
        bench.time.advance(QueueRunner.pauseAfterError)
        await bench.queue.settled(1)
        await bench.runner.proveProgress()
        bench.time.advance(.seconds(60))
        await bench.queue.settled(2)
        #expect(bench.queue.outcomes.map(\.address) == ["x@far.example", "y@far.example"])
      }
    }
  }

  /// All places are taken by one host; another's only message gets the next one that is given up.
  @Test func aCourierGivesItsPlaceUpForWhoeverHasNone() async throws {
    let (begun, goOn, isServed) = ([Gate(), Gate()], Gate(), Gate())
    var crowding = FakeServer.Behaviour()
    crowding.content = { _, number in
      if number < begun.count {
        begun[number].reached()
        goOn.waitOnThread()
      } else if number > 10 {
        isServed.waitOnThread()
      }
      return .say("250 2.0.0 kept")
    }
    var single = FakeServer.Behaviour()
    single.content = { _, _ in
      isServed.reached()
      return .say("250 2.0.0 kept")
    }
    try await serving(crowding) { crowded in
      try await serving(single) { other in
        let configuration = try Configuration(
          text: RunnerBench.text + """
            [smart-host]
            host = "127.0.0.1:\(crowded.port)"
            tls = "off"

            [[route]]
            domains = ["other.example"]
            host = "127.0.0.1:\(other.port)"
            tls = "off"

            """)
        let limits = DestinationBook.Limits(connections: 2, connectionsPerDestination: 2)
        try await RunnerBench.run(configuration: configuration, limits: limits) { bench in
          for n in 0..<40 { bench.queue.add(to: ["x\(n)@far.example"]) }
          for gate in begun { await gate.wait() }
          bench.queue.add(to: ["y@other.example"])
          await bench.runner.proveProgress()
          await bench.runner.proveProgress()
          goOn.reached()
          await bench.queue.settled(41)
          #expect(bench.queue.outcomes.allSatisfy { status($0.outcome) == "relayed" })
        }
      }
    }
  }

  /// A host that falls silent on one connection and serves us over another is not dead, and counts as serving us.
  @Test func aSilentSessionIsCountedOnce() async throws {
    let (begun, goOn) = (Gate(), Gate())
    var behaviour = FakeServer.Behaviour()
    behaviour.mail = { $0.contains("slow@") ? .hang : .say("250 2.1.0 ok") }
    behaviour.content = { _, number in
      if number == 0 {
        begun.reached()
        goOn.waitOnThread()
      }
      return .say("250 2.0.0 kept")
    }
    var limits = TimeLimits.standard
    limits.mail = .milliseconds(500)
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), timeLimits: limits) { bench in
        bench.queue.add(to: ["x@far.example"])
        await begun.wait()
        bench.queue.add(to: ["y@far.example"], from: "slow@office.example")
        // A connection more is opened only for more messages than there are connections.
        bench.queue.add(to: ["z@far.example"])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("y@far.example")) == "deferred 4.4.2")
        while await bench.runner.connections > 1 { await Task.yield() }
        var book = await bench.runner.dispatcher.book
        let lane = try #require(await bench.runner.lanes.keys.first)
        let failure = book.hostFailed(lane, reason: "no more connections", now: bench.time.now, chance: 0.5)
        #expect(failure == .crowded)
        goOn.reached()
        await bench.queue.settled(3)
        #expect(status(bench.queue.outcome("z@far.example")) == "relayed")
      }
    }
  }
}
