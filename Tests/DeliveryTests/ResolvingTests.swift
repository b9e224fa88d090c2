import Configuration
import MailFlow
import Message
import Testing

@testable import Delivery

@Suite struct ResolvingTests {
  @Test(arguments: [
    "anna@office.example", "ANNA@Office.Example", "a.meier@office.example", "anna+lists@office.example",
    "info@office.example", "staff@office.example", "postmaster@office.example", "Postmaster@shop.example",
    "abuse@office.example", "ABUSE@shop.example", "whoever@shop.example", "away@office.example",
    "postmaster@mail.office.example",
  ])
  func isOurs(_ text: String) async throws {
    #expect(try await delivery(office()).resolve(text) == .local)
  }

  @Test func theUnknownAreRefusedAtOnce() async throws {
    let refusal = Resolution.refused(Answer(550, "5.1.1", "No such user here"))
    #expect(try await delivery(office()).resolve("nobody@office.example") == refusal)
    #expect(try await delivery(office()).resolve("nobody@office.example", origin: .submission) == refusal)
    #expect(try await delivery(office()).resolve("+anna@office.example") == refusal)
  }

  @Test func usersOfTheSystemReachThePostmaster() async throws {
    let configuration = try office()
    let delivery = Delivery(
      configuration: { configuration }, usage: { _ in 0 }, isSystemUser: { $0 == "www-data" || $0 == "bert" })
    for text in ["root@mail.office.example", "www-data@mail.office.example", "carl@MAIL.office.example"] {
      #expect(try await delivery.resolve(text, origin: .local) == .local, "\(text)")
    }
    // From outside only root, whom answers to our own mail may be for, and people.
    #expect(try await delivery.resolve("root@mail.office.example") == .local)
    #expect(try await delivery.resolve("www-data@mail.office.example").answer?.enhanced == "5.1.1")
    // Nobody's name at the host itself is sent to no smart host.
    #expect(try await delivery.resolve("nobody@mail.office.example", origin: .local).answer?.enhanced == "5.1.1")
    #expect(try await delivery.resolve("www-data@office.example", origin: .local).answer?.enhanced == "5.1.1")
    #expect(try await delivery.resolve("x@elsewhere.example", origin: .local) == .remote(domain: "elsewhere.example"))
    // A user of the system with a mailbox gets the mail himself.
    let bert = try #require(EmailAddress("bert@mail.office.example"))
    let expansion = delivery.expansion(bert, configuration, senderIsKnown: true)
    guard case .one(.account("bert", _)) = expansion.outcome else {
      Issue.record("bert's mail goes to somebody else: \(expansion.outcome)")
      return
    }
  }

