internal import Network

/// IDLE (RFC 9051 §6.3.13, RFC 2177): the client hears of changes the moment they are committed.
struct IdleCommand: SessionCommand {
  func run(in session: Session) async throws -> Completion {
    // What is known already comes before the client is told to wait.
    try await session.reportUpdates(expunging: true)
    try await session.sendContinuation("Waiting for news")
    let limits = session.services.limits
    // Changes do not count as activity: only the client can show that it is there (RFC 9051 §5.4).
    let deadline = ContinuousClock.now + limits.inactivity
    while true {
      let left = deadline - ContinuousClock.now
      guard left > .zero else { throw SessionEnd.bye("Nothing was heard for too long") }
      switch try await session.stream.lineOrWake(limit: limits.lineBeforeLogin, within: left) {
      case .end: throw SessionEnd.silent
      case .line(let line):
        guard line.ending != .tooLong else { throw SessionEnd.bye("The command line is too long") }
        return equalIgnoringCase(line.bytes, "DONE".utf8) ? .ok("Done") : .bad("Expected DONE")
      case .woken:
        try session.requireActiveAccount()
        try await session.reportUpdates(expunging: true)
        try await session.send()
      }
    }
  }
}
