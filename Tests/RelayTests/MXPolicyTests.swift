import Message
import Platform
import Reception
import Testing

@testable import Configuration
@testable import MailFlow
@testable import Relay

@Suite("Port 25")
struct MXPolicyTests {
  let policy = MXPolicy()

  func session() throws -> ReceptionSession {
    ReceptionSession(
      service: .smtp, peer: IPAddress("192.0.2.1"), configuration: try Configuration(text: RunnerBench.text))
  }

  func answer(_ resolution: Resolution) async throws -> Answer? {
    let envelope = Envelope(
      origin: .mx, reversePath: EmailAddress("eve@far.example"), recipients: [],
      receivedAt: Moment(seconds: 1_800_000_000))
    let recipient = EnvelopeRecipient(try #require(EmailAddress("x@other.example")))
    return await policy.recipient(recipient, resolution, envelope, try session())
  }

  @Test func strangersAreTakenStrictlyAndWithoutAuthentication() async throws {
    let session = try session()
    guard case .accept(let terms) = await policy.connect(session) else {
      Issue.record("nobody is let in")
      return
    }
    #expect(terms.origin == .mx && terms.discipline == .strict && !terms.requiresAuthentication && !terms.isLenient)
    #expect(terms.replyDeadline == session.configuration.limits.replyDeadline)
    guard case .refuse(let answer) = await policy.authenticated(session) else {
      Issue.record("somebody authenticated on port 25")
      return
    }
    #expect(answer.code == 454)
  }

  @Test func itIsNoOpenRelay() async throws {
    #expect(try await answer(.local) == nil)
    #expect(try await answer(.remote(domain: "other.example"))?.code == 550)
    let unknown = Answer(550, "5.1.1", "No such user here")
    #expect(try await answer(.refused(unknown)) == unknown)
  }

  @Test func aStrangeNameRefusesNobody() async throws {
    var session = try session()
    for name in ["", "localhost", "[192.0.2.77]", "mail.office.example", "-"] {
      session.helo = name
      #expect(await policy.hello(session) == nil)
    }
  }

  @Test func theHeaderLosesWhatOnlyThisHouseMaySay() async throws {
    let text =
      "Return-Path: <ceo@office.example>\r\nX-Postroom-Rule: none\r\nAuthentication-Results: mail.office.example; spf=pass\r\n"
      + "Authentication-Results: office.example; dkim=pass\r\nAuthentication-Results: far.example; dkim=pass\r\n"
      + "From: eve@far.example\r\n\r\n"
    let header = HeaderSection(Array(text.utf8))
    let content = ReceivedContent(
      header: header, structure: MIMEScanner.scan(header: header, body: []),
      body: ReceivedBody(place: .memory([]), size: 0, hash: [], share: nil), hash: [])
    let envelope = Envelope(
      origin: .mx, reversePath: nil, recipients: [], receivedAt: Moment(seconds: 1_800_000_000))
    guard case .accept(let edited?) = await policy.content(envelope, content, try session()) else {
      Issue.record("it stayed as it was")
      return
    }
    #expect(
      String(decoding: edited, as: UTF8.self)
        == "Authentication-Results: far.example; dkim=pass\r\nFrom: eve@far.example\r\n\r\n")
  }
}
