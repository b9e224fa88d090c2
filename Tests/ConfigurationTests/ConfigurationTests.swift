import Platform
import Testing

@testable import Configuration

let smallest = """
  hostname = "mail.example.org"
  [[domain]]
  name = "example.org"
  [[account]]
  name = "alice"
  """

/// A file with one account and whatever else is written.
func file(_ more: String, before: String = "postmaster = \"alice\"") -> String {
  """
  hostname = "mail.example.org"
  \(before)
  [[domain]]
  name = "example.org"
  [[account]]
  name = "alice"
  [[account]]
  name = "bob"
  \(more)
  """
}

@Suite struct ConfigurationTests {
  @Test func theSmallestFileWorks() throws {
    let configuration = try Configuration(text: smallest)
    #expect(configuration.hostname == "mail.example.org")
    #expect(configuration.postmaster == "alice")
    #expect(configuration.accounts[0].addresses.map(\.key) == ["alice@example.org"])
    #expect(configuration.service(.smtp).listen == [HostPort(host: "::", port: 25)])
    #expect(configuration.services.filter(\.enabled).count == 5)
    #expect(configuration.limits.messageSize == 50 << 20)
    #expect(configuration.tls.identity == nil)
    #expect(configuration.plaintextPasswordNetworks.isEmpty)
    #expect(configuration.proxyProtocolNetworks.isEmpty)
    #expect(configuration.queue.giveUpAfter == .seconds(5 * 86_400))
    #expect(configuration.queue.wait(afterAttempts: 1) == .seconds(300))
    #expect(configuration.queue.wait(afterAttempts: 99) == .seconds(14_400))
  }

  @Test func theSmallestFileHearsWhatItDoesNotSay() {
    let problems = ConfigurationFile.parse(smallest).problems
    #expect(problems.allSatisfy { $0.severity == .warning })
    #expect(problems.contains { $0.line == 2 && $0.whatIsWrong.contains("no postmaster") })
    #expect(problems.contains { $0.whatIsWrong.contains("self-made") })
  }

  @Test func theEmptyFileIsThatOfAFreshInstallation() throws {
    let (configuration, problems) = ConfigurationFile.parse("")
    let fresh = try #require(configuration)
    #expect(fresh.domains.isEmpty && fresh.accounts.isEmpty && fresh.hostname.contains("."))
    #expect(problems.allSatisfy { $0.severity == .warning })
    #expect(problems.contains { $0.whatIsWrong.contains("no mail can be taken yet") })
  }

  @Test func aDomainWithoutAccountsIsAMistakeAndSoTheOtherWayRound() {
    let domain = ConfigurationFile.parse("[[domain]]\nname = \"example.org\"")
    #expect(domain.configuration == nil)
    #expect(domain.problems.filter { $0.severity == .error }.map(\.whatIsWrong) == ["the file has no [[account]]"])
    let account = ConfigurationFile.parse("[[account]]\nname = \"alice\"")
    #expect(account.configuration == nil)
    #expect(account.problems.filter { $0.severity == .error }.map(\.whatIsWrong) == ["the file has no [[domain]]"])
  }

  @Test func theHostsOwnNameLeadsToPeople() throws {
    let text = smallest + "\n[[account]]\nname = \"boss\"\naddresses = [\"the.boss@example.org\"]\n"
    func own(_ local: String, _ extra: String = "") throws -> String {
      let configuration = try Configuration(text: text + extra)
      return "\(configuration.ownForm(of: Configuration.Address(localPart: local, domain: "mail.example.org")))"
    }
    #expect(try own("boss") == "the.boss@example.org")
    #expect(try own("root") == "postmaster@example.org")
    #expect(try own("abuse") == "abuse@example.org")
    #expect(try own("nobody") == "nobody@mail.example.org")
    let alias = "[[alias]]\naddress = \"root@example.org\"\nto = [\"boss\"]\n"
    #expect(try own("root", alias) == "root@example.org")
  }

  @Test func theLocalSocketIsBesideTheControlSocket() throws {
    #expect(try Configuration(text: smallest).localSocket == "/run/postroom/submit")
    let moved = smallest + "\n[control]\nsocket = \"/srv/x/c\"\n"
    #expect(try Configuration(text: moved).localSocket == "/srv/x/submit")
    #expect(try Configuration(text: moved + "[local]\nsocket = \"/srv/l\"\n").localSocket == "/srv/l")
  }

  @Test func theGenerationIsTheCallers() throws {
    #expect(try Configuration(text: smallest, generation: 7).generation == 7)
  }

