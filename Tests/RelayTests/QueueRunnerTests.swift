import Platform
import SMTP
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

@Suite("The queue runner", .timeLimit(.minutes(5)))
struct QueueRunnerTests {
  func status(_ outcome: AttemptOutcome?) -> String {
    switch outcome {
    case .relayed: "relayed"
    case .deferred(_, let status, _, _): "deferred \(status)"
    case .failed(let status, _, _): "failed \(status)"
    case .uncertain: "uncertain"
    case nil: "-"
    }
  }

  func words(_ outcome: AttemptOutcome?) -> String {
    switch outcome {
    case .relayed(_, let reply, _): reply
    case .deferred(_, _, _, let reply): reply
    case .failed(_, _, let reply): reply
    case .uncertain(_, _, let reason): reason
    case nil: ""
    }
  }

  func due(_ outcome: AttemptOutcome?) -> Moment? {
    switch outcome {
    case .deferred(let until, _, _, _), .uncertain(let until, _, _): until
    case .relayed, .failed, nil: nil
    }
  }

  /// A server that stops when the test ends.
  func serving(
    _ behaviour: FakeServer.Behaviour = .init(), _ body: (FakeServer) async throws -> Void
  ) async throws {
    let server = FakeServer(behaviour)
    defer { server.stop() }
    try await body(server)
  }

  // MARK: The good case

