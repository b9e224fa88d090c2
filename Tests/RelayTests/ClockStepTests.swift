import Platform
import Testing

@testable import Relay

/// Somebody sets the clock back: what was planned by the old time must not wait for it.
@Suite struct ClockStepTests {
  @Test(arguments: [true, false])
  func whatIsDueImpossiblyLateIsLookedAt(isImpossible: Bool) async throws {
    try await RunnerBench.run(smartHost: nil) { bench in
      let wait = Duration.seconds(isImpossible ? 365 * 86_400 : 7200)
      bench.queue.add(to: ["x@far.example"], due: bench.time.now + wait)
      // The runner has begun when it has read; what was under way when a question was put answers it.
      while bench.queue.reads == 0 { await Task.yield() }
      for _ in 0..<2 { await bench.runner.proveProgress() }
      let reads = bench.queue.reads
      for _ in 0..<2 { await bench.runner.proveProgress() }
      #expect((bench.queue.reads > reads) == isImpossible)
    }
  }

  /// A message that was accepted before the step and told after it is due in an hour, by the new clock.
  @Test func newMailDoesNotWaitForTheOldTime() async throws {
    let server = FakeServer(FakeServer.Behaviour())
    defer { server.stop() }
    try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
      while bench.queue.reads == 0 { await Task.yield() }
      await bench.runner.proveProgress()
      let before = bench.time.now
      bench.time.setBack(by: .seconds(3600))
      bench.queue.add(to: ["x@far.example"], due: before)
      await bench.queue.settled(1)
      #expect(bench.queue.stepsBack == [.seconds(3600)])
    }
  }
}
