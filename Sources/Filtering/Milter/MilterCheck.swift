internal import Configuration
internal import MailFlow

/// The filters that the office keeps, side by side; their findings add up.
struct MilterCheck: ContentCheck {
  let test = "milter"
  let helper: Helper

  func applies(to message: JudgedMessage) -> Bool { message.configuration.milters.contains { Self.sees($0, message) } }

  private static func sees(_ milter: Configuration.Milter, _ message: JudgedMessage) -> Bool {
    switch message.envelope.origin {
    case .mx: true
    case .submission, .device, .local: milter.includesOwn
    case .notification, .append: false
    }
  }

  func examine(_ message: JudgedMessage) async -> CheckFindings {
    let milters = message.configuration.milters.filter { Self.sees($0, message) }
    let deadline = GatewayJudge.deadline(message.deadline, .now)
    return await withTaskGroup(of: (Int, CheckFindings).self) { group in
      for (index, milter) in milters.enumerated() {
        group.addTask { (index, await ask(milter, message, deadline)) }
      }
      var all = [CheckFindings](repeating: CheckFindings(), count: milters.count)
      for await (index, findings) in group { all[index] = findings }
      return all.reduce(into: CheckFindings()) { sum, findings in
        sum.common = sum.common + findings.common
        sum.own.merge(findings.own) { $0 + $1 }
      }
    }
  }

  private func ask(
    _ milter: Configuration.Milter, _ message: JudgedMessage, _ deadline: ContinuousClock.Instant
  ) async -> CheckFindings {
    let helper = helper
    // A little before the gateway gives the whole check up, so that `when-down` still has its say.
    let answer = await before(deadline - .milliseconds(200)) { () -> Result<CheckFindings, any Error> in
      do {
        return .success(
          try await helper.with(milter.place, within: milter.timeLimit) { connection in
            try await MilterSession.run(connection, message, milter)
          })
      } catch {
        return .failure(error)
      }
    }
    switch answer {
    case .success(let findings): return findings
    case .failure(let error): return Self.down(milter, "\(error)")
    case nil: return Self.down(milter, "it did not answer in time")
    }
  }

  private static func down(_ milter: Configuration.Milter, _ reason: String) -> CheckFindings {
    var findings = CheckFindings.unknown("milter \(milter.name)", reason)
    switch milter.whenDown {
    case .accept: break
    case .defer: findings.common.demands.append(.reject(Answer(451, "4.7.1", "Not now, try again later")))
    case .quarantine:
      findings.common.demands.append(.quarantine(reason: "the milter \(milter.name) does not answer: \(reason)"))
    }
    return findings
  }
}
