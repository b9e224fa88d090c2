import Platform
import Resolver
import Testing

@Suite("Records as a zone file has them") struct ZoneTextTests {
  @Test func textIsQuotedEscapedAndCut() {
    #expect(DNSRecord.txt("v=spf1 -all").zoneText == #""v=spf1 -all""#)
    #expect(DNSRecord.txt(#"a"b\c"#).zoneText == #""a\"b\\c""#)
    #expect(DNSRecord.txt("ü\t").zoneText == #""\195\188\009""#)
    #expect(DNSRecord.txt("").zoneText == #""""#)
    let long = DNSRecord.txt(String(repeating: "x", count: 300)).zoneText
    #expect(long == "\"" + String(repeating: "x", count: 255) + "\" \"" + String(repeating: "x", count: 45) + "\"")
  }

  @Test func namesHaveTheirLastDot() throws {
    let name = try #require(DomainName("mx.example"))
    #expect(DNSRecord.mx(MXRecord(preference: 10, exchange: name)).zoneText == "10 mx.example.")
    #expect(DNSRecord.mx(MXRecord(preference: 0, exchange: .root)).zoneText == "0 .")
    #expect(DNSRecord.name(name).zoneText == "mx.example.")
    #expect(
      DNSRecord.tlsa(TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [0, 255])).zoneText == "3 1 1 00ff")
    #expect(DNSRecord.other([1]).zoneText == "\\# 1 01")
  }
}
