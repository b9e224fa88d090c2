import Platform
import Testing

@testable import Resolver

@Suite("Records on the wire") struct WireTests {
  private static let name: [UInt8] = [2] + Array("mx".utf8) + [7] + Array("Example".utf8) + [0]

  @Test func eachType() throws {
    let name = try #require(DomainName("mx.example"))
    #expect(DNSRecord(.a, [192, 0, 2, 1]) == IPAddress("192.0.2.1").map { .address($0) })
    #expect(
      DNSRecord(.aaaa, [0x20, 1, 0xd, 0xb8] + Array(repeating: 0, count: 11) + [1])
        == IPAddress("2001:db8::1").map { .address($0) })
    #expect(DNSRecord(.mx, [0, 10] + Self.name) == .mx(MXRecord(preference: 10, exchange: name)))
    #expect(DNSRecord(.mx, [0, 0, 0]) == .mx(MXRecord(preference: 0, exchange: .root)))
    #expect(DNSRecord(.txt, [2, 0x61, 0x62, 0, 1, 0x63]) == .txt("abc"))
    #expect(DNSRecord(.ptr, Self.name) == .name(name))
    #expect(
      DNSRecord(.srv, [0, 1, 0, 2, 1, 0xbb] + Self.name)
        == .srv(SRVRecord(priority: 1, weight: 2, port: 443, target: name)))
    #expect(
      DNSRecord(.tlsa, [3, 1, 1, 9, 8])
        == .tlsa(TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [9, 8])))
    #expect(DNSRecord(DNSRecordType(rawValue: 999), [1, 2]) == .other([1, 2]))
  }

  @Test func anyBeginningAndAnyChangeIsReadOrRefused() {
    let whole: [(DNSRecordType, [UInt8])] = [
      (.mx, [0, 10] + Self.name), (.srv, [0, 1, 0, 2, 1, 0xbb] + Self.name), (.ptr, Self.name),
      (.txt, [2, 0x61, 0x62]), (.tlsa, [3, 1, 1, 9]), (.a, [1, 2, 3, 4]),
    ]
    for (type, bytes) in whole {
      for length in 0..<bytes.count where type != .txt { #expect(DNSRecord(type, Array(bytes[..<length])) == nil) }
      for place in bytes.indices {
        for value in [0, 1, 63, 64, 0xc0, 0xff] as [UInt8] {
          var changed = bytes
          changed[place] = value
          _ = DNSRecord(type, changed)
          _ = DNSRecord(type, changed + [value])
        }
      }
    }
    #expect(DNSRecord(.ptr, Self.name + [0]) == nil)
    #expect(DNSRecord(.ptr, [0xc0, 0x0c]) == nil)
    #expect(DNSRecord(.txt, [5, 1]) == nil)
  }
}
