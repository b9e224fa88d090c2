internal import Configuration
internal import MailFlow
internal import Message
internal import Platform
internal import Store

/// Puts suspicious mail of strangers off once, at the final dot: most programs that send spam do not come again.
///
///     not suspicious, or known ──▶ as judged
///     suspicious ──▶ key new ──▶ 451 ──the delay passes, within two days──▶ it comes again ──▶ passed: as judged, and remembered
///
/// The whole message is put off, for all recipients: a sender cannot be told to come again for some (RFC 5321 §4.2.5).
struct Greylist: Sendable {
  let store: Store

  /// - Parameter verdicts: what the gateway has decided, for each recipient.
  func apply(_ verdicts: [Verdict], _ message: JudgedMessage) async -> [Verdict] {
    let settings = message.configuration.greylisting
    guard settings.enabled, Self.isSuspicious(verdicts, settings), let key = Self.key(of: message),
      !Self.isReturned(message)
    else { return verdicts }
    do {
      let (now, sender) = (message.envelope.receivedAt, message.envelope.reversePath?.description)
      let rule = GreylistRule(delay: settings.delay, keep: settings.keep)
      var standing = try await store.read { try $0.greylistStanding(key, at: now, rule) }
      // Whoever has passed is asked first: the other question looks through all envelopes.
      if standing != .passed, let sender, try await store.read({ try $0.hasWritten(to: sender) }) {
        return Self.adding(Factor(test: "greylist", reason: "one of ours has written to \(sender)"), to: verdicts)
      }
      if !message.isTrial { standing = try await store.write { try $0.greylist(key, at: now, rule) } }
      switch standing {
      case .passed:
        return Self.adding(Factor(test: "greylist", reason: "\(key) has come again before"), to: verdicts)
      case .waiting(let rest):
        let factor = Factor(
          test: "greylist", reason: "\(key) is not known: it shall come again in \(rest.components.seconds + 1) s")
        return verdicts.map { Verdict(.reject(Self.answer), factors: $0.factors + [factor]) }
      }
    } catch {
      // Mail is not lost over it.
      return Self.adding(Factor(test: "greylist", reason: "unknown: \(error)"), to: verdicts)
    }
  }

  /// RFC 3463 §3.8: 4.7.1, delivery not authorised for the moment.
  static let answer = Answer(451, "4.7.1", "Greylisted: try again in a few minutes")

  /// Something would be delivered that has the score; what is refused or kept anyway is no matter.
  private static func isSuspicious(_ verdicts: [Verdict], _ settings: Configuration.Greylisting) -> Bool {
    verdicts.contains { verdict in
      switch verdict.action {
      case .accept, .tag: verdict.factors.map(\.score).reduce(0, +) >= settings.fromScore
      case .reject, .quarantine, .discard: false
      }
    }
  }

  /// Under what a sender is remembered: the domain of its reverse-path where that is proven, else its network, because large
  /// senders come again from another address of it.
  static func key(of message: JudgedMessage) -> String? {
    guard message.envelope.origin.isFromOutside, let address = message.envelope.peer.address, !address.isInternal
    else { return nil }
    if message.sender?.isSenderProven == true, let domain = message.envelope.reversePath?.domain {
      return domain.lowercased()
    }
    return IPNetwork(address, prefix: address.isIPv4 ? 24 : 64)?.description
  }

  /// A notification about mail that we have forwarded: the return address itself proves it, RCPT has checked that.
  private static func isReturned(_ message: JudgedMessage) -> Bool {
    message.envelope.reversePath == nil
      && message.envelope.recipients.allSatisfy { recipient in
        let name = recipient.address.localPart.prefix(5).uppercased()
        return name.hasPrefix("SRS0") || name.hasPrefix("SRS1")
      }
  }

  private static func adding(_ factor: Factor, to verdicts: [Verdict]) -> [Verdict] {
    verdicts.map { Verdict($0.action, factors: $0.factors + [factor]) }
  }
}