  @Test func aCommitSendsTheMessage() async throws {
    try await serving { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        #expect(bench.queue.wasRecovered)
        #expect(status(bench.queue.outcome("x@far.example")) == "relayed")
        #expect(words(bench.queue.outcome("x@far.example")) == "250 2.0.0 kept")
        #expect(server.transactions.map(\.text) == [FakeQueue.text])
        #expect(bench.queue.attempts.map(\.recipients) == [["x@far.example"]])
        #expect(server.commands.first == "EHLO mail.office.example")
      }
    }
  }

  @Test(arguments: [false, true]) func aMessageThatEndsTheProcessIsKeptBack(_ failHolds: Bool) async throws {
    try await serving { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        let later = bench.time.now + .seconds(3600)
        let bad = bench.queue.add(to: ["x@far.example"], due: later)
        bench.queue.poison(bad, failHolds: failHolds)
        bench.queue.makeDue()
        bench.queue.add(to: ["y@far.example"])
        await bench.queue.settled(failHolds ? 2 : 1)
        #expect(status(bench.queue.outcome("y@far.example")) == "relayed")
        // What cannot be held waits, so that it is not tried again and again.
        #expect(status(bench.queue.outcome("x@far.example")) == (failHolds ? "deferred 4.3.0" : "-"))
        #expect(bench.queue.held.map(\.envelope) == (failHolds ? [] : [bad]))
        #expect(server.transactions.count == 1)
      }
    }
  }

  @Test(arguments: [true, false]) func theContentArrivesAsItIs(_ chunking: Bool) async throws {
    var behaviour = FakeServer.Behaviour()
    if !chunking { behaviour.extensions.removeAll { $0 == "CHUNKING" } }
    let text =
      "Subject: dots\r\n\r\n.\r\n..\r\n.leading\r\ninside . and\r\n.\r\n"
      + String(repeating: "0123456789\r\n.", count: 40_000) + "\r\n"
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], text: text, pieces: 4093)
        await bench.queue.settled(1)
        #expect(server.transactions.count == 1)
        #expect(server.transactions.first?.text == text)
        #expect(server.transactions.first?.usedChunks == chunking)
      }
    }
  }

  @Test(arguments: [true, false]) func aLastLineWithoutItsEndGetsOne(_ chunking: Bool) async throws {
    var behaviour = FakeServer.Behaviour()
    if !chunking { behaviour.extensions.removeAll { $0 == "CHUNKING" } }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], text: "Subject: x\r\n\r\nno end")
        await bench.queue.settled(1)
        #expect(server.transactions.first?.text == "Subject: x\r\n\r\nno end\r\n")
      }
    }
  }

  @Test func recipientsOfOneDestinationShareATransactionAndHaveTheirOwnResults() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.recipient = { line, _ in
      if line.contains("bad@") { return .say("550 5.1.1 no such user") }
      return line.contains("grey@") ? .say("451 4.7.1 greylisted") : .say("250 2.1.5 ok")
    }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["a@far.example", "bad@far.example", "grey@far.example", "b@far.example"])
        await bench.queue.settled(4)
        #expect(server.transactions.count == 1)
        #expect(server.transactions.first?.wasPipelined == true)
        #expect(
          ["a@far.example", "bad@far.example", "grey@far.example", "b@far.example"].map {
            status(bench.queue.outcome($0))
          } == ["relayed", "failed 5.1.1", "deferred 4.7.1", "relayed"])
        // Only those whom the server had accepted were at stake.
        #expect(bench.queue.attempts.map(\.recipients) == [["a@far.example", "b@far.example"]])
      }
    }
  }

  @Test func routesGoBeforeTheSmartHost() async throws {
    try await serving { smartHost in
      try await serving { routed in
        let base = try Configuration(
          text: RunnerBench.text + """
            [smart-host]
            host = "127.0.0.1:\(smartHost.port)"
            tls = "off"

            [[route]]
            domains = ["far.example"]
            host = "127.0.0.1:\(routed.port)"
            tls = "off"

            """)
        try await RunnerBench.run(configuration: base) { bench in
          bench.queue.add(to: ["x@far.example", "y@other.example"])
          await bench.queue.settled(2)
          #expect(routed.transactions.map(\.recipients) == [["RCPT TO:<x@far.example>"]])
          #expect(smartHost.transactions.map(\.recipients) == [["RCPT TO:<y@other.example>"]])
        }
      }
    }
  }

  @Test func oneConnectionServesWhatWaits() async throws {
    try await serving { server in
      let limits = DestinationBook.Limits(connections: 1, connectionsPerDestination: 1)
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), limits: limits) { bench in
        for n in 0..<20 { bench.queue.add(to: ["x\(n)@far.example"]) }
        await bench.queue.settled(20)
        #expect(server.transactions.count == 20)
        #expect(server.connections == 1)
      }
    }
  }

  @Test func aServerThatEndsReusedConnectionsCostsNoAttempt() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.transactionsPerConnection = 2
    try await serving(behaviour) { server in
      let limits = DestinationBook.Limits(connections: 1, connectionsPerDestination: 1)
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), limits: limits) { bench in
        for n in 0..<5 { bench.queue.add(to: ["x\(n)@far.example"]) }
        await bench.queue.settled(5)
        #expect(bench.queue.outcomes.allSatisfy { status($0.outcome) == "relayed" })
        #expect(server.connections == 3)
      }
    }
  }

  @Test func tooManyRecipientsGoInTheNextTransaction() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.recipient = { _, accepted in accepted < 3 ? .say("250 2.1.5 ok") : .say("452 4.5.3 too many recipients") }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: (0..<8).map { "x\($0)@far.example" })
        await bench.queue.settled(8)
        #expect(bench.queue.outcomes.allSatisfy { status($0.outcome) == "relayed" })
        #expect(server.transactions.map(\.recipients.count) == [3, 3, 2])
        #expect(server.connections == 1)
      }
    }
  }

  // MARK: Refusals and retries

  @Test func greylistingIsTriedAgainWhenItsTimeComes() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.recipient = { _, _ in .say("451 4.7.1 come back") }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        #expect(due(bench.queue.outcome("x@far.example")) == bench.time.now + .seconds(900))
        server.change { $0.recipient = { _, _ in .say("250 2.1.5 ok") } }
        bench.time.advance(.seconds(899))
        await bench.runner.proveProgress()
        #expect(bench.queue.outcomes.count == 1)
        bench.time.advance(.seconds(1))
        await bench.queue.settled(2)
        #expect(status(bench.queue.outcome("x@far.example")) == "relayed")
      }
    }
  }

  /// Its time may come between the commit of the outcome and the moment at which the courier hears of it.
  @Test func whatIsDueAgainBeforeTheCourierKnowsIsTriedAgain() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.recipient = { _, _ in .say("451 4.7.1 come back") }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        let hears = Gate()
        bench.queue.holdOutcomes(hears)
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        server.change { $0.recipient = { _, _ in .say("250 2.1.5 ok") } }
        let reads = bench.queue.reads
        bench.time.advance(.seconds(900))
        while bench.queue.reads == reads { await Task.yield() }
        // The runner has seen the row, and left it where it still is.
        await bench.runner.proveProgress()
        hears.reached()
        await bench.queue.settled(2)
        #expect(status(bench.queue.outcome("x@far.example")) == "relayed")
      }
    }
  }

  @Test func mailAndContentRefusals() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.mail = { $0.contains("bad@") ? .say("550 5.7.1 not you") : .say("250 2.1.0 ok") }
    behaviour.content = { transaction, _ in
      transaction.text.contains("virus") ? .say("554 5.7.1 no viruses") : .say("451 4.3.0 later")
    }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["a@far.example"], from: "bad@office.example")
        bench.queue.add(to: ["b@far.example"], text: "Subject: x\r\n\r\nvirus\r\n")
        bench.queue.add(to: ["c@far.example"])
        await bench.queue.settled(3)
        #expect(status(bench.queue.outcome("a@far.example")) == "failed 5.7.1")
        #expect(status(bench.queue.outcome("b@far.example")) == "failed 5.7.1")
        #expect(words(bench.queue.outcome("b@far.example")) == "554 5.7.1 no viruses")
        #expect(status(bench.queue.outcome("c@far.example")) == "deferred 4.3.0")
      }
    }
  }

  @Test func afterFiveDaysItIsGivenUpWithTheLastWords() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.recipient = { _, _ in .say("451 4.2.1 mailbox asleep") }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], accepted: bench.time.now - .seconds(5 * 86_400), attempts: 60)
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "failed 5.4.7")
        #expect(words(bench.queue.outcome("x@far.example")).contains("451 4.2.1 mailbox asleep"))
      }
    }
  }

  // MARK: Connections that break

  @Test(arguments: [true, false]) func brokenInMidContentIsTriedAgain(_ chunking: Bool) async throws {
    var behaviour = FakeServer.Behaviour()
    if !chunking { behaviour.extensions.removeAll { $0 == "CHUNKING" } }
    behaviour.dropContentAfter = 50_000
    // More than the sockets' buffers hold: else the dot may be on its way before the break is noticed.
    let text = "Subject: x\r\n\r\n" + String(repeating: "0123456789\r\n", count: 750_000)
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"], text: text)
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "deferred 4.4.2")
        #expect(server.transactions.isEmpty)
      }
    }
  }

  @Test func whatIsSaidBeforeHangingUpInMidContentCounts() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions = ["PIPELINING"]
    behaviour.dropContentAfter = 50_000
    behaviour.lastWords = "552 5.3.4 too large for us"
    let text = "Subject: x\r\n\r\n" + String(repeating: "0123456789\r\n", count: 600_000)
    try await serving(behaviour) { server in
      var limits = TimeLimits.standard
      limits.dataBlock = .seconds(2)
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), timeLimits: limits) { bench in
        bench.queue.add(to: ["x@far.example"], text: text)
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "failed 5.3.4")
        // An early yes is none: the server does not have the message.
        server.change { $0.lastWords = "250 2.0.0 kept, I am sure" }
        bench.queue.add(to: ["y@far.example"], text: text)
        await bench.queue.settled(2)
        #expect(status(bench.queue.outcome("y@far.example")) == "deferred 4.4.2")
      }
    }
  }

  @Test func announcedLimitsAreKept() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.extensions.append("LIMITS RCPTMAX=2 MAILMAX=2")
    try await serving(behaviour) { server in
      let limits = DestinationBook.Limits(connections: 1, connectionsPerDestination: 1)
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), limits: limits) { bench in
        bench.queue.add(to: (0..<9).map { "x\($0)@far.example" })
        await bench.queue.settled(9)
        #expect(bench.queue.outcomes.allSatisfy { status($0.outcome) == "relayed" })
        #expect(server.transactions.map(\.recipients.count) == [2, 2, 2, 2, 1])
        #expect(server.transactions.map(\.connection) == [0, 0, 1, 1, 2])
      }
    }
  }

  @Test(arguments: [true, false]) func brokenAfterTheDotIsUncertainAndStays(_ chunking: Bool) async throws {
    var behaviour = FakeServer.Behaviour()
    if !chunking { behaviour.extensions.removeAll { $0 == "CHUNKING" } }
    behaviour.content = { _, number in number == 0 ? .reset : .say("250 2.0.0 kept") }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "uncertain")
        #expect(bench.queue.waitingCount == 1)
        // The attempt was on record before the end was sent: the server has the whole content.
        #expect(bench.queue.attempts.count == 1)
        #expect(server.transactions.count == 1)
        bench.time.advance(.seconds(900))
        await bench.queue.settled(2)
        #expect(status(bench.queue.outcome("x@far.example")) == "relayed")
      }
    }
  }

  @Test(arguments: [true, false]) func theEndIsNotSentUnlessTheAttemptIsOnRecord(_ chunking: Bool) async throws {
    var behaviour = FakeServer.Behaviour()
    if !chunking { behaviour.extensions.removeAll { $0 == "CHUNKING" } }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.failAttempts(true)
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "deferred 4.4.2")
        #expect(server.transactions.isEmpty)
      }
    }
  }

  @Test func anOutcomeThatCannotBeWrittenIsWrittenLaterAndNotSentTwice() async throws {
    try await serving { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.failWrites(2)
        bench.queue.add(to: ["x@far.example"])
        while bench.queue.failedWrites < 1 { await Task.yield() }
        await bench.time.sleepers(atLeast: 1)
        bench.time.advance(.seconds(1))
        while bench.queue.failedWrites < 2 { await Task.yield() }
        await bench.time.sleepers(atLeast: 1)
        bench.time.advance(.seconds(2))
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "relayed")
        #expect(server.transactions.count == 1)
      }
    }
  }

  @Test func aDeadHostHoldsUpItsMessagesTogetherAndNobodyElses() async throws {
    try await serving { alive in
      try await FakeServer.withDeadPort { dead in
        let configuration = try Configuration(
          text: RunnerBench.text + """
            [smart-host]
            host = "127.0.0.1:\(alive.port)"
            tls = "off"

            [[route]]
            domains = ["dead.example"]
            host = "127.0.0.1:\(dead)"
            tls = "off"

            """)
        let limits = DestinationBook.Limits(firstPause: .seconds(1200))
        try await RunnerBench.run(configuration: configuration, limits: limits) { bench in
          for n in 0..<50 { bench.queue.add(to: ["x\(n)@dead.example"]) }
          bench.queue.add(to: ["y@far.example"])
          await bench.queue.settled(51)
          #expect(status(bench.queue.outcome("y@far.example")) == "relayed")
          for n in 0..<50 {
            let outcome = bench.queue.outcome("x\(n)@dead.example")
            #expect(status(outcome) == "deferred 4.4.1")
            // Nobody comes before the host's own pause is over, though the schedule would say 15 minutes.
            #expect(due(outcome) == bench.time.now + .seconds(1200))
          }
          let troubles = await bench.runner.troubles
          #expect(troubles.map(\.host) == ["127.0.0.1:\(dead)"])
          // A new message for it waits too, without a connection.
          bench.queue.add(to: ["late@dead.example"])
          await bench.queue.settled(52)
          #expect(words(bench.queue.outcome("late@dead.example")).contains("Not tried"))
        }
      }
    }
  }

  @Test func anAdministratorCanHaveAHostTriedAtOnce() async throws {
    try await serving { server in
      server.change { $0.greeting = .say("554 5.3.2 closed today") }
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        // What is said to the connection is no word about the message, whatever its class.
        #expect(status(bench.queue.outcome("x@far.example")) == "deferred 4.4.2")
        server.change { $0.greeting = .say("220 open") }
        bench.queue.makeDue()
        await bench.queue.settled(2)
        #expect(status(bench.queue.outcome("x@far.example")) == "relayed")
      }
    }
  }

  // MARK: Routes, reload, stop

  @Test func withoutAWayOutItWaitsAndSaysWhatToConfigure() async throws {
    try await serving { server in
      try await RunnerBench.run(smartHost: nil) { bench in
        bench.queue.add(to: ["x@far.example"])
        await bench.queue.settled(1)
        #expect(status(bench.queue.outcome("x@far.example")) == "deferred 4.4.4")
        #expect(words(bench.queue.outcome("x@far.example")).contains("[smart-host]"))
        await bench.reload { $0.smartHost = RunnerBench.hop(server.port) }
        bench.time.advance(.seconds(900))
        await bench.queue.settled(2)
        #expect(status(bench.queue.outcome("x@far.example")) == "relayed")
      }
    }
  }

  @Test func whatIsDeletedWhileItWaitsInMemoryIsNotSent() async throws {
    let gate = Gate()
    let goOn = Gate()
    var behaviour = FakeServer.Behaviour()
    behaviour.content = { _, number in
      if number == 0 {
        gate.reached()
        goOn.waitOnThread()
      }
      return .say("250 2.0.0 kept")
    }
    try await serving(behaviour) { server in
      let limits = DestinationBook.Limits(connections: 1, connectionsPerDestination: 1)
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), limits: limits) { bench in
        for n in 0..<3 { bench.queue.add(to: ["x\(n)@far.example"]) }
        await gate.wait()
        await bench.runner.proveProgress()
        bench.queue.delete("x1@far.example")
        goOn.reached()
        await bench.queue.settled(2)
        #expect(server.transactions.flatMap(\.recipients) == ["RCPT TO:<x0@far.example>", "RCPT TO:<x2@far.example>"])
      }
    }
  }

  @Test func stoppingLetsATransactionEnd() async throws {
    let gate = Gate()
    var behaviour = FakeServer.Behaviour()
    behaviour.content = { _, _ in
      gate.reached()
      return .say("250 2.0.0 kept")
    }
    try await serving(behaviour) { server in
      let limits = DestinationBook.Limits(connections: 1, connectionsPerDestination: 1)
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port), limits: limits) { bench in
        for n in 0..<100 { bench.queue.add(to: ["x\(n)@far.example"]) }
        await gate.wait()
        await bench.runner.stop(grace: .seconds(60))
        #expect(!bench.queue.outcomes.isEmpty)
        #expect(bench.queue.outcomes.allSatisfy { status($0.outcome) == "relayed" })
        // What the server took is on record, and nothing else.
        #expect(server.transactions.count == bench.queue.outcomes.count)
      }
    }
  }

  @Test func stoppingCutsWhatTakesTooLongAndKnowsThatItIsUncertain() async throws {
    let gate = Gate()
    var behaviour = FakeServer.Behaviour()
    behaviour.content = { _, _ in
      gate.reached()
      return .hang
    }
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"])
        await gate.wait()
        async let stopped: Void = bench.runner.stop(grace: .seconds(10))
        await bench.time.sleepers(atLeast: 1)
        bench.time.advance(.seconds(10))
        await stopped
        #expect(status(bench.queue.outcome("x@far.example")) == "uncertain")
      }
    }
  }

  @Test func progressCanBeProvedWhileServersHang() async throws {
    var behaviour = FakeServer.Behaviour()
    behaviour.greeting = .hang
    try await serving(behaviour) { server in
      try await RunnerBench.run(smartHost: RunnerBench.hop(server.port)) { bench in
        bench.queue.add(to: ["x@far.example"])
        while await bench.runner.connections == 0 { await Task.yield() }
        await bench.runner.proveProgress()
        server.stop()
      }
    }
  }
}
