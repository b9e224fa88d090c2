import MailFlow
import Message
import Platform

extension Command {
  /// What the gateway would say.
  static let filter: [Command] = [
    Command("filter upload") { arguments, office, _ in
      let name = try arguments.required("message")
      guard let piece = Base64.decode(Array(try arguments.required("piece").utf8)) else {
        throw CommandFailure(status: 2, "the message was not understood: use `postroom filter` of the same version")
      }
      let intake: Intake
      if let known = office.uploads.intake(name) {
        intake = known
      } else {
        do throws(IntakeError) {
          intake = try office.flow.beginIntake(origin: .mx, peer: nil)
        } catch {
          throw CommandFailure("the message cannot be taken now: \(error)")
        }
        guard office.uploads.begin(name, intake) else {
          throw CommandFailure("too many messages are being looked at: try again in a few minutes")
        }
      }
      await intake.append(piece)
    },
    Command("filter test") { arguments, office, emit in
      let envelope = try arguments.envelope()
      guard let intake = office.uploads.take(try arguments.required("message")) else {
        throw CommandFailure("the message is empty, or was dropped meanwhile: try again")
      }
      let content: ReceivedContent
      do throws(IntakeError) {
        content = try await intake.finish()
      } catch {
        if case .refused(let answer) = error { throw CommandFailure("the message is refused: \(answer)") }
        throw CommandFailure("the message cannot be taken now")
      }
      let verdicts = await office.flow.trial(envelope, content)
      for (recipient, verdict) in zip(envelope.recipients, verdicts) {
        try await emit(
          try Judgement(recipient.address.description, verdict).row(junkScore: office.configuration.spam.junkScore))
      }
    },
  ]
}

/// A verdict as it is shown.
private struct Judgement: Encodable {
  let recipient: String
  /// `accept`, `tag`, `junk`, `quarantine`, `reject` or `discard`.
  let verdict: String
  /// The reply, or why.
  let words: String
  let score: Double
  let factors: [Factor]

  init(_ recipient: String, _ verdict: Verdict) {
    self.recipient = recipient
    factors = verdict.factors
    score = verdict.factors.map(\.score).reduce(0, +)
    switch verdict.action {
    case .accept: (self.verdict, words) = (verdict.name, "")
    case .tag(let tag): (self.verdict, words) = (tag.isJunk ? "junk" : verdict.name, "")
    case .quarantine(let reason), .discard(let reason): (self.verdict, words) = (verdict.name, reason)
    case .reject(let answer): (self.verdict, words) = (verdict.name, answer.description)
    }
  }

  func row(junkScore: Int) throws -> ControlRow {
    var lines = [
      "\(recipient): \(verdict)\(words.isEmpty ? "" : ", \(words)"), score \(Command.tenths(score)) of \(junkScore)"
    ]
    for factor in factors {
      let score = factor.score == 0 ? "" : " \(Command.tenths(factor.score))"
      lines.append("  \(factor.test)\(score): \(displayable(factor.reason))")
    }
    return try ControlRow(text: lines.joined(separator: "\n"), self)
  }
}

extension Arguments {
  /// The envelope of a message from outside, as the options describe it.
  fileprivate func envelope() throws -> Envelope {
    let ip = try required("ip")
    guard let address = IPAddress(ip) else {
      throw CommandFailure(status: 2, "\(ip) is no address: write --ip 192.0.2.7")
    }
    var sender: EmailAddress?
    if let from = self["from"], from != "<>" {
      guard let known = EmailAddress(from) else {
        throw CommandFailure(status: 2, "\(from) is no mail address: write --from name@example.net, or --from \"<>\"")
      }
      sender = known
    }
    let recipients = try required("to").split(separator: "\n").map { text in
      guard let address = EmailAddress(text) else {
        throw CommandFailure(status: 2, "\(text) is no mail address: write --to name@example.org")
      }
      return EnvelopeRecipient(address)
    }
    return Envelope(
      origin: .mx, reversePath: sender, recipients: recipients, peer: Peer(address: address, helo: self["helo"] ?? ""),
      listener: "smtp", receivedAt: Clock.system.now())
  }
}
