import Testing

@testable import Configuration

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct ExampleTests {
  /// The repository's own file, two folders above this one.
  static let path = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/appliance.conf"

  /// With `POSTROOM_WRITE_EXAMPLE` in the environment the file is written instead (as `postroom check --example` does).
  @Test func theFileInTheRepositoryIsTheSchemas() throws {
    if getenv("POSTROOM_WRITE_EXAMPLE") != nil {
      let file = try #require(fopen(Self.path, "w"))
      fputs(ConfigurationFile.example, file)
      fclose(file)
    }
    let file = try #require(fopen(Self.path, "r"), "there is no appliance.conf at the top of the repository")
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(
      text == ConfigurationFile.example,
      "appliance.conf is not what the schema says: run `postroom check --example > appliance.conf`")
  }

  @Test func theExampleIsASmallestWorkingFile() throws {
    let (configuration, problems) = ConfigurationFile.parse(ConfigurationFile.example)
    let example = try #require(configuration, "\(problems)")
    #expect(example.accounts.map(\.name) == ["alice"])
    #expect(example.smartHost == nil && example.rules.isEmpty && example.routes.isEmpty)
  }

  @Test func theFreshFileRunsAsItIsAndIsTheExampleOtherwise() throws {
    let fresh = try Configuration(text: ConfigurationFile.fresh)
    #expect(fresh.domains.isEmpty && fresh.accounts.isEmpty)
    #expect(fresh.services == (try Configuration(text: ConfigurationFile.example)).services)
    // What its first lines say: without the # before these four it takes mail.
    var text = ConfigurationFile.fresh
    for line in ["[[domain]]", "name = \"example.org\"", "[[account]]", "name = \"alice\""] {
      #expect(text.contains("\n#\(line)\n"), "\(line)")
      text = text.replacing("\n#\(line)\n", with: "\n\(line)\n", maxReplacements: 1)
    }
    #expect(try Configuration(text: text).accounts.map(\.name) == ["alice"])
  }

  @Test func whatIsCommentedOutIsWhatHoldsAnyway() throws {
    // Uncomment the keys of tables that are not commented out themselves: only optional keys may change anything.
    let plain = try Configuration(text: ConfigurationFile.example)
    let full = try Configuration(text: Self.uncommented())
    #expect(full.limits == plain.limits)
    #expect(full.services == plain.services)
    #expect(full.queue == plain.queue)
    #expect(full.relay == plain.relay)
    #expect(full.dns.source == plain.dns.source && full.dns.timeLimit == plain.dns.timeLimit)
    #expect(full.smartHostUse == plain.smartHostUse)
    #expect(full.trace == plain.trace)
    #expect(full.control == plain.control)
    #expect(full.logLevel == plain.logLevel)
    #expect(full.delivery == plain.delivery)
    #expect(full.submission == plain.submission)
    #expect(full.passwordIterations == plain.passwordIterations)
    #expect(full.dataFolder == plain.dataFolder)
  }

  @Test func everythingCommentedOutMayBeUncommented() throws {
    let full = try Configuration(text: Self.uncommented())
    #expect(full.aliases.count == 1 && full.groups.count == 1 && full.devices.count == 1)
    #expect(full.rules.count == 1 && full.routes.count == 1 && full.smartHost?.user == "office")
    #expect(full.backups.count == 1)
    #expect(full.tls.identity != nil && full.tls.named.count == 1)
  }

  /// The example with every setting in force. A rule's conditions that are empty are fine beside one that is not, and a
  /// route with a user needs verified TLS.
  static func uncommented() -> String {
    ConfigurationFile.example.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("#") && !line.hasPrefix("# ") && line != "#" ? String(line.dropFirst()) : String(line)
    }.joined(separator: "\n").replacing("tls = \"opportunistic\"", with: "tls = \"verified\"")
  }

  @Test func everyDefaultIsWrittenAsItIs() {
    func check(_ table: TableSchema) {
      for key in table.keys {
        #expect(!key.documentation.isEmpty && key.documentation.hasSuffix("."), "\(table.name).\(key.name)")
      }
      for inner in table.tables { check(inner) }
    }
    check(Schema.root)
  }

  @Test func theDemonstrationIsCorrect() throws {
    let text = ConfigurationFile.demonstration(
      folder: "/tmp/a \"strange\" \\ folder", peer: ("other.example", "127.0.0.1:20025"))
    let demo = try Configuration(text: text)
    #expect(demo.dataFolder == "/tmp/a \"strange\" \\ folder")
    #expect(demo.accounts.map(\.name) == ["alice", "bob"])
    #expect(demo.service(.imaps).listen.map(\.description) == ["127.0.0.1:10993"])
    #expect(demo.hop(for: "other.example")?.address.port == 20_025)
    #expect(demo.services.flatMap(\.listen).filter { $0.host != "127.0.0.1" }.isEmpty)
    let free = try Configuration(text: ConfigurationFile.demonstration(folder: "/tmp/a", basePort: 0))
    #expect(free.services.flatMap(\.listen).map(\.port) == [0, 0, 0, 0, 0])
  }
}
