import Testing

@testable import Configuration

@Suite struct TransportSecurityTests {
  static let office = """
    hostname = "mail.example.org"
    [[domain]]
    name = "example.org"
    [[account]]
    name = "alice"

    """

  @Test func whichModeHolds() throws {
    let configuration = try Configuration(
      text: Self.office + """
        [[tls-policy]]
        domains = ["Example.net", ".example.net"]
        mode = "require"
        [[tls-policy]]
        domains = ["old.example.net"]
        mode = "none"
        [[tls-policy]]
        domains = ["*"]
        mode = "verify"
        """)
    let expected: [(String, Configuration.TLSPolicy.Mode)] = [
      ("example.net", .require), ("a.b.EXAMPLE.net", .require), ("old.example.net", .none),
      ("x.old.example.net", .require),
      ("example.com", .verify),
    ]
    for (domain, mode) in expected { #expect(configuration.tlsMode(for: domain) == mode, "\(domain)") }
    #expect(try Configuration(text: Self.office).tlsMode(for: "example.net") == .automatic)
  }

  @Test(arguments: [
    ("domains = [\"example.net\"]\nmode = \"maybe\"", "\"automatic\""),
    ("domains = [\"example.org\"]\nmode = \"require\"", "whose mail ends here"),
    ("domains = [\"example.net\", \"example.net\"]\nmode = \"require\"", "already"),
    ("domains = [\"not a name\"]\nmode = \"require\"", "a domain name such as"),
    ("mode = \"require\"", "domains"),
  ]) func mistakesAreTold(_ table: String, words: String) {
    let (_, problems) = ConfigurationFile.parse(Self.office + "[[tls-policy]]\n" + table)
    #expect(problems.contains { "\($0)".contains(words) }, "\(problems)")
  }
}
