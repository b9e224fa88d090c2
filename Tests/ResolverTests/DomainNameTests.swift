import Platform
import Resolver
import Testing

@Suite("Names of the DNS") struct DomainNameTests {
  @Test func spellingsOfOneNameAreEqual() {
    #expect(DomainName("Mail.EXAMPLE.org")?.ascii == "mail.example.org")
    #expect(DomainName("mail.example.org.") == DomainName("mail.example.org"))
    #expect(DomainName("Müller.example")?.ascii == "xn--mller-kva.example")
    #expect(DomainName("MÜLLER.example") == DomainName("xn--mller-kva.example"))
    #expect(DomainName("mu\u{308}ller.example") == DomainName("xn--mller-kva.example"))
    #expect(DomainName("例え。テスト")?.ascii == "xn--r8jz45g.xn--zckzah")
  }

  @Test func whatIsNoNameIsNone() {
    let long = String(repeating: "a", count: 64)
    let wide = Array(repeating: String(repeating: "b", count: 63), count: 4).joined(separator: ".")
    for text in ["", "..", ".example", "a..b", "a b", "a\0b", "ü\0b", "a@b", "a/b", "\(long).example", wide, "*ü*@"] {
      #expect(DomainName(text) == nil, "\(text)")
    }
    #expect(DomainName(String(wide.dropLast(2))) != nil)
    #expect(DomainName(String(repeating: "ü", count: 2000)) == nil)
  }

  @Test func rootLabelsAndParents() {
    #expect(DomainName(".") == .root)
    #expect(DomainName.root.isRoot && DomainName.root.description == "." && DomainName.root.parent == nil)
    let name = DomainName("a.b.example")
    #expect(name?.labels == ["a", "b", "example"])
    #expect(name?.parent?.ascii == "b.example")
    #expect(DomainName("example")?.parent == .root)
    #expect(name?.prepending("_25", "_tcp")?.ascii == "_25._tcp.a.b.example")
    #expect(name?.prepending("") == nil)
    #expect(DomainName(String(repeating: "a.", count: 125) + "b")?.prepending("abc") == nil)
    #expect(name.map { $0.isWithin(.root) && $0.isWithin($0) } == true)
    #expect(DomainName("ab.example")?.isWithin(DomainName("b.example") ?? .root) == false)
  }

  @Test func addressesTurnedRound() throws {
    let four = try #require(IPAddress("192.0.2.1"))
    let six = try #require(IPAddress("2001:db8::1"))
    #expect(DomainName.reverse(of: four).ascii == "1.2.0.192.in-addr.arpa")
    #expect(
      DomainName.reverse(of: six).ascii
        == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")
  }
}
