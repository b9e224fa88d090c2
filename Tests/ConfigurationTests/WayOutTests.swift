import Platform
import Testing

@testable import Configuration

extension Configuration {
  /// The server that the file names for mail of anybody to a domain.
  func hop(for domain: String, from sender: String? = nil) -> NextHop? {
    if case .hop(let hop) = wayOut(for: domain, from: sender) { hop } else { nil }
  }
}

@Suite struct WayOutTests {
  private static let beginning = """
    hostname = "mail.example.org"
    postmaster = "alice"
    [[domain]]
    name = "example.org"
    [[account]]
    name = "alice"

    """

  private func configuration(_ text: String) throws -> Configuration { try Configuration(text: Self.beginning + text) }

  private func problems(_ text: String) -> [String] {
    ConfigurationFile.parse(Self.beginning + text).problems.filter { $0.severity == .error }.map(\.whatIsWrong)
  }

  @Test func withoutAnythingMailGoesDirectly() throws {
    let plain = try configuration("")
    #expect(plain.wayOut(for: "far.example", from: nil) == .direct(fallback: nil))
    #expect(plain.dns.source == .recursive && plain.dns.timeLimit == .seconds(20))
    #expect(plain.relay == Configuration.Relay())
    #expect(try configuration("[relay]\ndirect = false").wayOut(for: "far.example", from: nil) == nil)
  }

  @Test func theSmartHostTakesAllOrWhatIsLeft() throws {
    let all = try configuration("[smart-host]\nhost = \"smtp.example.net\"")
    #expect(all.hop(for: "far.example")?.address.host == "smtp.example.net")
    let rest = try configuration("[smart-host]\nhost = \"smtp.example.net\"\nuse = \"fallback\"")
    #expect(rest.wayOut(for: "far.example", from: nil) == .direct(fallback: rest.smartHost))
    let only = try configuration(
      "[smart-host]\nhost = \"smtp.example.net\"\nuse = \"fallback\"\n[relay]\ndirect = false")
    #expect(only.hop(for: "far.example") == only.smartHost)
  }

  @Test func domainsComeBeforeSendersAndTheNarrowBeforeTheWide() throws {
    let routes = try configuration(
      """
      [[route]]
      domains = ["far.example"]
      host = "all"
      [[route]]
      domains = ["far.example", ".wide.example"]
      senders = ["Alice@Example.org"]
      host = "alice"
      [[route]]
      senders = ["example.org"]
      host = "ours"
      """)
    #expect(routes.hop(for: "far.example")?.address.host == "all")
    #expect(routes.hop(for: "Far.example", from: "bob@example.org")?.address.host == "all")
    #expect(routes.hop(for: "far.example", from: "ALICE@example.org")?.address.host == "alice")
    #expect(routes.hop(for: "a.b.wide.example", from: "alice@example.org")?.address.host == "alice")
    #expect(routes.hop(for: "a.wide.example", from: "bob@example.org")?.address.host == "ours")
    #expect(routes.wayOut(for: "a.wide.example", from: nil) == .direct(fallback: nil))
    #expect(routes.wayOut(for: "other.example", from: "x@sub.example.org") == .direct(fallback: nil))
  }

  @Test func backupsAreNotForTheSmartHost() throws {
    let backup = try configuration(
      """
      [smart-host]
      host = "smtp.example.net"
      [[backup-mx]]
      domains = ["Friend.example"]
      recipients = ["Info@friend.example"]
      """)
    #expect(backup.wayOut(for: "friend.EXAMPLE", from: nil) == .direct(fallback: nil))
    #expect(backup.isBackup(for: Configuration.Address(localPart: "info", domain: "friend.example")))
    #expect(!backup.isBackup(for: Configuration.Address(localPart: "else", domain: "friend.example")))
  }

  @Test func nameServers() throws {
    let dns = try configuration("[dns]\nservers = [\"127.0.0.1@5353\", \"::1\"]").dns
    #expect(dns.source == .servers)
    #expect(dns.servers == [HostPort(host: "127.0.0.1", port: 5353), HostPort(host: "::1", port: 53)])
    for text in ["localhost", "127.0.0.1@", "127.0.0.1@0", "127.0.0.1@1@2", "127.0.0.1:53"] {
      #expect(problems("[dns]\nservers = [\"\(text)\"]").count == 1, "\(text)")
    }
    #expect(problems("[dns]\nsource = \"servers\"").count == 1)
    #expect(problems("[dns]\nsource = \"system\"\nservers = [\"::1\"]").count == 1)
    #expect(problems("[dns]\ntrust-anchors = [\"example.\"]").count == 1)
  }

  @Test func mistakesInRoutes() {
    #expect(problems("[[route]]\nhost = \"a\"") == ["this [[route]] is for nobody in particular"])
    let twice = "[[route]]\nsenders = [\"a@b.example\"]\nhost = \"a\"\n"
    #expect(problems(twice + twice).count == 1)
    #expect(problems("[[backup-mx]]\ndomains = [\"example.org\"]").count == 1)
    #expect(problems("[[backup-mx]]\ndomains = [\"a.example\"]\nrecipients = [\"x@b.example\"]").count == 1)
  }
}
