import Testing

@testable import Message

@Suite struct EmailAddressTests {
  @Test(arguments: [
    ("user@example.com", "user", "example.com"),
    ("a.b+c@sub.example.org", "a.b+c", "sub.example.org"),
    ("\"john doe\"@example.com", "john doe", "example.com"),
    ("\"a\\\"b\\\\c\"@example.com", "a\"b\\c", "example.com"),
    ("\"plain\"@example.com", "plain", "example.com"),
    ("user@[192.0.2.1]", "user", "[192.0.2.1]"),
    ("user@[IPv6:2001:db8::1]", "user", "[IPv6:2001:db8::1]"),
    ("josé@exämple.com", "josé", "exämple.com"),
    ("\"a@b\"@example.com", "a@b", "example.com"),
    ("x@host_name.example", "x", "host_name.example"),
  ])
  func valid(_ text: String, _ local: String, _ domain: String) throws {
    let address = try #require(EmailAddress(text))
    #expect(address.localPart == local)
    #expect(address.domain == domain)
    #expect(EmailAddress(address.description) == address)
  }

  @Test(arguments: [
    "", "@", "user", "user@", "@example.com", ".a@example.com", "a.@example.com", "a..b@example.com", "a b@example.com",
    "a@b@example.com", "a@-x.com", "a@x-.com", "a@x..com", "a@.com", "a@com.", "a@[]", "a@[1.2.3]", "a@[IPv6:1.2.3.4]",
    "a@[192.0.2.1", "\"a@example.com", "\"a\"b@example.com", "<a@example.com>", "a@exa mple.com", "a\r\n@example.com",
    "\"a\r\nb\"@example.com", "\"a\0\"@example.com", "a@exa\nmple.com", "\"\"@example.com", "a(c)@example.com",
  ])
  func invalid(_ text: String) { #expect(EmailAddress(text) == nil) }

  @Test func brokenUTF8IsNoAddress() {
    #expect(EmailAddress(bytes: [0xFF] + "@example.com".bytes) == nil)
    #expect(EmailAddress(bytes: "a@".bytes + [0xC3]) == nil)
    #expect(EmailAddress(bytes: "\"".bytes + [0xC3] + "\"@example.com".bytes) == nil)
  }

  @Test func lengths() {
    #expect(EmailAddress(String(repeating: "a", count: 256) + "@b") != nil)
    #expect(EmailAddress(String(repeating: "a", count: 257) + "@b") == nil)
    #expect(EmailAddress("a@" + String(repeating: "a.", count: 127) + "b") != nil)
    #expect(EmailAddress("a@" + String(repeating: "a.", count: 128) + "b") == nil)
  }

  @Test func domainsCompareInAnyCase() throws {
    let a = try #require(EmailAddress("User@Example.COM"))
    let b = try #require(EmailAddress("User@example.com"))
    #expect(a == b && a.hashValue == b.hashValue)
    #expect(a != EmailAddress("user@example.com"))
    #expect(a.domainKey == "example.com")
    #expect(a.description == "User@Example.COM")
    #expect(try #require(EmailAddress("ä@b.example")).isInternationalized)
    #expect(!a.isInternationalized)
  }

  @Test func putTogether() {
    #expect(EmailAddress(localPart: "john doe", domain: "example.com")?.description == "\"john doe\"@example.com")
    #expect(EmailAddress(localPart: "a\nb", domain: "example.com") == nil)
    #expect(EmailAddress(localPart: "a", domain: "b c") == nil)
  }

  @Test(arguments: ["a@[192.0.2.1\0\r\nRCPT TO:<b@c>]", "a@[IPv6:::1\0x]", "\"a\"@[192.0.2.1\0]"])
  func nothingHidesBehindNULInALiteral(_ text: String) {
    #expect(EmailAddress(text) == nil)
    #expect(EmailAddress(localPart: "a", domain: String(text.drop { $0 != "[" })) == nil)
  }
}
