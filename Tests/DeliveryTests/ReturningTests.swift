import Configuration
import MailAuthentication
import MailFlow
import Message
import Platform
import Testing

@testable import Delivery

/// Return addresses of forwarded mail: a notification goes back to where the message came from, and nothing else does.
@Suite struct ReturningTests {
  private static let now = Moment(seconds: 1_800_000_000)
  private let rewriting = SenderRewriting(
    domain: { "mail.office.example" }, clock: Clock { ReturningTests.now },
    keys: [SRSKey(made: ReturningTests.now, secret: Array(repeating: 7, count: 32))])

  private func planner() throws -> Delivery {
    let configuration = try office()
    return Delivery(configuration: { configuration }, usage: { _ in 0 }, rewriting: rewriting)
  }

  private func envelope(from: EmailAddress?, to: EmailAddress) -> Envelope {
    Envelope(origin: .mx, reversePath: from, recipients: [EnvelopeRecipient(to)], receivedAt: Self.now)
  }

  private func fate(_ envelope: Envelope) async throws -> Fate? {
    try await planner().plan(
      PlannedMessage(envelope: envelope, size: 10, deliveredTo: [], verdicts: [.accept])
    ).recipients.first?.fate
  }

  @Test func aNotificationGoesBack() async throws {
    let sender = try #require(EmailAddress("anna@far.example"))
    let back = try #require(rewriting.rewritten(sender))
    let envelope = envelope(from: nil, to: back)
    #expect(try await planner().resolve(back, for: envelope, declaredSize: nil) == .local)
    #expect(
      try await fate(envelope)
        == .expand([Child(address: sender, fate: .queue(destination: "far.example"), through: back)]))
  }

  @Test func nothingElseDoes() async throws {
    let sender = try #require(EmailAddress("anna@far.example"))
    let back = try #require(rewriting.rewritten(sender))
    let forged = try #require(EmailAddress(localPart: back.localPart + "x", domain: back.domain))
    for (from, to) in [(nil, forged), (sender, back), (sender, forged)] {
      let envelope = envelope(from: from, to: to)
      guard case .refused(let answer) = try await planner().resolve(to, for: envelope, declaredSize: nil),
        case .reject? = try await fate(envelope)
      else {
        Issue.record("\(to) was taken")
        continue
      }
      #expect(answer.code == 550 && answer.enhanced == "5.7.1")
    }
  }

  /// The domain has become ours since.
  @Test func whatIsOursNowStaysHere() async throws {
    let sender = try #require(EmailAddress("anna@office.example"))
    let back = try #require(rewriting.rewritten(sender))
    guard case .deliver(let filing)? = try await fate(envelope(from: nil, to: back)) else {
      Issue.record("it is not delivered")
      return
    }
    #expect(filing.account == "anna")
  }
}
