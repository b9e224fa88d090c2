internal import MailFlow
internal import Platform
internal import SMTP

/// Turns outcomes into what is written into the queue: with the time of the next attempt, or the decision to stop.
struct Settlement: Sendable {
  let schedule: RetrySchedule
  let now: Moment
  /// A random number in 0..<1.
  let chance: @Sendable () -> Double

  /// - Parameters:
  ///   - attempts: attempts that ended before this one.
  ///   - accepted: when the message was accepted.
  ///   - host: with whom we spoke, for the trace; `nil`: with nobody.
  ///   - hasDSN: the host offered DSN, so notifications are its duty from now on.
  ///   - notBefore: the host is left alone until then.
  /// - Returns: `nil` for a recipient that is to be offered again at once.
  func attemptOutcome(
    _ outcome: Outcome, attempts: Int, accepted: Moment, host: String?, hasDSN: Bool = false, notBefore: Moment? = nil
  ) -> AttemptOutcome? {
    let next = schedule.next(
      attempt: attempts + 1, accepted: accepted, now: now, notBefore: notBefore, chance: chance())
    switch (outcome, next) {
    case (.again, _): return nil
    case (.relayed(let word), _): return .relayed(host: host ?? "", reply: word.text, supportsDSN: hasDSN)
    case (.failed(let word), _):
      return .failed(status: "\(word.status)", host: word.isRemote ? host : nil, reply: word.text)
    case (.deferred(let word), .retry(let at)):
      return .deferred(until: at, status: "\(word.status)", host: host, reply: word.text)
    case (.uncertain(let word), .retry(let at)): return .uncertain(until: at, host: host, reason: word.text)
    case (.deferred(let word), .giveUp), (.uncertain(let word), .giveUp):
      // 5.4.7: delivery time expired (RFC 3463 §3.5). The last words are what the sender can act on.
      let days = Int(schedule.giveUpAfter.components.seconds / 86_400)
      let period = days > 1 ? "\(days) days" : "\(schedule.giveUpAfter.components.seconds / 3600) hours"
      return .failed(
        status: "5.4.7", host: word.isRemote ? host : nil,
        reply: "Given up after \(period) and \(attempts + 1) attempts; the last one: \(word.text)")
    }
  }
}
