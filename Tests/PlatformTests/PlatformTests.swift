import Foundation
import Platform
import Testing

@Suite struct IPAddressTests {
  @Test func readsBothFamilies() {
    #expect(IPAddress("192.0.2.1")?.bytes == [192, 0, 2, 1])
    #expect(IPAddress("2001:db8::1")?.description == "2001:db8::1")
    #expect(IPAddress("::ffff:192.0.2.7")?.description == "192.0.2.7")
    for bad in ["", "1.2.3", "1.2.3.4.5", "[::1]", "fe80::1%eth0", "host"] { #expect(IPAddress(bad) == nil) }
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("10.1.2.3", true), ("172.31.0.1", true), ("172.32.0.1", false), ("192.168.1.1", true),
    ("169.254.1.1", true), ("100.64.0.1", true), ("0.0.0.0", true), ("8.8.8.8", false), ("::1", true),
    ("fe80::1", true), ("fd00::1", true), ("2001:db8::1", false), ("::", true),
  ])
  func knowsInternalAddresses(_ text: String, _ expected: Bool) {
    #expect(IPAddress(text)?.isInternal == expected)
  }

  @Test func aNULHidesNothing() {
    for text in ["192.0.2.1\0", "192.0.2.1\0 x", "::1\0]"] { #expect(IPAddress(text) == nil) }
    #expect(HostPort("[::1\0]:25") == nil)
  }

  @Test func networksContain() throws {
    let network = try #require(IPNetwork("192.0.2.128/25"))
    #expect(network.contains(try #require(IPAddress("192.0.2.200"))))
    #expect(!network.contains(try #require(IPAddress("192.0.2.1"))))
    #expect(!network.contains(try #require(IPAddress("::1"))))
    #expect(IPNetwork("192.0.2.77/24")?.description == "192.0.2.0/24")
    #expect(IPNetwork("::1")?.prefix == 128)
    #expect(try #require(IPNetwork("::/0")).contains(try #require(IPAddress("2001:db8::9"))))
    for bad in ["1.2.3.4/33", "1.2.3.4/-1", "::/129", "/8", "1.2.3.4/"] { #expect(IPNetwork(bad) == nil) }
  }

  @Test func hostAndPort() {
    #expect(HostPort("[::1]:25") == HostPort(host: "::1", port: 25))
    #expect(HostPort("mail.example", defaultPort: 25)?.description == "mail.example:25")
    for bad in ["::1:25", "host:", "host:99999", ":25", "[x]:1", "host"] { #expect(HostPort(bad) == nil) }
  }
}

@Suite struct MomentTests {
  @Test(arguments: [(0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (-1, "1969-12-31T23:59:59Z")])
  func civilTimeIsExact(_ seconds: Int64, _ text: String) {
    #expect(Moment(seconds: seconds).description == text)
  }

  @Test(arguments: [0, 1, 1_795_351_211_094_186, -1, -62_000_000_000_000_000])
  func programsReadItAsRFC3339(_ microseconds: Int64) throws {
    let moment = Moment(microseconds: microseconds)
    let written = try JSONEncoder().encode([moment])
    #expect(try JSONDecoder().decode([Moment].self, from: written) == [moment])
    if microseconds == 1_795_351_211_094_186 {
      #expect(String(decoding: written, as: UTF8.self) == #"["2026-11-22T12:40:11.094186Z"]"#)
    }
    for bad in ["2026-11-22T12:40:11Z", "2026-13-22T12:40:11.094186Z", "x", "", "1795351211094186"] {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode([Moment].self, from: JSONEncoder().encode([bad])) }
    }
  }

  @Test func civilTimeGoesBothWays() {
    var seconds: Int64 = -3_000_000_000
    while seconds < 6_000_000_000 {
      let t = CivilTime(Moment(seconds: seconds))
      #expect(
        CivilTime.seconds(
          year: t.year, month: t.month, day: t.day, hour: t.hour, minute: t.minute, second: t.second) == seconds)
      seconds += 86_400 * 17 + 12_345
    }
    #expect(CivilTime(Moment(seconds: 1_795_351_211)).weekday == 0)
  }
}

@Suite struct DigestTests {
  func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  @Test func sha256OfAbc() {
    #expect(
      hex(SHA256.hash(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  /// The exchange in RFC 7677 §3 proves PBKDF2 and HMAC together.
  @Test func scramExample() throws {
    let salt: [UInt8] = [
      0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81,
    ]
    let salted = try pbkdf2SHA256(password: Array("pencil".utf8), salt: salt, iterations: 4096)
    #expect(hex(salted) == "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d")
  }

  @Test func comparesSecrets() {
    #expect(constantTimeEqual([1, 2], [1, 2]))
    #expect(!constantTimeEqual([1, 2], [1, 3]))
    #expect(!constantTimeEqual([1, 2], [1]))
    #expect(randomBytes(16) != randomBytes(16))
  }
}