  @Test func everySettingIsRead() throws {
    let configuration = try Configuration(
      text: """
        hostname = "Mail.Example.org"
        data-folder = "/srv/mail"
        postmaster = "bob"
        [[domain]]
        name = "Example.ORG"
        catch-all = "bob"
        [[account]]
        name = "Alice"
        addresses = ["Alice@example.org", "a@example.org"]
        quota = "10 GiB"
        [[account]]
        name = "bob"
        [[alias]]
        address = "info@example.org"
        to = ["alice", "bob@example.org"]
        [[group]]
        address = "team@example.org"
        members = ["info@example.org", "alice-team@example.org", "eve@elsewhere.example"]
        [delivery]
        separator = "-"
        forward-unauthenticated = true
        [smtp]
        listen = ["127.0.0.1:2525", "[::1]:2525"]
        [submission]
        show-client-address = true
        [imap]
        enabled = false
        [tls]
        certificate = "/c"
        key = "/k"
        [[tls.name]]
        names = ["mail.example.net"]
        certificate = "/c2"
        key = "/k2"
        [network]
        plaintext-passwords-from = ["127.0.0.0/8", "::1"]
        proxy-protocol-from = ["10.0.0.1"]
        [limits]
        message-size = "100 MiB"
        recipients = 100
        connections = 20
        connections-per-address = 10
        staging = "300 MiB"
        staging-per-address = "200 MiB"
        disk-reserve = "1.5 GiB"
        reply-deadline = "20 s"
        submission-reply-deadline = "1 min"
        [[device]]
        name = "scanner"
        networks = ["192.168.1.20"]
        account = "alice"
        senders = ["scanner@example.org"]
        reach = "outside"
        rate = 5
        [[rule]]
        name = "lottery"
        direction = ["incoming"]
        sender = ["*@example.net"]
        recipient = ["alice@*"]
        headers = { Subject = ["lottery", "you have won"], X-Kind = "bulk" }
        larger-than = "1 KiB"
        attachment-name = ["*.exe"]
        attachment-type = ["video/*"]
        action = "tag"
        text = "[?] "
        [[route]]
        domains = ["example.net", ".example.com"]
        host = "mx.example.net"
        tls = "encrypted"
        [smart-host]
        host = "smtp.example.net"
        tls = "implicit"
        user = "office"
        password-file = "/p"
        [queue]
        retry = ["1 min", "1 h"]
        give-up-after = "2 days"
        delay-notice-after = "2 h"
        [trace]
        keep = "2 weeks"
        subjects = false
        [control]
        socket = "/run/x"
        group = "staff"
        [log]
        level = "debug"
        [passwords]
        iterations = 4096
        """)
    #expect(configuration.hostname == "mail.example.org")
    #expect(configuration.dataFolder == "/srv/mail")
    #expect(configuration.postmaster == "bob")
    #expect(configuration.domain("EXAMPLE.org")?.catchAll == .account("bob"))
    let alice = try #require(configuration.account("alice"))
    #expect(alice.addresses.map(\.description) == ["Alice@example.org", "a@example.org"])
    #expect(alice.quota == 10 << 30)
    #expect(configuration.aliases[0].targets == [.account("alice"), .account("bob")])
    let team = try #require(configuration.groups.first)
    #expect(team.members.count == 3)
    #expect(team.members.last == .outside(Configuration.Address(localPart: "eve", domain: "elsewhere.example")))
    #expect(configuration.delivery.subaddressSeparator == "-")
    #expect(configuration.service(.smtp).listen.count == 2)
    #expect(configuration.submission.showClientAddress)
    #expect(!configuration.service(.imap).enabled)
    #expect(configuration.tls.identity?.key == "/k")
    #expect(configuration.tls.named.first?.names == ["mail.example.net"])
    #expect(configuration.allowsPlaintextPassword(from: IPAddress("127.9.9.9")!))
    #expect(!configuration.allowsPlaintextPassword(from: IPAddress("10.0.0.1")!))
    #expect(configuration.proxyProtocolNetworks.map(\.description) == ["10.0.0.1"])
    #expect(configuration.limits.messageSize == 100 << 20)
    #expect(configuration.limits.diskReserve == 3 << 29)
    #expect(configuration.limits.submissionReplyDeadline == .seconds(60))
    let device = try #require(configuration.device(at: IPAddress("192.168.1.20")!))
    #expect(device.account == "alice" && device.reach == .outside && device.rate == 5)
    #expect(configuration.device(at: IPAddress("192.168.1.21")!) == nil)
    let rule = try #require(configuration.rules.first)
    #expect(rule.headers.map(\.field) == ["Subject", "X-Kind"])
    #expect(rule.action == .tag && rule.text == "[?] ")
    #expect(configuration.hop(for: "Example.NET")?.address == HostPort(host: "mx.example.net", port: 25))
    #expect(configuration.hop(for: "a.b.example.com")?.tls == .encrypted)
    #expect(configuration.hop(for: "example.com")?.address == HostPort(host: "smtp.example.net", port: 465))
    #expect(configuration.smartHost?.user == "office")
    #expect(configuration.queue.retry == [.seconds(60), .seconds(3600)])
    #expect(configuration.trace.keep == .seconds(14 * 86_400) && !configuration.trace.subjects)
    #expect(configuration.control.group == "staff")
    #expect(configuration.logLevel == .debug)
    #expect(configuration.passwordIterations == 4096)
    #expect(configuration.line(of: "tls.certificate") != nil)
    #expect(configuration.line(of: "account[1].name") == 12)
  }
}