  @Test func beforeThereIsADomainEverythingIsPutOff() async throws {
    let configuration = try Configuration(text: "hostname = \"mail.office.example\"")
    for text in ["anna@office.example", "postmaster@mail.office.example"] {
      for origin in [Origin.mx, .local] {
        #expect(
          try await delivery(configuration).resolve(text, origin: origin).answer
            == Answer(
              451, "4.3.5", "Nobody has set this mail server up yet, try again later"))
      }
    }
  }

  @Test func strangersRelayNothing() async throws {
    let answer = try await delivery(office()).resolve("victim@elsewhere.example").answer
    #expect(answer?.code == 550)
    #expect(answer?.enhanced == "5.7.1")
    // Forms that have fooled relays before.
    for text in ["\"victim@elsewhere.example\"@third.example", "victim%elsewhere.example@third.example"] {
      #expect(try await delivery(office()).resolve(text).answer?.enhanced == "5.7.1")
    }
    // A percent or a route inside a local part of ours is just an unknown user.
    #expect(try await delivery(office()).resolve("victim%elsewhere.example@office.example").answer?.enhanced == "5.1.1")
  }

  @Test func ourOwnPeopleMayWriteToAnyone() async throws {
    let resolution = try await delivery(office()).resolve("friend@Elsewhere.Example", origin: .submission)
    #expect(resolution == .remote(domain: "elsewhere.example"))
  }

  @Test func aDeviceReachesAsFarAsConfigured() async throws {
    let delivery = try delivery(office())
    #expect(try await delivery.resolve("bert@office.example", origin: .device, device: "scanner") == .local)
    let inside = try await delivery.resolve("x@elsewhere.example", origin: .device, device: "scanner")
    #expect(inside.answer?.enhanced == "5.7.1")
    let outside = try await delivery.resolve("x@elsewhere.example", origin: .device, device: "fax")
    #expect(outside == .remote(domain: "elsewhere.example"))
    // A name that is not configured reaches nobody outside.
    let unknown = try await delivery.resolve("x@elsewhere.example", origin: .device, device: "ghost")
    #expect(unknown.answer?.enhanced == "5.7.1")
  }

  @Test func withoutAWayMailIsRefusedInsteadOfBouncingLater() async throws {
    let configuration = try Configuration(
      text: """
        hostname = "mail.office.example"
        [[domain]]
        name = "office.example"
        [[account]]
        name = "anna"
        [relay]
        direct = false
        [[route]]
        domains = ["partner.example"]
        host = "mx.partner.example"
        """)
    let delivery = delivery(configuration)
    #expect(try await delivery.resolve("x@partner.example", origin: .submission) == .remote(domain: "partner.example"))
    #expect(try await delivery.resolve("x@other.example", origin: .submission).answer?.enhanced == "5.4.4")
  }

  @Test func asBackupMXItTakesMailOfStrangersForThoseDomainsOnly() async throws {
    let delivery = delivery(
      try office(
        """
        [[backup-mx]]
        domains = ["friend.example"]
        recipients = ["info@friend.example"]
        """))
    #expect(try await delivery.resolve("Info@friend.example") == .remote(domain: "friend.example"))
    #expect(try await delivery.resolve("else@friend.example").answer?.enhanced == "5.7.1")
    #expect(try await delivery.resolve("info@elsewhere.example").answer?.enhanced == "5.7.1")
  }

  @Test func addressLiteralsLeaveOnlyWhereTheFileAllowsIt() async throws {
    let beginning =
      "hostname = \"mail.office.example\"\n[[domain]]\nname = \"office.example\"\n[[account]]\nname = \"anna\"\n"
    let strict = delivery(try Configuration(text: beginning))
    #expect(try await strict.resolve("x@[192.0.2.1]", origin: .submission).answer?.enhanced == "5.1.2")
    let free = delivery(try Configuration(text: beginning + "[relay]\naddress-literals = true\n"))
    #expect(try await free.resolve("x@[192.0.2.1]", origin: .submission) == .remote(domain: "[192.0.2.1]"))
  }

  @Test func aFullMailboxIsToldAtRcpt() async throws {
    let delivery = try delivery(office(), used: ["bert": 1 << 20, "carl": 1 << 19])
    let full = try await delivery.resolve("bert@office.example")
    #expect(full.answer == Answer(452, "4.2.2", "The mailbox is full"))
    #expect(try await delivery.resolve("carl@office.example") == .local)
    #expect(try await delivery.resolve("carl@office.example", size: 1 << 19) == .local)
    #expect(try await delivery.resolve("carl@office.example", size: (1 << 19) + 1).answer?.enhanced == "4.2.2")
    #expect(try await delivery.resolve("carl@office.example", size: 2 << 20).answer?.code == 552)
    #expect(try await delivery.resolve("carl@office.example", size: Int.max).answer?.code == 552)
    #expect(try await delivery.resolve("anna@office.example", size: 40 << 20) == .local, "no quota, no refusal")
  }

  @Test func aGroupIsFullOnlyWhenEveryMemberIs() async throws {
    let one = try delivery(office(), used: ["bert": 1 << 20])
    #expect(try await one.resolve("both@office.example") == .local)
    let both = try delivery(office(), used: ["bert": 1 << 20, "carl": 1 << 20])
    #expect(try await both.resolve("both@office.example").answer?.enhanced == "4.2.2")
    #expect(try await both.resolve("staff@office.example") == .local, "anna has room")
  }

  @Test func aStoreInTroubleRefusesNobody() async throws {
    struct Trouble: Error {}
    let configuration = try office()
    let delivery = Delivery(configuration: { configuration }, usage: { _ in throw Trouble() })
    #expect(try await delivery.resolve("bert@office.example") == .local)
  }

  @Test func outsideMembersNeedPermissionForStrangersMail() async throws {
    var configuration = try office()
    #expect(try await delivery(configuration).resolve("away@office.example") == .local)
    // The check refuses such a file; the room does not depend on that.
    configuration.delivery = try office(forwarding: false).delivery
    #expect(try await delivery(configuration).resolve("away@office.example").answer?.enhanced == "5.1.1")
    #expect(try await delivery(configuration).resolve("away@office.example", origin: .submission) == .local)
  }
}
