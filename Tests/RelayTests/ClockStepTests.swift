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
      await bench.runner.proveProgress()
      await bench.runner.proveProgress()
      let reads = bench.queue.reads
      // A turn that was under way answers the first question; the second one is answered by a turn that began since.
      await bench.runner.proveProgress()
      await bench.runner.proveProgress()
      #expect((bench.queue.reads > reads) == isImpossible)
    }
  }
}
