import Testing

@testable import Configuration

@Suite struct ProblemTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let line: Int
    let wrong: String
    let advice: String
    let severity: Problem.Severity

    init(
      _ text: String, line: Int, _ wrong: String, _ advice: String, _ severity: Problem.Severity = .error
    ) {
      (self.text, self.line, self.wrong, self.advice, self.severity) = (text, line, wrong, advice, severity)
    }
    var testDescription: String { "\(wrong) (\(advice))" }
  }

  static let cases: [Case] = [
    // Syntax
    Case("hostname = \"a.b\"\nfoo = [1,\n", line: 2, "not TOML", "key = value"),
    Case("hostname = mail.example.org", line: 1, "not TOML", "quotes"),
    // Unknown keys
    Case(
      file("[limits]\nmesage-size = \"1 MiB\""), line: 10, "no key \"mesage-size\" in [limits]", "\"message-size\"?"),
    Case(file("[limit]\n"), line: 9, "there is no table [limit]", "\"limits\"?"),
    Case(file("[imap]\nkeep = \"1 h\""), line: 10, "no key \"keep\"", "in [trace]"),
    Case(file("[trace]\nxyzzy = 1"), line: 10, "no key \"xyzzy\"", "write one of keep, subjects"),
    Case(file("[[tls.name]]\nnmaes = []"), line: 10, "in [[tls.name]]", "\"names\"?"),
    // Kinds and bounds
    Case(file("[limits]\nmessage-size = 50"), line: 10, "message-size is 50", "\"50 MiB\""),
    Case(
      file("[limits]\nmessage-size = \"50 Mib\""), line: 10, "message-size is \"50 Mib\"",
      "from \"64 KiB\" to \"1 GiB\""),
    Case(file("[limits]\nmessage-size = \"1 KiB\""), line: 10, "\"1 KiB\"", "from \"64 KiB\""),
    Case(file("[limits]\nmessage-size = \"99999999999999 TiB\""), line: 10, "TiB", "a size"),
    Case(file("[limits]\nrecipients = 99"), line: 10, "recipients is 99", "from 100"),
    Case(file("[queue]\ngive-up-after = \"5 dayz\""), line: 10, "5 dayz", "\"5 days\""),
    Case(file("[queue]\nretry = [\n\"5 min\",\n\"soon\",\n]"), line: 12, "retry: \"soon\"", "a time such as"),
    Case(file("[queue]\nretry = []"), line: 10, "retry is a list", "at least one"),
    Case(file("[smtp]\nenabled = \"yes\""), line: 10, "enabled is \"yes\"", "true or false"),
    Case(file("[smtp]\nlisten = [\"localhost:25\"]"), line: 10, "localhost", "[::]:25"),
    Case(file("[smtp]\nlisten = [\"127.0.0.1\"]"), line: 10, "127.0.0.1", "with a port"),
    Case(
      file("[network]\nplaintext-passwords-from = [\"10.0.0.1/24\"]"), line: 10, "bits behind its prefix",
      "\"10.0.0.0/24\""),
    Case(file("[network]\nplaintext-passwords-from = [\"10.0.0.0/33\"]"), line: 10, "10.0.0.0/33", "network such as"),
    Case(file("[log]\nlevel = \"verbose\""), line: 10, "verbose", "\"error\" or \"critical\""),
    Case(file("[control]\nsocket = \"control\""), line: 10, "\"control\"", "path from the root"),
    Case(file("[delivery]\nseparator = \"@\""), line: 10, "separator", "\"+\""),
    Case(file("", before: "data-folder = 2024-01-01"), line: 2, "2024-01-01", "path"),
    Case(file("", before: "limits = 3"), line: 2, "limits is a number", "[limits]"),
    Case(file("[device]\nname = \"x\""), line: 9, "device is a table", "[[device]] with two brackets"),
    Case(file("[[limits]]\nstaging = \"1 GiB\""), line: 9, "limits is a list", "[limits]"),
    // Domains, accounts, addresses
    Case(file("[[domain]]\nname = \"EXAMPLE.org\""), line: 9, "example.org is already in line 3", "remove one"),
    Case(file("[[account]]\nname = \"ALICE\""), line: 9, "alice is already in line 5", "remove one"),
    Case(file("[[account]]\nname = \"a b\""), line: 10, "\"a b\"", "letters"),
    Case(file("[[account]]\naddresses = [\"c@example.org\"]"), line: 9, "[[account]] has no name", "name = \"alice\""),
    Case(
      file("[[account]]\nname = \"c\"\naddresses = [\"c@example.org\",\n\"ALICE@Example.org\"]"), line: 12,
      "already belongs to the account alice (line 5)", "[[alias]]"),
    Case(
      file("[[account]]\nname = \"c\"\naddresses = [\"c@exmple.org\"]"), line: 11, "not one of this file",
      "c@example.org?"),
    Case(file("[[account]]\nname = \"c\"\naddresses = [\"c\"]"), line: 11, "\"c\"", "alice@example.org"),
    Case(file("[[account]]\nname = \"c\"\naddresses = []"), line: 11, "addresses is a list", "at least one"),
    Case(file("", before: "postmaster = \"alcie\""), line: 2, "account alcie, which does not exist", "\"alice\"?"),
    Case(file("", before: ""), line: 3, "example.org has no postmaster", "postmaster = \"alice\"", .warning),
    // Aliases and groups
    Case(
      file("[[group]]\naddress = \"g@example.org\"\nmembers = [\n\"bob\",\n\"alcie\"]"), line: 13, "account alcie",
      "\"alice\"?"),
    Case(
      file("[[alias]]\naddress = \"g@example.org\"\nto = [\"nobody@example.org\"]"), line: 11, "which nobody has",
      "write an address"),
    Case(
      file("[[alias]]\naddress = \"g@elsewhere.test\"\nto = [\"bob\"]"), line: 10, "not one of this file", "[[domain]]"),
    Case(file("[[alias]]\naddress = \"bob@example.org\"\nto = [\"alice\"]"), line: 10, "already belongs", "[[alias]]"),
    Case(
      file("[[alias]]\naddress = \"g@example.org\"\nto = [\"x@example.net\"]"), line: 11,
      "senders are not authenticated", "forward-unauthenticated = true"),
    Case(
      file("[[group]]\naddress = \"g@example.org\"\nmembers = [\"x@example.net\"]"), line: 11, "in another domain",
      "forward-unauthenticated"),
    Case(
      file("[[group]]\naddress = \"g@example.org\"\nmembers = [\"bob\", \"bob@example.org\"]"), line: 11, "twice",
      "remove", .warning),
    Case(
      file(
        "[[alias]]\naddress = \"a@example.org\"\nto = [\"b@example.org\"]\n[[group]]\naddress = \"b@example.org\"\nmembers = [\"bob\", \"a+x@example.org\"]"
      ),
      line: 13, "a@example.org → b@example.org → a@example.org", "remove a@example.org from b@example.org"),
    Case(
      file("[[alias]]\naddress = \"a@example.org\"\nto = [\"a@example.org\"]"), line: 10,
      "a@example.org → a@example.org", "remove"),
    Case(
      "hostname = \"m.example.org\"\npostmaster = \"a\"\n[[domain]]\nname = \"example.org\"\ncatch-all = \"x@example.net\"\n[[account]]\nname = \"a\"",
      line: 5, "the catch-all of example.org", "forward-unauthenticated"),
    // Services
    Case(
      file("[smtp]\nlisten = [\"127.0.0.1:2525\"]\n[imap]\nlisten = [\"[::]:2525\"]"), line: 12,
      "where smtp listens too", "another"),
    Case(
      file(
        "[smtp]\nenabled = false\n[submission]\nenabled = false\n[submissions]\nenabled = false\n[imap]\nenabled = false\n[imaps]\nenabled = false"
      ), line: 0, "no service", "enabled = true"),
    Case(file("[tls]\ncertificate = \"/c\""), line: 10, "without its key", "key ="),
    Case(file("[tls]\nkey = \"/c\""), line: 10, "without its certificate", "certificate ="),
    Case(
      file("[network]\nplaintext-passwords-from = [\n\"127.0.0.1\",\n\"10.0.0.0/8\"]"), line: 12,
      "10.0.0.0/8 may be read", "127.0.0.0/8", .warning),
    Case(file("[network]\nproxy-protocol-from = [\"0.0.0.0/0\"]"), line: 10, "may claim any address", "load balancers"),
    Case(file("[limits]\nstaging-per-address = \"10 MiB\""), line: 10, "less than a message", "\"50 MiB\" or more"),
    // Devices
    Case(
      file(device("a", "192.168.1.0/24", "alice") + device("b", "192.168.1.7", "alice")), line: 15,
      "overlaps 192.168.1.0/24 of a (line 11)", "one device"),
    Case(file(device("a", "192.168.1.0/24", "alcie")), line: 12, "alcie, which does not exist", "\"alice\"?"),
    Case(file(device("a", "0.0.0.0/0", "alice")), line: 11, "very many senders", "own address"),
    Case(file(device("a", "203.0.113.7", "alice")), line: 11, "reachable from the internet", "own address", .warning),
    Case(
      file(device("a", "10.0.0.1", "alice") + "senders = [\"x@example.net\"]"), line: 13, "x@example.net", "example.org"
    ),
    // Rules
    Case(file("[[rule]]\nname = \"r\"\naction = \"discard\""), line: 9, "no condition", "sender"),
    Case(file("[[rule]]\nname = \"r\"\nsender = [\"*\"]"), line: 9, "[[rule]] has no action", "quarantine"),
    Case(file("[[rule]]\nname = \"r\"\nsender = []\naction = \"discard\""), line: 9, "is empty", "something in it"),
    Case(
      file("[[rule]]\nname = \"r\"\nsender = [\"*\"]\naction = \"tag\""), line: 9, "tags messages with nothing",
      "text ="),
    Case(
      file("[[rule]]\nname = \"r\"\nsender = [\"*\"]\naction = \"reject\"\ntext = \"N€in\""), line: 13,
      "cannot be sent", "ASCII"),
    Case(
      file("[[rule]]\nname = \"r\"\naction = \"delete\"\nsender = [\"*\"]"), line: 11, "delete",
      "\"reject\", \"quarantine\", \"tag\" or \"discard\""),
    Case(
      file("[[rule]]\nname = \"r\"\naction = \"discard\"\nheaders = { Subject = [] }"), line: 12, "headers is a table",
      "lottery"),
    // Relaying
    Case(
      file("[[route]]\ndomains = [\"example.org\"]\nhost = \"x.example.net\""), line: 10, "whose mail ends here",
      "remove"),
    Case(
      file("[[route]]\ndomains = [\"a.example\",\n\"A.example\"]\nhost = \"x.example.net\""), line: 11,
      "already (line 10)", "remove"),
    Case(file("[smart-host]\nhost = \"x.example.net:99999\""), line: 10, "99999", "smtp.example.net:587"),
    Case(file("[smart-host]\nhost = \"x.example.net\"\nuser = \"u\""), line: 11, "without a password", "password-file"),
    Case(
      file("[smart-host]\nhost = \"x.example.net\"\ntls = \"encrypted\"\nuser = \"u\"\npassword-file = \"/p\""),
      line: 12, "whoever answers", "\"verified\""),
    Case(file("[queue]\ndelay-notice-after = \"6 days\""), line: 10, "nobody will ever be told", "shorter", .warning),
    Case(file("[relay]\ndirect = false"), line: 0, "mail to other domains is refused", "[smart-host]", .warning),
  ]

  static func device(_ name: String, _ network: String, _ account: String) -> String {
    "[[device]]\nname = \"\(name)\"\nnetworks = [\"\(network)\"]\naccount = \"\(account)\"\n"
  }

  @Test(arguments: cases) func isTold(_ example: Case) throws {
    let (configuration, problems) = ConfigurationFile.parse(example.text)
    let found = problems.filter {
      $0.severity == example.severity && $0.line == example.line && $0.whatIsWrong.contains(example.wrong)
        && $0.whatToWrite.contains(example.advice)
    }
    #expect(found.count == 1, "\(problems.map(\.description).joined(separator: "\n"))")
    #expect((configuration == nil) == (example.severity == .error))
  }

  @Test func allProblemsAreToldAtOnceInTheOrderOfTheirLines() {
    let problems = ConfigurationFile.parse(
      file(
        "[limits]\nrecipients = 1\nfoo = 2\n[log]\nlevel = 3\n[[group]]\naddress = \"g@example.org\"\nmembers = [\"x\"]"
      )
    ).problems.filter { $0.severity == .error }
    #expect(problems.map(\.line) == [10, 11, 13, 16])
    #expect(problems.allSatisfy { $0.description.hasPrefix("line \($0.line): ") })
  }

  @Test func aTypicalProblemReadsAsASentence() {
    let problem = ConfigurationFile.parse(file("[limits]\nrecipients = 1")).problems.first { $0.line == 10 }
    #expect(
      problem?.description == "line 10: recipients is 1: write a number from 100 to 50000, without quotes")
  }

  @Test func invalidUTF8IsAnErrorWithItsLine() {
    let (configuration, problems) = ConfigurationFile.parse(bytes: Array("a = 1\nb = \"".utf8) + [0xff, 0xfe, 0x22])
    #expect(configuration == nil)
    #expect(problems.first?.line == 2)
  }

  @Test func anythingGivesAConfigurationOrAnError() {
    var generator = Repeatable(seed: 11)
    let sample = Array(ExampleTests.uncommented().utf8)
    for _ in 0..<300 {
      var bytes = sample
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: index)
        default:
          let end = min(index + Int.random(in: 1...80, using: &generator), bytes.count)
          bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0..<bytes.count, using: &generator))
        }
      }
      let (configuration, problems) = ConfigurationFile.parse(bytes: bytes)
      #expect((configuration == nil) == problems.contains { $0.severity == .error })
    }
  }

  @Test func anUnknownTableIsCalledATable() {
    let text =
      "hostname = \"mail.example.org\"\nfrob = 1\n[submisions]\n[[frobs]]\n[[domain]]\nname = \"example.org\"\n"
    let found = ConfigurationFile.parse(text).1.filter { (2...4).contains($0.line) }.map { "\($0)" }.sorted()
    #expect(found.count == 3)
    #expect(found[0].contains("there is no key \"frob\" before the first table"))
    #expect(found[1].contains("there is no table [submisions]") && found[1].contains("did you mean \"submissions\"?"))
    #expect(found[2].contains("there is no table [[frobs]]"))
  }

  /// One mistake does not hide the next.
  @Test func whatAWrongAddressLeadsToIsLookedAtToo() {
    let text = """
      hostname = "mail.example.org"
      [[domain]]
      name = "example.org"
      [[account]]
      name = "anna"
      [[group]]
      address = "team@elsewhere.example"
      members = ["nobody"]
      [[alias]]
      address = "anna@example.org"
      to = ["nobody"]
      """
    let errors = ConfigurationFile.parse(text).1.filter { $0.severity == .error }.map(\.line).sorted()
    #expect(errors == [7, 8, 10, 11])
  }

  @Test(arguments: ["[.smtp]", "[[[account]]]", "[=]", "[ #x]", "[[=a]]", "[\u{e9}]", "[-]\n[?]"])
  func aTableNameThatIsNoneIsAnErrorWithItsLine(_ name: String) {
    let (configuration, problems) = ConfigurationFile.parse("hostname = \"mail.example.org\"\n\(name)\n")
    #expect(configuration == nil)
    #expect(problems.contains { $0.severity == .error && $0.line >= 2 })
  }

  @Test func deepNestingIsAnErrorNotACrash() {
    let deep = "a = " + String(repeating: "[", count: 100_000)
    #expect(ConfigurationFile.parse(deep).configuration == nil)
    let tables = "a = " + String(repeating: "{a = ", count: 100_000)
    #expect(ConfigurationFile.parse(tables).configuration == nil)
    let dots = String(repeating: "a.", count: 100_000) + "b = 1"
    #expect(ConfigurationFile.parse(dots).configuration == nil)
  }

  @Test func aLongChainOfAliasesIsNoDeepRecursion() throws {
    let chain = (0..<3000).map {
      "[[alias]]\naddress = \"a\($0)@example.org\"\nto = [\"\($0 == 2999 ? "bob" : "a\($0 + 1)@example.org")\"]\n"
    }
    #expect(try Configuration(text: file(chain.joined())).aliases.count == 3000)
  }

  @Test(arguments: ["x = tru\u{7}", "hostname = \"a\\u001b[2J\"", "\"\\u0007\" = 1"])
  func aProblemHasNoControlCharacters(_ text: String) {
    let problems = ConfigurationFile.parse(text).problems
    #expect(!problems.isEmpty)
    #expect(problems.allSatisfy { $0.description.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } })
  }
}

/// The same numbers for the same seed (xorshift).
struct Repeatable: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
