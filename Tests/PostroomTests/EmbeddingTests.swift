import Postroom
import Testing

/// What the README shows compiles with `import Postroom` alone.
@Suite struct EmbeddingTests {
  @Test func oneImportIsEnough() throws {
    let configuration = try Configuration(
      text: """
        hostname = "mail.office.example"
        [[domain]]
        name = "office.example"
        [[account]]
        name = "alice"
        """)
    let appliance = Appliance(configuration)
    #expect(appliance.port(of: .smtp) == nil, "nothing runs yet")
    #expect(throws: ConfigurationError.self) { try Appliance(text: "hostname = 1") }
  }
}
